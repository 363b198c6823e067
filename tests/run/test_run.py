"""Whole runs in one process, without sockets: honest, with parties lost at every step, and with a lying coordinator."""

import contextlib

import msgspec
import numpy as np
import pytest

from tacit.bundle import verify
from tacit.data import Column, Schema, Table
from tacit.errors import AgreementError, BudgetError, ProtocolError, TacitError
from tacit.federated.secagg.messages import MaskedVector, Roster, Survivors
from tacit.keys import Identity
from tacit.run import coordinator_steps, new_study, party_steps
from tacit.run.messages import Participants, Proposal, Signers, Stop, Total
from tacit.study import Study
from tacit.study.drafting import Choices

NAMES = ("north", "east", "south", "west")
SCHEMA = Schema(
    label="ill",
    columns=(
        Column(name="age", kind="number", low=0.0, high=100.0),
        Column(name="dose", kind="number", low=-1.0, high=1.0),
        Column(name="ill", kind="category", values=("no", "yes")),
    ),
    max_rows=1000,
)
ROUNDS = 2
replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def identities():
    return {name: Identity.new(name) for name in (*NAMES, "carrier")}


@pytest.fixture
def make_study(identities, tmp_path):
    def make(**changes) -> dict[str, Study]:
        choices = Choices(
            name="trial", purpose="a test", address="localhost:9440", rounds=ROUNDS, corrupt=1, dropping=1, **changes
        )
        parties = [identities[name].public for name in NAMES]
        study = new_study(tmp_path / "study", choices, parties, identities["carrier"].public, SCHEMA)
        for name in NAMES:
            study.sign(identities[name])
        return study

    return make


@pytest.fixture(scope="module")
def tables():
    draw = np.random.default_rng(3)
    made = {}
    for name in NAMES:
        features = np.column_stack([draw.uniform(0, 100, 60), draw.uniform(-1, 1, 60)])
        labels = (features[:, 0] / 50 - 1 + features[:, 1] > 0).astype(np.int64)
        made[name] = Table(features, labels, SCHEMA, f"{name}.csv")
    return made


class Run:
    """Steps the roles against each other; `intercept(step, name, message)` may change what the coordinator says."""

    def __init__(self, study, identities, tables, intercept=None, lose=None, reply=None):
        self.intercept = intercept or (lambda step, name, message: message)
        self.reply = reply or (lambda step, name, message: message)
        self.lose = lose or {}
        self.events = []
        self.sent = []
        self.results, self.errors = {}, {}
        self.parties = {name: party_steps(study, identities[name], tables[name], lambda event: None) for name in NAMES}
        self.coordinator = coordinator_steps(study, self.events.append)
        self.bundle = None

    def go(self):
        next(self.coordinator)
        answers = {}
        for name in NAMES:
            self.speak(0, name, lambda name=name: next(self.parties[name]), answers)
        step = 0
        try:
            while True:
                step += 1
                outgoing = self.coordinator.send(answers)
                answers = {}
                for name, message in outgoing.items():
                    if name in self.parties:
                        said = self.intercept(step, name, message)
                        self.speak(step, name, lambda n=name, s=said: self.parties[n].send(s), answers)
        except StopIteration as end:
            self.bundle = end.value
        self.steps = step
        return self

    def speak(self, step, name, act, answers):
        if self.lose.get(name) == step:
            del self.parties[name]
            return
        try:
            answers[name] = self.reply(step, name, act())
            self.sent.append(answers[name])
        except StopIteration as end:
            self.results[name] = end.value
            del self.parties[name]
        except TacitError as error:
            self.errors[name] = error
            del self.parties[name]


def test_all_end_with_one_bundle_that_verifies(make_study, identities, tables):
    study = make_study()
    run = Run(study, identities, tables).go()
    bundles = {result.bundle.encode() for result in run.results.values()}
    assert set(run.results) == set(NAMES)
    assert bundles == {run.bundle.encode()}
    assert verify(bundles.pop(), study=study).holds


def test_without_noise_the_model_is_that_of_the_pooled_rows(make_study, identities, tables):
    study = make_study(unit="none", epsilon=0.0, delta=0.0)
    run = Run(study, identities, tables).go()
    graph = run.bundle.open(identities["north"])
    x = np.vstack([tables[name].features for name in NAMES])
    y = np.concatenate([tables[name].labels for name in NAMES])
    u = np.column_stack([x[:, 0] / 50 - 1, x[:, 1]])
    z = (u - u.mean(0)) / u.std(0)
    weights, velocity = np.zeros(3), np.zeros(3)
    ones = np.column_stack([z, np.ones(len(z))])
    for _ in range(ROUNDS):
        gradients = ones * (1 / (1 + np.exp(-ones @ weights)) - y)[:, None]
        gradients *= np.minimum(1, 1 / np.linalg.norm(gradients, axis=1))[:, None]
        velocity = 0.5 * velocity + gradients.mean(0)
        weights = weights - velocity
    expected = 1 / (1 + np.exp(-ones @ weights))
    assert np.abs(graph.predict(x)[:, 0] - expected).max() < 2e-3


def test_a_party_lost_at_any_step_does_not_stop_the_others(make_study, identities, tables):
    study = make_study(epsilon=900.0)
    steps = 1 + 5 * (ROUNDS + 1)
    for step in range(steps):
        budget_left = Study.load(study.folder)
        for path in (study.folder / "log").rglob("*.jsonl"):
            path.unlink()
        run = Run(budget_left, identities, tables, lose={"south": step}).go()
        assert set(run.results) == {"north", "east", "west"}, step
        assert run.bundle.manifest.absent == ("south",)
        assert verify(run.bundle.encode(), study=study).holds


def test_two_lost_parties_stop_the_run_and_are_named(make_study, identities, tables):
    with pytest.raises(ProtocolError) as caught:
        Run(make_study(), identities, tables, lose={"south": 4, "west": 4}).go()
    assert "south" in caught.value.culprit
    assert "west" in caught.value.culprit


def test_a_second_run_would_overdraw_the_budget(make_study, identities, tables):
    study = make_study()
    Run(study, identities, tables).go()
    with pytest.raises(BudgetError, match="agree on a new study"):
        next(party_steps(study, identities["north"], tables["north"], lambda event: None))


def test_nothing_runs_under_an_altered_agreement(make_study, identities, tables):
    study = make_study()
    file = study.folder / "study.toml"
    file.write_bytes(file.read_bytes().replace(b'purpose = "a test"', b'purpose = "another"'))
    with pytest.raises(AgreementError, match="changed after signing"):
        next(party_steps(Study.load(study.folder), identities["north"], tables["north"], lambda event: None))


def test_the_coordinator_sees_a_blinded_total(make_study, identities, tables):
    seen = []

    def watch(step, name, message):
        if isinstance(message, Total) and name == "north":
            seen.append(np.frombuffer(message.words, np.uint64 if len(message.words) == 40 else np.uint32))
        return message

    Run(make_study(unit="none", epsilon=0.0, delta=0.0), identities, tables, watch).go()
    half = np.concatenate([total.view(np.uint8) for total in seen])
    # The statistics of 240 rows alone would leave the high bytes of every small positive sum at zero.
    assert np.count_nonzero(half == 0) < len(half) / 8


def test_no_value_of_a_table_crosses_the_wire(make_study, identities, tables):
    run = Run(make_study(), identities, tables).go()
    crossed = b"".join(msgspec.msgpack.encode(message) for message in run.sent)
    for table in tables.values():
        for value in table.features.ravel():
            assert np.float64(value).tobytes() not in crossed
            assert repr(float(value)).encode() not in crossed


def lie_once(kind, change, to=("north",)):
    """An interceptor that changes the first message of `kind` to each of `to`."""
    done = set()

    def intercept(step, name, message):
        if isinstance(message, kind) and name in to and name not in done:
            done.add(name)
            return change(message)
        return message

    return intercept


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


LIES = {
    "participants left out": lie_once(Participants, lambda m: replace(m, joins=m.joins[1:])),
    "participants doubled": lie_once(Participants, lambda m: replace(m, joins=(*m.joins, m.joins[-1]))),
    "participants too few": lie_once(Participants, lambda m: replace(m, joins=m.joins[:2])),
    "grants altered": lie_once(
        Participants, lambda m: replace(m, grants={**m.grants, "east": flip(m.grants["east"])}), to=("east",)
    ),
    "join forged": lie_once(
        Participants,
        lambda m: replace(m, joins=(*m.joins[:-1], replace(m.joins[-1], signature=flip(m.joins[-1].signature)))),
    ),
    "roster too short": lie_once(Roster, lambda m: replace(m, advertisements=m.advertisements[:2])),
    "survivors without us": lie_once(Survivors, lambda m: replace(m, parties=m.parties[1:])),
    "another kind of message": lie_once(Total, lambda m: Signers(NAMES)),
    "total of another length": lie_once(Total, lambda m: Total(m.words[:-1])),
    "signers that cannot be": lie_once(Signers, lambda m: Signers(m.parties[::-1])),
    "proposal altered": lie_once(Proposal, lambda m: replace(m, payload=flip(m.payload)), to=("east",)),
    "stopped": lie_once(Total, lambda m: Stop("no \x1b[31mreason")),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_coordinator_is_found_out(make_study, identities, tables, lie):
    run = Run(make_study(), identities, tables, LIES[lie])
    try:
        run.go()
    except ProtocolError:
        assert run.errors
    (victim,) = set(run.errors) & {"north", "east"} or {None}
    assert isinstance(run.errors[victim], ProtocolError), run.errors
    assert victim not in run.results
    assert "\x1b" not in str(run.errors[victim])


def test_different_totals_for_two_parties_are_found_in_the_next_step(make_study, identities, tables):
    lie = lie_once(Total, lambda m: Total(flip(m.words)))
    run = Run(make_study(), identities, tables, lie)
    with contextlib.suppress(ProtocolError):
        run.go()
    assert "north" not in run.results
    assert all("north" not in result.bundle.manifest.signers for result in run.results.values())


def test_a_vector_of_another_length_excludes_its_party(make_study, identities, tables):
    def reply(step, name, message):
        if isinstance(message, MaskedVector) and name == "west":
            return replace(message, vector=message.vector[:-4])
        return message

    run = Run(make_study(), identities, tables, reply=reply).go()
    assert run.bundle.manifest.absent == ("west",)
    assert any(event.kind == "dropped" and event.body["party"] == "west" for event in run.events)

"""Whole runs in one process, without sockets: honest, with parties lost at every step, and with a lying coordinator."""

import contextlib

import msgspec
import numpy as np
import pytest

from tacit.bundle import verify
from tacit.errors import AgreementError, BudgetError, ProtocolError
from tacit.federated.secagg.messages import MaskedVector, Roster, Survivors
from tacit.run import party_steps
from tacit.run.messages import Participants, Proposal, Signers, Stop, Total
from tacit.study import Study

from .acting import NAMES, Run, flip, replace

ROUNDS = 2


@pytest.fixture
def identities(people):
    return people.identities


@pytest.fixture
def tables(people):
    return people.tables


@pytest.fixture
def make_study(people, tmp_path):
    return lambda **changes: people.study(tmp_path / "study", rounds=ROUNDS, **changes)


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


@pytest.mark.parametrize("lost", ["north", "south"])
def test_a_party_lost_at_any_step_does_not_stop_the_others(people, tmp_path, lost):
    """While it joins, in any message of a sum, and while the bundle is made; whether or not it leads."""
    messages = 1 + 5 * 2 + 2
    for step in range(messages + 1):
        study = people.study(tmp_path / f"study-{step}", unit="none", epsilon=0.0, delta=0.0)
        run = people.run(study, lose={lost: step}).go()
        assert set(run.results) == set(NAMES) - {lost}, step
        assert run.bundle.manifest.absent == (lost,)
        assert {result.bundle.encode() for result in run.results.values()} == {run.bundle.encode()}
        assert verify(run.bundle.encode(), study=study).holds
    run = people.run(people.study(tmp_path / "study"), lose={lost: messages + 1}).go()
    assert run.bundle.manifest.absent == ()
    assert set(run.results) == set(NAMES) - {lost}, "all had signed"


def test_two_lost_parties_stop_the_run_and_are_named(make_study, identities, tables):
    with pytest.raises(ProtocolError) as caught:
        Run(make_study(), identities, tables, lose={"south": 4, "west": 4}).go()
    assert "south" in caught.value.culprit
    assert "west" in caught.value.culprit


def test_a_second_run_would_overdraw_the_budget(people, study):
    run = people.run(study).go()
    again = people.run(study)
    for name in NAMES:
        assert name in run.results
        with pytest.raises(BudgetError, match="agree on a new study"):
            next(again.parties[name])


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
            seen.append(np.frombuffer(message.words, np.uint8))
        return message

    Run(make_study(unit="none", epsilon=0.0, delta=0.0), identities, tables, watch).go()
    half = np.concatenate(seen)
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
    "total of another length": lie_once(Total, lambda m: replace(m, words=m.words[:-1])),
    "a total of survivors that were not confirmed": lie_once(
        Total, lambda m: replace(m, survivors=(m.survivors[0][:-1],))
    ),
    "a total of more groups": lie_once(Total, lambda m: replace(m, survivors=m.survivors * 2)),
    "a total of no group": lie_once(Total, lambda m: replace(m, survivors=())),
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
    lie = lie_once(Total, lambda m: replace(m, words=flip(m.words)))
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

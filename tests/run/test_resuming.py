"""A run that broke off goes on where it was: nothing is charged twice, and at most the round under way is lost."""

import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.bundle import verify
from tacit.data import Column, Schema, Table
from tacit.errors import BudgetError, FormatError, ProtocolError, TacitError
from tacit.keys import Identity
from tacit.run import coordinator_steps, new_study, party_steps
from tacit.run.checkpoint import Checkpoint
from tacit.run.continuing import Start
from tacit.study import Study
from tacit.study.drafting import Choices

NAMES = ("north", "east", "south", "west")
ROUNDS = 4
MESSAGES_OF_A_STEP = 5
SCHEMA = Schema(
    label="ill",
    columns=(
        Column(name="age", kind="number", low=0.0, high=100.0),
        Column(name="ill", kind="category", values=("no", "yes")),
    ),
    max_rows=100,
)


@pytest.fixture(scope="module")
def identities():
    return {name: Identity.new(name) for name in (*NAMES, "carrier")}


@pytest.fixture(scope="module")
def tables():
    draw = np.random.default_rng(3)
    features = {name: draw.uniform(0, 100, (30, 1)) for name in NAMES}
    return {name: Table(x, (x[:, 0] > 50).astype(np.int64), SCHEMA, f"{name}.csv") for name, x in features.items()}


@pytest.fixture(scope="module")
def make_study(identities, tmp_path_factory):
    def make(unit="record") -> Study:
        budget = {"epsilon": 4.0, "delta": 1e-5} if unit != "none" else {"epsilon": 0.0, "delta": 0.0}
        choices = Choices(
            name="trial",
            purpose="a test",
            address="localhost:9440",
            rounds=ROUNDS,
            corrupt=1,
            dropping=1,
            unit=unit,
            **budget,
        )
        folder = tmp_path_factory.mktemp("resuming") / "study"
        study = new_study(
            folder, choices, [identities[name].public for name in NAMES], identities["carrier"].public, SCHEMA
        )
        for name in NAMES:
            study.sign(identities[name])
        return study

    return make


class Attempt:
    """One attempt at a run; everything stops dead when the coordinator speaks for the `until`-th time.

    What it then says still reaches those in `heard`: some may know a total, or have been charged, when others have not.
    """

    def __init__(self, study, identities, tables, names=NAMES):
        self.events = {name: [] for name in (*names, "carrier")}
        self.results, self.errors, self.bundle = {}, {}, None
        self._parties = {
            name: party_steps(study, identities[name], tables[name], self.events[name].append) for name in names
        }
        self._coordinator = coordinator_steps(study, self.events["carrier"].append)

    def go(self, until=None, heard=()):
        next(self._coordinator)
        answers = {}
        for name in list(self._parties):
            self._speak(name, None, answers)
        for said in itertools.count(1):
            try:
                outgoing = self._coordinator.send(answers)
            except StopIteration as end:
                self.bundle = end.value
                break
            answers = {}
            for name, message in outgoing.items():
                if name in self._parties and (said != until or name in heard):
                    self._speak(name, message, answers)
            if said == until:
                break
        for steps in (*self._parties.values(), self._coordinator):
            steps.close()
        return self

    def _speak(self, name, message, answers):
        try:
            steps = self._parties[name]
            answers[name] = next(steps) if message is None else steps.send(message)
        except StopIteration as end:
            self.results[name] = end.value
            del self._parties[name]
        except TacitError as error:
            self.errors[name] = error
            del self._parties[name]

    def joined(self, name="north"):
        return next(event.body for event in self.events[name] if event.kind == "joined")


def charged(study, name) -> Counter:
    logs = study.run_logs(name)
    return Counter(entry.body["step"] for log in logs for entry in log if entry.kind == "release")


def read_again(study) -> Study:
    return Study.load(study.folder)


@pytest.mark.parametrize("unit", ["record", "none"])
@pytest.mark.parametrize("within", range(MESSAGES_OF_A_STEP))
def test_goes_on_from_any_message_of_a_round(make_study, identities, tables, unit, within):
    study = make_study(unit)
    Attempt(study, identities, tables).go(until=2 + 2 * MESSAGES_OF_A_STEP + within)
    again = Attempt(read_again(study), identities, tables).go()
    assert set(again.results) == set(NAMES)
    assert again.joined()["continues_after"] == 1
    assert again.joined()["lost"] <= 1
    assert len({result.bundle.encode() for result in again.results.values()}) == 1
    report = verify(again.bundle.encode(), study=study)
    assert report.holds
    assert all(set(charged(study, name).values()) == {1} for name in NAMES)
    if unit == "record":
        assert again.bundle.manifest.privacy.epsilon_spent <= 4.0


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    stops=st.lists(
        st.tuples(st.integers(2 + MESSAGES_OF_A_STEP, 34), st.sets(st.sampled_from(NAMES))), min_size=1, max_size=4
    )
)
@pytest.mark.slow
def test_however_often_and_wherever_it_stops(make_study, identities, tables, stops):
    """The statistics are through; from there on, any number of stops, each reaching only some of the parties."""
    study = make_study()
    for until, heard in stops:
        attempt = Attempt(read_again(study), identities, tables).go(until, heard)
        assert not [error for error in attempt.errors.values() if not isinstance(error, ProtocolError)]
        if attempt.results:
            break
    else:
        attempt = Attempt(read_again(study), identities, tables).go()
    for result in attempt.results.values():
        assert verify(result.bundle.encode(), study=study).holds
    if attempt.bundle is not None:
        assert set(attempt.results) == set(NAMES)
    for name in NAMES:
        assert max(charged(study, name).values()) == 1
        assert max(charged(study, name)) <= ROUNDS


def test_what_one_party_knows_more_is_given_up(make_study, identities, tables):
    """North alone heard the last total; the others continue from where all of them were."""
    study = make_study()
    Attempt(study, identities, tables).go(until=1 + 3 * MESSAGES_OF_A_STEP, heard=["north"])
    again = Attempt(read_again(study), identities, tables).go()
    assert again.joined()["continues_after"] == 1
    assert again.joined()["lost"] == 1
    assert set(again.results) == set(NAMES)


def test_breaks_after_totals_that_only_some_heard_leave_a_step_in_common_however_many(make_study, identities, tables):
    """Each run goes on, and stops when the coordinator has told its first new total to one party alone."""
    study = make_study()
    Attempt(study, identities, tables).go(until=1 + 3 * MESSAGES_OF_A_STEP, heard=["north"])
    for heard in (["north"], ["south"]):
        broken = Attempt(read_again(study), identities, tables).go(until=1 + MESSAGES_OF_A_STEP, heard=heard)
        assert not broken.errors
    again = Attempt(read_again(study), identities, tables).go()
    assert not again.errors
    assert set(again.results) == set(NAMES)
    assert all(max(charged(study, name).values()) == 1 for name in NAMES)


def test_after_the_last_round_only_the_sealing_is_left(make_study, identities, tables):
    study = make_study()
    whole = 1 + (ROUNDS + 1) * MESSAGES_OF_A_STEP
    Attempt(study, identities, tables).go(until=whole + 1)
    before = {name: charged(study, name) for name in NAMES}
    again = Attempt(read_again(study), identities, tables).go()
    assert set(again.results) == set(NAMES)
    assert {name: charged(study, name) for name in NAMES} == before


def test_a_party_that_lost_its_folder_is_left_out(make_study, identities, tables):
    study = make_study()
    Attempt(study, identities, tables).go(until=2 + 2 * MESSAGES_OF_A_STEP)
    for path in study.member_folder("west").iterdir():
        path.unlink()
    again = Attempt(read_again(study), identities, tables).go()
    assert set(again.results) == {"north", "east", "south"}
    dropped = [event.body for event in again.events["carrier"] if event.kind == "dropped"]
    assert dropped[0]["party"] == "west"
    assert "holds no step of the run" in dropped[0]["reason"]


def test_a_coordinator_that_joins_those_who_share_no_step_is_refused(make_study, identities, tables, monkeypatch):
    study = make_study()
    Attempt(study, identities, tables).go(until=2 + 2 * MESSAGES_OF_A_STEP)
    for path in study.member_folder("west").iterdir():
        path.unlink()
    monkeypatch.setattr("tacit.run.coordinator.who_can_start", tuple)
    monkeypatch.setattr("tacit.run.coordinator.start_of", lambda claims: Start(2, None))
    again = Attempt(read_again(study), identities, tables)
    with pytest.raises(ProtocolError):
        again.go()
    assert {error.culprit for error in again.errors.values()} == {"west"}
    assert all("holds no step" in str(error) for error in again.errors.values())


def test_without_a_finished_step_the_budget_is_gone_and_it_says_so(make_study, identities, tables):
    study = make_study()
    Attempt(study, identities, tables).go(until=4)
    with pytest.raises(BudgetError, match="agree on a new study"):
        next(party_steps(read_again(study), identities["north"], tables["north"], lambda event: None))


def test_a_finished_run_is_not_continued(make_study, identities, tables):
    study = make_study("none")
    Attempt(study, identities, tables).go()
    assert Checkpoint(study, identities["north"]).marks == ()
    again = Attempt(read_again(study), identities, tables).go()
    assert "continues_after" not in again.joined()
    assert set(again.results) == set(NAMES)


def test_killed_between_its_last_entry_and_forgetting_has_only_the_sealing_to_repeat(
    make_study, identities, tables, monkeypatch
):
    study = make_study()
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "forget", lambda self: None)
        first = Attempt(study, identities, tables).go()
    before = {name: charged(study, name) for name in NAMES}
    again = Attempt(read_again(study), identities, tables).go()
    assert set(again.results) == set(NAMES)
    assert {name: charged(study, name) for name in NAMES} == before
    assert again.bundle.open(identities["north"]).digest == first.bundle.open(identities["north"]).digest
    assert Checkpoint(study, identities["north"]).marks == ()


@pytest.fixture
def broken_off(make_study, identities, tables):
    study = make_study()
    Attempt(study, identities, tables).go(until=2 + 2 * MESSAGES_OF_A_STEP)
    return study


def test_a_checkpoint_is_for_its_owner_alone(broken_off, identities):
    path = broken_off.member_folder("north") / "checkpoint"
    assert path.stat().st_mode & 0o777 == 0o600
    kept = Checkpoint(broken_off, identities["north"])
    assert [mark.step for mark in kept.marks] == [1, 0]
    assert "hidden" in repr(kept)
    assert "hidden" in repr(kept.kept[0])
    other = broken_off.member_folder("east") / "checkpoint"
    other.write_bytes(path.read_bytes())
    with pytest.raises(FormatError, match="cannot be used"):
        Checkpoint(broken_off, identities["east"])


def test_a_checkpoint_that_another_wrote_is_refused(broken_off, identities):
    """Anyone can seal to a public key; only the owner can sign what is in it."""
    checkpoint = Checkpoint(broken_off, identities["north"])
    forged = Checkpoint.__new__(Checkpoint)
    forged.__dict__ = {**checkpoint.__dict__, "kept": ()}

    class Forger:
        public = identities["north"].public
        sign = staticmethod(identities["east"].sign)

    forged._identity = Forger()
    forged.keep(checkpoint.marks[0], b"a state of my choice")
    with pytest.raises(FormatError, match="is false"):
        Checkpoint(broken_off, identities["north"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data + b"\x00",
        lambda data: bytes([data[0] ^ 1]) + data[1:],
    ],
)
def test_a_damaged_checkpoint_says_what_to_do(broken_off, identities, spoil):
    path = broken_off.member_folder("north") / "checkpoint"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(FormatError, match="remove it to give up the run"):
        Checkpoint(broken_off, identities["north"])


def test_a_checkpoint_of_another_version_is_refused(broken_off, identities, monkeypatch):
    checkpoint = Checkpoint(broken_off, identities["north"])
    with monkeypatch.context() as patch:
        patch.setattr("tacit.run.checkpoint.FORMAT", "tacit-checkpoint/2")
        checkpoint.keep(checkpoint.marks[0], checkpoint.state(checkpoint.marks[0]))
    with pytest.raises(FormatError, match="another version"):
        Checkpoint(broken_off, identities["north"])


def test_a_checkpoint_that_cannot_be_removed_does_not_cost_the_bundle(broken_off, identities):
    checkpoint = Checkpoint(broken_off, identities["north"])
    path = broken_off.member_folder("north") / "checkpoint"
    path.unlink()
    path.mkdir()
    checkpoint.forget()
    assert checkpoint.marks == ()


def test_a_checkpoint_is_not_pickled(broken_off, identities):
    with pytest.raises(TypeError, match="keeps the model"):
        pickle.dumps(Checkpoint(broken_off, identities["north"]))

"""A run that broke off goes on where it was: nothing is charged twice, and at most the round under way is lost."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.bundle import Rounds, verify
from tacit.errors import ProtocolError
from tacit.federated.privacy import Accountant
from tacit.run.checkpoint import Checkpoint
from tacit.run.continuing import AHEAD, Start
from tacit.run.joining import Joining

from .breaking_off import MESSAGES_OF_A_STEP, NAMES, ROUNDS, Attempt, charged, read_again


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


def runs_to_some_end(study, identities, tables, until=None, heard=()):
    """An attempt, in which nothing but a lack of parties stops anybody."""
    attempt = Attempt(read_again(study), identities, tables)
    try:
        attempt.go(until, heard)
    except ProtocolError:
        assert not attempt.results
    assert not [error for error in attempt.errors.values() if not isinstance(error, ProtocolError)]
    return attempt


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(stops=st.lists(st.tuples(st.integers(1, 34), st.sets(st.sampled_from(NAMES))), min_size=1, max_size=3))
@pytest.mark.slow
def test_however_often_and_wherever_it_stops(make_study, identities, tables, stops):
    """Any number of stops, each reaching only some of the parties; three in the statistics leave one round."""
    study = make_study()
    for until, heard in stops:
        attempt = runs_to_some_end(study, identities, tables, until, heard)
        if attempt.results:
            break
    else:
        attempt = runs_to_some_end(study, identities, tables)
        assert attempt.bundle is not None
    for result in attempt.results.values():
        assert verify(result.bundle.encode(), study=study).holds
    if attempt.bundle is not None:
        assert len(attempt.results) >= len(NAMES) - 1
    for name in NAMES:
        counts = charged(study, name)
        assert all(counts[step] <= 1 for step in range(1, ROUNDS + 1))
        assert max(counts, default=0) <= ROUNDS
        assert Accountant(study.agreement.privacy, study.run_logs(name)).epsilon <= study.agreement.privacy.epsilon


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
    monkeypatch.setattr("tacit.run.coordinator.left_out", lambda claims, enough, corrupt: {})
    monkeypatch.setattr("tacit.run.coordinator.start_of", lambda claims, corrupt: Start(2, None))
    again = Attempt(read_again(study), identities, tables)
    with pytest.raises(ProtocolError):
        again.go()
    assert {error.culprit for error in again.errors.values()} == {"west"}
    assert all("holds no step" in str(error) for error in again.errors.values())


# What the coordinator says in the first sum: participants, roster, inboxes, survivors, confirmations, total.


def test_one_who_claims_steps_that_nobody_began_cannot_end_training(make_study, identities, tables, monkeypatch):
    """West says that it was charged for the last round. The others go on without it, and lose none of theirs."""
    study = make_study()
    Attempt(study, identities, tables).go(until=1 + 3 * MESSAGES_OF_A_STEP, heard=NAMES)

    class Liar(Joining):
        def __init__(self, study, plan, identity, history, claim):
            super().__init__(study, plan, identity, history, claim._replace(step=len(plan.steps)))

    again = Attempt(read_again(study), identities, tables)
    with monkeypatch.context() as patch:
        patch.setattr("tacit.run.party.Joining", Liar)
        join = next(again.parties["west"])
    again.parties["west"] = (each for each in [join])
    again.go()
    assert set(again.results) == {"north", "east", "south"}
    assert again.bundle.manifest.rounds == Rounds(ROUNDS, ROUNDS)
    dropped = [event.body for event in again.events["carrier"] if event.kind == "dropped"]
    assert dropped == [{"party": "west", "reason": AHEAD}]


def test_who_lost_its_folder_does_not_make_the_others_begin_anew(make_study, identities, tables):
    study = make_study("none")
    Attempt(study, identities, tables).go(until=2 + 3 * MESSAGES_OF_A_STEP)
    for name in ("south", "west"):
        for path in study.member_folder(name).iterdir():
            path.unlink()
    again = Attempt(read_again(study), identities, tables)
    with pytest.raises(ProtocolError, match="missing, where the agreement tolerates 1"):
        again.go()


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

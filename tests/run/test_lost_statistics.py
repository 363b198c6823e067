"""A run that broke off in its first sum is begun anew: the statistics are taken again, and rounds pay for them."""

import pytest
from safetensors.numpy import load

from tacit.bundle import Rounds, verify
from tacit.errors import BudgetError
from tacit.federated.privacy import Accountant
from tacit.run import party_steps
from tacit.run.checkpoint import Checkpoint

from .breaking_off import MESSAGES_OF_A_STEP, NAMES, ROUNDS, Attempt, charged, read_again

PRICE = 1  # rounds, of statistics that were lost

# What the coordinator says in the first sum: participants, roster, inboxes, survivors, confirmations, total.
WITHIN_STATISTICS = range(1, 2 + MESSAGES_OF_A_STEP)


@pytest.mark.parametrize("unit", ["record", "none"])
@pytest.mark.parametrize("within", WITHIN_STATISTICS)
def test_statistics_that_were_lost_are_paid_for_with_rounds(make_study, identities, tables, unit, within):
    study = make_study(unit)
    Attempt(study, identities, tables).go(until=within)
    again = Attempt(read_again(study), identities, tables).go()
    assert set(again.results) == set(NAMES)
    assert len({result.bundle.encode() for result in again.results.values()}) == 1
    manifest = again.bundle.manifest
    assert verify(again.bundle.encode(), study=study).holds
    lost = max(charged(study, name)[0] for name in NAMES) - 1
    # Only a sum whose noise may have left was charged for: from the inboxes on, which the third message brings.
    assert lost == (within > 3)
    given_up = lost * PRICE if unit == "record" else 0
    assert manifest.rounds == Rounds(ROUNDS, ROUNDS - given_up)
    assert again.joined().get("statistics_lost", 0) == (lost if unit == "record" else 0)
    if unit == "record":
        assert [release.count for release in manifest.privacy.releases] == [1 + lost, ROUNDS - given_up]
        assert manifest.privacy.epsilon_spent <= 4.0
    for name in NAMES:
        accountant = Accountant(study.agreement.privacy, study.run_logs(name))
        assert accountant.epsilon <= study.agreement.privacy.epsilon


@pytest.mark.parametrize("heard", [["north"], ["north", "east"], ["north", "east", "south"]])
def test_the_total_of_the_statistics_that_only_some_heard(make_study, identities, tables, heard):
    """Enough of them go on from it, without the others; else all take them again."""
    study = make_study()
    Attempt(study, identities, tables).go(until=1 + MESSAGES_OF_A_STEP, heard=heard)
    again = Attempt(read_again(study), identities, tables).go()
    assert not [error for name, error in again.errors.items() if name in again.joined()["participants"]]
    enough = len(heard) == 3
    assert again.joined()["participants"] == (heard if enough else list(NAMES))
    assert again.bundle.manifest.rounds.taken == ROUNDS - (0 if enough else PRICE)
    assert verify(again.bundle.encode(), study=study).holds


def test_statistics_may_be_lost_until_no_round_is_left_to_pay_for_them(make_study, identities, tables):
    study = make_study()
    for _ in range(ROUNDS // PRICE):
        assert not Attempt(read_again(study), identities, tables).go(until=5).errors
    with pytest.raises(BudgetError, match=r"4 runs broke off during the statistics.*1 of 4 rounds.*agree on a new"):
        next(party_steps(read_again(study), identities["north"], tables["north"], lambda event: None))


def test_rounds_that_were_given_up_count_as_over(make_study, identities, tables):
    """So the average is over the last rounds of the plan, of which 2 of 4 are the last 0.3 part, and not over 1."""
    study = make_study()
    Attempt(study, identities, tables).go(until=5)
    Attempt(read_again(study), identities, tables).go(until=2 + ROUNDS * MESSAGES_OF_A_STEP)
    kept = Checkpoint(study, identities["north"])
    assert kept.marks[0].step == ROUNDS
    assert load(kept.state(kept.marks[0]))["averaged"] == 2


def test_who_holds_them_goes_on_though_no_round_is_left_to_pay_for_others(people, tmp_path):
    """Of a plan of one round, broken off after the statistics."""
    study = people.study(tmp_path / "study")
    assert people.run(study, lose=dict.fromkeys(NAMES, MESSAGES_OF_A_STEP + 2)).try_it().failure
    run = people.run(study).go()
    assert set(run.results) == set(NAMES)
    assert run.bundle.manifest.rounds == Rounds(1, 1)


def test_after_statistics_that_were_lost_a_run_goes_on_like_any_other(make_study, identities, tables):
    """Its ledger still has the statistics twice, and every party's budget is kept."""
    study = make_study()
    Attempt(study, identities, tables).go(until=5)
    broken = Attempt(read_again(study), identities, tables).go(until=3 + 2 * MESSAGES_OF_A_STEP)
    assert not broken.errors
    again = Attempt(read_again(study), identities, tables).go()
    assert again.joined()["continues_after"] == 1 + PRICE
    manifest = again.bundle.manifest
    assert [release.count for release in manifest.privacy.releases] == [2, ROUNDS - PRICE]
    assert manifest.rounds.taken == ROUNDS - PRICE
    assert verify(again.bundle.encode(), study=study).holds

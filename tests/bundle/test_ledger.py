import msgspec
import pytest

from tacit.bundle import NoisyRelease
from tacit.bundle.ledger import faults
from tacit.federated.privacy.budget import epsilon_of
from tacit.study import Insecure

replace = msgspec.structs.replace
STATISTICS = NoisyRelease("statistics", 1, 9.5, 2.0)


def agreement_of(world, *, unit="record", epsilon=4.0, delta=1e-5, test_seed=None):
    agreement = world.study.agreement
    privacy = replace(agreement.privacy, unit=unit, epsilon=epsilon, delta=delta)
    return replace(agreement, privacy=privacy, insecure=None if test_seed is None else Insecure(test_seed))


def test_an_honest_ledger_has_no_faults(world):
    assert faults(world.own.ledger, agreement_of(world)) == []


def test_the_whole_budget_may_be_spent(world):
    assert faults(replace(world.own.ledger, epsilon_spent=4.0), agreement_of(world)) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unit": "party"}, "unit is 'party', but the agreement says 'record'"),
        ({"epsilon_budget": 8.0}, "epsilon_budget is 8.0, but the agreement says 4.0"),
        ({"delta": 1e-3}, "delta is 0.001, but the agreement says 1e-05"),
        ({"epsilon_spent": 4.0000001}, "outside the budget"),
        ({"epsilon_spent": -1.0}, "outside the budget"),
        ({"epsilon_spent": float("nan")}, "outside the budget"),
        ({"epsilon_spent": 0.0}, "epsilon_spent is 0"),
        ({"adjacency": " "}, "adjacency is empty"),
        ({"releases": ()}, "releases is not what the agreement's training releases"),
        ({"releases": (NoisyRelease("round", 5, 9.0, 1.0),)}, "releases is not what the agreement's training releases"),
        ({"releases": (STATISTICS, NoisyRelease("round", 4, 9.0, 1.0))}, "[('statistics', 1), ('round', 5)]"),
        ({"releases": (STATISTICS, NoisyRelease("round", 6, 9.0, 1.0))}, "releases is not what"),
        ({"releases": (NoisyRelease("round", 5, 9.0, 1.0), STATISTICS)}, "releases is not what"),
        ({"releases": (STATISTICS, NoisyRelease("round", 5, 9.0, 1.0, 0.5))}, "sampling_rate is not 1"),
        ({"releases": (STATISTICS, NoisyRelease("round", 5, 0.5, 1.0))}, "the noise in its releases is too little"),
        ({"releases": (STATISTICS, NoisyRelease("round", 5, 5e-324, 1.0))}, "the noise in its releases is too little"),
        ({"epsilon_spent": 1.0}, "epsilon_spent is 1.0, but the noise in its releases is too little for that"),
        ({"void": "  "}, "void gives no reason"),
        ({"releases": (NoisyRelease("round", 5, 0.0, 1.0),)}, "release 'round' has no noise"),
        ({"releases": (NoisyRelease("round", 5, -1.0, 1.0),)}, "noise_multiplier is -1.0"),
        ({"releases": (NoisyRelease("round", 0, 1.0, 1.0),)}, "count is 0"),
        ({"releases": (NoisyRelease("round", 1, 1.0, 0.0),)}, "sensitivity is 0.0"),
        ({"releases": (NoisyRelease("round", 1, 1.0, float("inf")),)}, "sensitivity is inf"),
        ({"releases": (NoisyRelease("round", 1, float("inf"), 1.0),)}, "noise_multiplier is inf"),
        ({"releases": (NoisyRelease("", 1, 1.0, 1.0),)}, "step is ''"),
        ({"releases": (NoisyRelease("round", 1, 1.0, 1.0, 0.0),)}, "sampling_rate is 0.0"),
        ({"releases": (NoisyRelease("round", 1, 1.0, 1.0, 1.5),)}, "sampling_rate is 1.5"),
    ],
)
def test_each_fault_is_named(world, changes, reason):
    found = faults(replace(world.own.ledger, **changes), agreement_of(world))
    assert any(reason in fault for fault in found), found


@pytest.mark.parametrize(
    ("taken", "rounds", "holds"),
    [(2, 3, True), (3, 1, True), (2, 5, False), (2, 4, False), (1, 3, False), (4, 1, False), (10**30, 1, False)],
)
def test_statistics_that_were_taken_again_are_paid_for_with_rounds(world, taken, rounds, holds):
    """Statistics of multiplier 6 cost as much as 1.8 rounds of multiplier 8, and so two of them."""
    releases = (NoisyRelease("statistics", taken, 6.0, 2.0), NoisyRelease("round", rounds, 8.0, 1.06))
    found = faults(replace(world.own.ledger, releases=releases), agreement_of(world))
    assert (found == []) == holds, found


def test_a_price_beyond_numbers_is_a_fault_like_others(world):
    releases = (NoisyRelease("statistics", 2, 5e-324, 2.0), NoisyRelease("round", 5, 1e300, 1.06))
    found = faults(replace(world.own.ledger, releases=releases), agreement_of(world))
    assert any("releases is not what" in fault for fault in found)


def test_earlier_runs_may_have_spent_too(world):
    """So the ledger may state more than its own releases cost, up to the budget."""
    quiet = (STATISTICS, NoisyRelease("round", 5, 90.0, 1.0))
    assert faults(replace(world.own.ledger, releases=quiet), agreement_of(world)) == []


def test_what_the_accountant_states_is_never_too_little(world):
    """The least that noise costs is below what any accountant says, but not far below: an understatement shows."""
    for multipliers in ((9.5, 3.25), (40.0, 12.0), (200.0, 75.0), (2.0, 1.5), (1.0, 0.5)):
        releases = tuple(
            NoisyRelease(step, count, multiplier, 1.0)
            for (step, count), multiplier in zip((("statistics", 1), ("round", 5)), multipliers, strict=True)
        )
        spent = epsilon_of({multipliers[0]: 1, multipliers[1]: 5}, 1e-5)
        ledger = replace(world.own.ledger, releases=releases, epsilon_budget=100.0)
        agreement = agreement_of(world, epsilon=100.0)
        assert faults(replace(ledger, epsilon_spent=spent), agreement) == []
        assert any("too little" in fault for fault in faults(replace(ledger, epsilon_spent=0.8 * spent), agreement))


NOTHING = {"unit": "none", "epsilon_budget": 0.0, "epsilon_spent": 0.0, "delta": 0.0, "releases": ()}


def test_no_unit_needs_a_void(world):
    agreement = agreement_of(world, unit="none", epsilon=0.0, delta=0.0)
    assert faults(replace(world.own.ledger, **NOTHING, void="unit none"), agreement) == []
    assert any("unit is 'none'" in fault for fault in faults(replace(world.own.ledger, **NOTHING), agreement))


def test_a_test_seed_needs_a_void(world):
    agreement = agreement_of(world, test_seed=1)
    assert faults(replace(world.own.ledger, void="test seed: the noise can be predicted"), agreement) == []
    assert any("test seed" in fault for fault in faults(world.own.ledger, agreement))


def test_a_void_does_not_excuse_a_passed_budget(world):
    ledger = replace(world.own.ledger, void="test seed", epsilon_spent=5.0)
    assert any("outside the budget" in fault for fault in faults(ledger, agreement_of(world, test_seed=1)))

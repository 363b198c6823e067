import msgspec
import pytest

from tacit.bundle import NoisyRelease
from tacit.bundle.ledger import faults
from tacit.study import Insecure

replace = msgspec.structs.replace


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
        ({"releases": ()}, "releases is empty"),
        ({"void": "  "}, "void gives no reason"),
        ({"releases": (NoisyRelease("round", 5, 0.0, 1.0),)}, "release 'round' has no noise"),
        ({"releases": (NoisyRelease("round", 5, -1.0, 1.0),)}, "noise_multiplier is -1.0"),
        ({"releases": (NoisyRelease("round", 0, 1.0, 1.0),)}, "count is 0"),
        ({"releases": (NoisyRelease("round", 1, 1.0, 0.0),)}, "sensitivity is 0.0"),
        ({"releases": (NoisyRelease("", 1, 1.0, 1.0),)}, "step is ''"),
        ({"releases": (NoisyRelease("round", 1, 1.0, 1.0, 0.0),)}, "sampling_rate is 0.0"),
        ({"releases": (NoisyRelease("round", 1, 1.0, 1.0, 1.5),)}, "sampling_rate is 1.5"),
    ],
)
def test_each_fault_is_named(world, changes, reason):
    found = faults(replace(world.own.ledger, **changes), agreement_of(world))
    assert any(reason in fault for fault in found), found


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

"""Training that another process goes on with: the same to the last bit, and rounds that were lost count as over."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.federated.plan import make_plan
from tacit.federated.training import FederatedTraining

from .agreements import make_agreement, make_table
from .test_training import STRATEGIES, start


@pytest.mark.parametrize("unit", ["none", "record", "party"])
@pytest.mark.parametrize("stop", range(1, 6))
def test_another_process_goes_on_as_if_nothing_had_happened(unit: str, stop: int) -> None:
    agreement = make_agreement(unit=unit, test_seed=3, rounds=6, momentum=0.0 if unit == "party" else 0.5)
    whole, plan, table = start(agreement)
    totals = []
    for step in plan.steps:
        totals.append(whole.contribution(step))
        whole.apply(step, totals[-1], 1)
    first = FederatedTraining(agreement, plan, table, "ash")
    for step, total in zip(plan.steps[:stop], totals, strict=False):
        first.apply(step, total, 1)
    second = FederatedTraining(agreement, plan, table, "ash")
    second.restore(first.state(), stop)
    assert second.state() == first.state()
    for step, total in zip(plan.steps[stop:], totals[stop:], strict=True):
        assert second.apply(step, total, 1)["loss"] is not None
    assert second.state() == whole.state()
    assert second.graph().to_bytes() == whole.graph().to_bytes()


def test_a_lost_round_counts_as_over_for_the_average() -> None:
    """The last rounds are averaged by their place in the plan, not by how many this process took."""
    agreement = make_agreement(unit="record", test_seed=3, rounds=10)
    training, plan, table = start(agreement)
    for step in plan.steps[:3]:
        training.apply(step, training.contribution(step), 1)
    resumed = FederatedTraining(agreement, plan, table, "ash")
    resumed.restore(training.state(), 9)
    resumed.apply(plan.steps[9], resumed.contribution(plan.steps[9]), 1)
    assert np.array_equal(resumed._training.result, resumed._training.parameters)


def test_rounds_given_up_count_as_over_for_the_average() -> None:
    agreement = make_agreement(unit="record", test_seed=3, rounds=10)
    training, plan, _ = start(agreement)
    training.give_up(8)
    for step in (plan.steps[0], plan.steps[9]):
        training.apply(step, training.contribution(step), 1)
    assert np.array_equal(training._training.result, training._training.parameters)


def test_counts_the_rounds_that_are_in_the_model_in_whatever_process() -> None:
    training, plan, table = start(make_agreement(rounds=6))
    for step in plan.steps[:3]:
        training.apply(step, training.contribution(step), 1)
    assert training.rounds_taken == 2
    resumed = FederatedTraining(make_agreement(rounds=6), plan, table, "ash")
    resumed.restore(training.state(), 5)
    assert resumed.rounds_taken == 2
    resumed.apply(plan.steps[5], resumed.contribution(plan.steps[5]), 1)
    assert resumed.rounds_taken == 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_another_process_goes_on_with_what_the_strategy_remembers(strategy: str) -> None:
    stopping = {"validation_share": 0.2, "patience": 6, "min_improvement": 2.0}
    agreement = make_agreement(rounds=6, strategy=strategy, **stopping, **STRATEGIES[strategy])
    plan = make_plan(agreement)
    tables = [make_table(agreement.data, 40, seed) for seed in range(3)]

    def parties() -> list[FederatedTraining]:
        return [FederatedTraining(agreement, plan, t, name) for name, t in zip(agreement.names, tables, strict=True)]

    whole, broken = parties(), parties()
    for step in plan.steps:
        if step.index == 3:
            again = parties()
            for old, new in zip(broken, again, strict=True):
                new.restore(old.state(), 3)
            broken = again
        for group in (whole, broken):
            total = np.sum([party.contribution(step) for party in group], axis=0, dtype=step.encoding.dtype)
            for party in group:
                party.apply(step, total, 3)
    assert [party.state() for party in broken] == [party.state() for party in whole]

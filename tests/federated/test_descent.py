"""Descent: with nothing private it is the textbook's, on the pooled rows; with noise it averages and smooths."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.data import Table
from tacit.errors import AgreementError
from tacit.federated.descent import LOSS_MEMORY, Descent
from tacit.federated.models import initial_parameters, weight_mask
from tacit.federated.plan import COUNT_WEIGHT, LOSS_CAP, LOSS_WEIGHT, make_plan
from tacit.federated.training import FederatedTraining
from tacit.study import Agreement

from .agreements import make_agreement, make_table, pooled
from .test_contributions import MODELS


def train(agreement: Agreement, tables: list[Table]) -> list[FederatedTraining]:
    """All parties, with sums taken in the open; they end alike."""
    plan = make_plan(agreement)
    parties = [
        FederatedTraining(agreement, plan, table, name) for name, table in zip(agreement.names, tables, strict=True)
    ]
    for step in plan.steps:
        total = np.zeros(step.encoding.length, step.encoding.dtype)
        for party in parties:
            total += party.contribution(step)
        for party in parties:
            party.apply(step, total.copy(), len(parties))
    return parties


def textbook(agreement: Agreement, table: Table) -> np.ndarray:
    """Full-batch gradient descent with momentum and an L2 penalty on standardised features, by finite differences."""
    training, schema = agreement.training, agreement.data
    rows = (table.features - table.features.mean(axis=0)) / table.features.std(axis=0)
    rows = np.hstack([rows, np.ones((len(rows), 1))])
    weights, velocity = np.zeros((rows.shape[1], max(1, len(schema.classes) if schema.task == "multiclass" else 1))), 0
    for _ in range(training.rounds):
        outputs = rows @ weights
        if schema.task == "regression":
            low, high = schema.label_bounds
            slope = outputs - (2 * (table.labels - low) / (high - low) - 1)[:, None]
        elif schema.task == "binary":
            slope = 1 / (1 + np.exp(-outputs)) - table.labels[:, None]
        else:
            slope = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True) - np.eye(3)[table.labels]
        penalty = weights * training.l2
        penalty[-1] = 0
        velocity = training.momentum * velocity + rows.T @ slope / len(rows) + penalty
        weights = weights - training.learning_rate * velocity
    return np.concatenate([weights[:-1].T.ravel(), weights[-1]])


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
@pytest.mark.parametrize(("momentum", "l2"), [(0.0, 0.0), (0.8, 0.0), (0.5, 0.3)])
def test_without_privacy_it_is_gradient_descent_on_the_pooled_rows(task: str, momentum: float, l2: float) -> None:
    agreement = make_agreement(task, rounds=15, clip=30.0, momentum=momentum, l2=l2, learning_rate=0.3)
    tables = [make_table(agreement.data, rows, seed) for seed, rows in enumerate((20, 55, 90))]
    parties = train(agreement, tables)
    assert parties[0]._training.result == pytest.approx(textbook(agreement, pooled(tables)), abs=2e-4)


@pytest.mark.parametrize("model", MODELS)
def test_all_parties_end_with_the_same_numbers(model: str) -> None:
    agreement = make_agreement(**MODELS[model], unit="record", rounds=3, test_seed=4)
    tables = [make_table(agreement.data, 30, seed) for seed in range(3)]
    results = [party._training.result for party in train(agreement, tables)]
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()


def make_descent(agreement: Agreement, count: float = 100.0) -> Descent:
    return Descent(agreement, initial_parameters(agreement), weight_mask(agreement), count)


def total_of(agreement: Agreement, gradient: list[float], loss: float = 1.0, count: float = 100.0) -> np.ndarray:
    """What `count` contributions of this gradient and this loss add up to."""
    clip = agreement.training.clip
    counted = [COUNT_WEIGHT * clip] if agreement.privacy.unit == "none" else []
    return count * np.array([*gradient, LOSS_WEIGHT * clip * loss / LOSS_CAP, *counted])


def test_a_step_goes_against_the_mean_gradient() -> None:
    agreement = make_agreement(unit="record", learning_rate=0.5)
    descent = make_descent(agreement)
    descent.apply(total_of(agreement, [1.0, -2.0, 0.0, 4.0]), 3)
    assert descent.parameters == pytest.approx([-0.5, 1.0, 0.0, -2.0])


def test_momentum_keeps_a_part_of_the_velocity() -> None:
    agreement = make_agreement(unit="record", learning_rate=1.0, momentum=0.5)
    descent = make_descent(agreement)
    for expected in (-1.0, -2.5, -4.25):
        descent.apply(total_of(agreement, [1.0, 0, 0, 0]), 3)
        assert descent.parameters == pytest.approx([expected, 0, 0, 0])


def test_the_penalty_is_on_weights_and_not_on_biases() -> None:
    agreement = make_agreement(unit="record", learning_rate=1.0, l2=0.25)
    descent = make_descent(agreement)
    descent.parameters = np.array([4.0, -4.0, 0.0, 4.0])
    descent.apply(total_of(agreement, [0.0] * 4), 3)
    assert descent.parameters == pytest.approx([3.0, -3.0, 0.0, 4.0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", ["record", "none"])
def test_parameters_beyond_all_numbers_stop_all_parties_alike(unit: str) -> None:
    """They follow from the totals alone, so that stopping tells nothing of any row."""
    agreement = make_agreement(unit=unit, learning_rate=1000.0, l2=1000.0, rounds=1000)
    descent = make_descent(agreement)
    with pytest.raises(AgreementError, match=r"diverged in round \d+ of 1000: .*learning_rate = 1000, .*l2 = 1000"):
        for _ in range(1000):
            descent.apply(total_of(agreement, [1.0] * 4), 3)


def test_records_are_counted_by_the_statistics() -> None:
    agreement = make_agreement(unit="record", learning_rate=1.0)
    descent = make_descent(agreement, count=50.0)
    descent.apply(total_of(agreement, [1.0] * 4, count=100), 3)
    assert descent.parameters == pytest.approx([-2.0] * 4)


def test_parties_are_counted_by_those_in_the_sum() -> None:
    agreement = make_agreement(unit="party", learning_rate=7.0)
    descent = make_descent(agreement)
    descent.apply(total_of(agreement, [0.5, 0, 0, -0.5], count=2), 2)
    assert descent.parameters == pytest.approx([0.5, 0, 0, -0.5])


def test_where_nothing_is_private_rows_are_counted_in_the_sum() -> None:
    agreement = make_agreement(learning_rate=1.0)
    descent = make_descent(agreement, count=1.0)
    descent.apply(total_of(agreement, [1.0] * 4, count=40), 3)
    assert descent.parameters == pytest.approx([-1.0] * 4)
    descent.apply(np.zeros(6), 3)
    assert descent.parameters == pytest.approx([-1.0] * 4)


def test_updates_are_averaged_and_not_scaled_again() -> None:
    agreement = make_agreement(local_steps=3, learning_rate=9.0, momentum=0.9, l2=1.0)
    descent = make_descent(agreement)
    for expected in (0.25, 0.5):
        descent.apply(total_of(agreement, [0.25] * 4), 3)
        assert descent.parameters == pytest.approx([expected] * 4)


@pytest.mark.parametrize(("average_last", "averaged"), [(0.0, 1), (0.3, 3), (0.5, 5), (0.95, 10)])
def test_under_noise_the_result_is_the_average_of_the_last_rounds(average_last: float, averaged: int) -> None:
    agreement = make_agreement(unit="record", rounds=10, average_last=average_last, learning_rate=1.0)
    descent = make_descent(agreement)
    rng = np.random.default_rng(0)
    path = []
    for _ in range(10):
        descent.apply(total_of(agreement, list(rng.standard_normal(4))), 3)
        path.append(descent.parameters.copy())
    assert descent.result == pytest.approx(np.mean(path[-averaged:], axis=0))


def test_without_noise_the_result_is_the_last_round() -> None:
    agreement = make_agreement(rounds=4, average_last=0.9)
    descent = make_descent(agreement)
    for place in range(4):
        descent.apply(total_of(agreement, [float(place)] * 4), 3)
    assert (descent.result == descent.parameters).all()


def test_the_loss_is_shown_as_it_was_computed() -> None:
    agreement = make_agreement(clip=3.0)
    descent = make_descent(agreement)
    for loss in (0.7, 0.1):
        descent.apply(total_of(agreement, [0.0] * 4, loss), 3)
        assert descent.loss == pytest.approx(loss)


def test_under_noise_the_loss_is_smoothed() -> None:
    agreement = make_agreement(unit="record", clip=3.0)
    descent = make_descent(agreement)
    shown = []
    for loss in (1.0, 0.0, 0.0):
        descent.apply(total_of(agreement, [0.0] * 4, loss), 3)
        shown.append(descent.loss)
    assert shown == pytest.approx([1.0, LOSS_MEMORY, LOSS_MEMORY**2])


@pytest.mark.parametrize(("loss", "shown"), [(-3.0, 0.0), (50.0, LOSS_CAP)])
def test_noise_takes_the_loss_no_further_than_it_can_be(loss: float, shown: float) -> None:
    agreement = make_agreement(unit="record")
    descent = make_descent(agreement)
    descent.apply(total_of(agreement, [0.0] * 4, loss), 3)
    assert descent.loss == pytest.approx(shown)


@pytest.mark.parametrize(("parties", "part"), [(3, 1.0), (2, 2 / 3)])
def test_the_control_of_scaffold_takes_the_part_of_the_parties_that_is_in_the_sum(parties: int, part: float) -> None:
    agreement = make_agreement(unit="party", strategy="scaffold", local_steps=2)
    descent = make_descent(agreement)
    descent.apply(parties * np.array([0.0] * 4 + [0.5] * 4 + [0.0]), parties)
    assert descent.common["control"] == pytest.approx([0.5 * part] * 4)


@pytest.mark.parametrize(("rows", "part"), [(100, 1.0), (40, 0.4), (101, 1.0)])
def test_where_nothing_is_private_it_takes_the_part_of_the_rows(rows: int, part: float) -> None:
    agreement = make_agreement(strategy="scaffold", local_steps=2)
    descent = make_descent(agreement, count=100.0)
    descent.apply(rows * np.array([0.0] * 4 + [0.5] * 4 + [0.0, COUNT_WEIGHT]), 3)
    assert descent.common["control"] == pytest.approx([0.5 * part] * 4)

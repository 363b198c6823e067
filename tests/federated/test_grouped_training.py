"""Federated training on the sums of groups: as good as one sum among the honest, and steady where some are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tacit.data import Table
from tacit.errors import AgreementError
from tacit.federated.plan import make_plan
from tacit.federated.robust import assign
from tacit.federated.statistics import scaling_from
from tacit.federated.training import FederatedTraining
from tacit.study import Agreement

from .agreements import make_agreement, make_schema, make_table, pooled
from .test_descent import train
from .test_training import start


def grouped(agreement: Agreement, tables: list[Table], spoil: dict[str, int] | None = None) -> list[FederatedTraining]:
    """All parties, the groups' sums taken in the open; each of `spoil` multiplies what it sends."""
    plan = make_plan(agreement)
    parties = {n: FederatedTraining(agreement, plan, t, n) for n, t in zip(agreement.names, tables, strict=True)}
    for step in plan.steps:
        groups = assign(agreement.names, agreement.trust.poisoning, bytes([step.index]) * 32)
        words = {name: party.contribution(step) for name, party in parties.items()}
        for name, factor in (spoil or {}).items():
            words[name] = words[name] * np.int64(factor).astype(words[name].dtype)
        totals = [np.sum([words[name] for name in group], axis=0, dtype=step.encoding.dtype) for group in groups]
        for party in parties.values():
            party.apply_groups(step, totals, [len(group) for group in groups])
    return list(parties.values())


@pytest.mark.parametrize("unit", ["none", "party", "record"])
def test_groups_train_what_one_sum_does_where_all_parties_are_alike(unit: str) -> None:
    settings = {"parties": 9, "rounds": 4, "unit": unit, "epsilon": 1000.0, "delta": 1e-3, "test_seed": 1}
    tables = [make_table(make_schema(), 60)] * 9
    plain = train(make_agreement(**settings), tables)[0]
    robust = grouped(make_agreement(**settings, poisoning=1), tables)
    assert len({party.graph().to_bytes() for party in robust}) == 1
    near = 1e-6 if unit == "none" else 0.1
    assert robust[0]._training.parameters == pytest.approx(plain._training.parameters, abs=near)
    assert robust[0]._scaling.mean == pytest.approx(plain._scaling.mean, abs=near)


@pytest.mark.parametrize(("unit", "factor"), [("none", -1000), ("party", -40), ("record", -1000)])
def test_one_that_sends_anything_wrecks_one_sum_and_not_the_groups(unit: str, factor: int) -> None:
    settings = {"parties": 9, "rounds": 15, "learning_rate": 1.0, "clip": 5.0, "max_rows": 60, "unit": unit}
    settings.update({"epsilon": 1000.0, "delta": 1e-3, "test_seed": 1} if unit != "none" else {})
    tables = [make_table(make_schema(max_rows=60), 60, seed) for seed in range(9)]
    rows = pooled(tables)

    def accuracy(party: FederatedTraining) -> float:
        return float(((party.graph().predict(rows.features).reshape(-1) > 0.5) == rows.labels).mean())

    robust = make_agreement(**settings, poisoning=1)
    honest = accuracy(grouped(robust, tables)[0])
    assert honest > 0.85
    assert accuracy(grouped(robust, tables, {"party-4": factor})[0]) > honest - 0.05
    try:
        assert accuracy(grouped(make_agreement(**settings), tables, {"party-4": factor})[0]) < 0.7
    except AgreementError as error:  # of parameters that nothing can hold
        assert "party-4" not in str(error)


def test_another_process_goes_on_with_groups() -> None:
    agreement = make_agreement(parties=9, poisoning=1, rounds=4, momentum=0.5)
    plan, tables = make_plan(agreement), [make_table(agreement.data, 30, seed) for seed in range(9)]
    parties = [FederatedTraining(agreement, plan, t, n) for n, t in zip(agreement.names, tables, strict=True)]
    again = None
    for step in plan.steps:
        words = np.array([party.contribution(step) for party in parties])
        totals = [words[group].sum(axis=0, dtype=step.encoding.dtype) for group in ([0, 3, 7], [1, 2, 8], [4, 5, 6])]
        for party in parties if again is None else [*parties, again]:
            party.apply_groups(step, totals, [3, 3, 3])
        if step.index == 2:
            again = FederatedTraining(agreement, plan, tables[0], agreement.names[0])
            again.restore(parties[0].state(), 3)
    assert again.state() == parties[0].state()


def test_whatever_all_groups_send_a_step_is_no_longer_than_honest_parties_could_make_it() -> None:
    settings = {"unit": "party", "epsilon": 1000.0, "delta": 1e-3, "test_seed": 1}
    agreement = make_agreement(parties=9, poisoning=1, clip=0.5, max_rows=40, **settings)
    training, plan, _ = start(agreement, party="party-0")
    words = training.contribution(plan.steps[0])
    training.apply_groups(plan.steps[0], [words, words, words], [1, 1, 1])
    before, step = training._training.parameters, plan.steps[1]
    encoding = step.encoding
    huge = np.full(encoding.length, 2 ** (encoding.word_bits - 1) - 1).astype(encoding.dtype)
    training.apply_groups(step, [huge] * 3, [3, 3, 3])
    noise = encoding.noise_scale / math.sqrt(3) * (math.sqrt(encoding.length) + 8)
    bound = encoding.norm_bound * (1 + noise / encoding.units)
    assert np.linalg.norm(encoding.to_reals(huge)) / 3 > 1.5 * bound
    assert 0.5 * bound < np.linalg.norm(training._training.parameters - before) < bound


@pytest.mark.parametrize(("poisoning", "noisy"), [(0, 9.0), (1, 9 * math.pi / 2)])
def test_statistics_are_shrunk_by_the_noise_that_a_median_leaves(poisoning: int, noisy: float) -> None:
    agreement = make_agreement(parties=9, features=8, unit="record", test_seed=2, poisoning=poisoning)
    plan, table = make_plan(agreement), make_table(agreement.data, 150)
    training, step = FederatedTraining(agreement, plan, table, "party-0"), plan.steps[0]
    words = [training.contribution(step) for _ in range(2 * poisoning + 1)]
    counts = [9 // len(words)] * len(words)
    training.apply_groups(step, words, counts)
    reals = np.array([step.encoding.to_reals(each) for each in words])
    total = np.median(reals, axis=0) * len(words)
    expected = scaling_from(total, step, agreement.data.feature_low, agreement.data.feature_high, noisy)
    assert training._scaling.mean == pytest.approx(expected.mean)
    assert training._scaling.deviation == pytest.approx(expected.deviation)

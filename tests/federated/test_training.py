"""Federated training as one party holds it: what leaves it, and what the totals make of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tacit.data import Table
from tacit.errors import AgreementError, DataError
from tacit.federated import training as training_module
from tacit.federated.descent import Descent
from tacit.federated.plan import Plan, make_plan
from tacit.federated.privacy import ExactNoise, SeededNoise
from tacit.federated.training import FederatedTraining
from tacit.federated.validation import split
from tacit.study import Agreement, Convolution, Model

from .agreements import make_agreement, make_schema, make_table, pooled
from .own_code import torch_model, write_package
from .test_descent import total_of, train


def start(agreement: Agreement, rows: int = 40, party: str = "ash") -> tuple[FederatedTraining, Plan, Table]:
    plan, table = make_plan(agreement), make_table(agreement.data, rows)
    return FederatedTraining(agreement, plan, table, party), plan, table


def signed(words: np.ndarray) -> np.ndarray:
    return words.view(f"<i{words.itemsize}").astype(np.int64)


def test_without_privacy_the_statistics_leave_as_they_are() -> None:
    training, plan, table = start(make_agreement())
    step = plan.steps[0]
    reals = step.encoding.to_reals(training.contribution(step))
    scaled = (
        2 * (table.features - table.schema.feature_low) / (table.schema.feature_high - table.schema.feature_low) - 1
    )
    assert reals[1:4] == pytest.approx(scaled.sum(axis=0), abs=1e-4)


@pytest.mark.parametrize("unit", ["record", "party"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_leaves_has_the_noise_of_the_plan(unit: str, place: int) -> None:
    """Contributions differ from one another by noise of the plan's scale, and never repeat."""
    agreement = make_agreement(unit=unit, features=30)
    training, plan, _ = start(agreement)
    training.apply(plan.steps[0], training.contribution(plan.steps[0]), 1)
    step = plan.steps[place]
    samples = np.array([signed(training.contribution(step)) for _ in range(40)])
    spread = samples.std(axis=0, ddof=1)
    assert np.sqrt((spread**2).mean()) == pytest.approx(step.encoding.noise_scale, rel=0.2)
    assert (spread > step.encoding.noise_scale / 4).all()


def test_noise_is_exact_unless_the_agreement_names_a_seed() -> None:
    assert isinstance(start(make_agreement(unit="record"))[0]._noise, ExactNoise)
    assert isinstance(start(make_agreement(unit="record", test_seed=3))[0]._noise, SeededNoise)


def test_with_a_test_seed_contributions_repeat_and_differ_by_party() -> None:
    agreement = make_agreement(unit="record", test_seed=3)
    words = []
    for party in ("ash", "ash", "birch"):
        training, plan, _ = start(agreement, party=party)
        words.append(training.contribution(plan.steps[0]).tolist())
    assert words[0] == words[1]
    assert words[0] != words[2]


def test_a_table_of_another_schema_is_refused() -> None:
    agreement = make_agreement()
    table = make_table(make_schema(features=4), 10)
    with pytest.raises(AgreementError, match="another schema"):
        FederatedTraining(agreement, make_plan(agreement), table, "ash")


def test_more_rows_than_agreed_are_refused() -> None:
    """The words have room for `max_rows` of each party; more could wrap."""
    agreement = make_agreement(max_rows=20)
    with pytest.raises(DataError, match=r"table 0 has 21 rows; the agreement's data.max_rows is 20"):
        start(agreement, rows=21)
    assert start(agreement, rows=20)


def test_a_table_without_rows_or_labels_is_refused() -> None:
    agreement = make_agreement()
    plan, table = make_plan(agreement), make_table(agreement.data, 10)
    with pytest.raises(DataError, match="has 0 rows"):
        FederatedTraining(agreement, plan, Table(table.features[:0], table.labels[:0], table.schema, "empty"), "ash")
    with pytest.raises(DataError, match="was read without its label 'ill'"):
        FederatedTraining(agreement, plan, Table(table.features, table.labels[:0], table.schema, "bare"), "ash")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 5.000001])
def test_a_feature_out_of_bounds_is_refused_before_anything_leaves(value: float) -> None:
    """Later it would stop the run, and so tell everyone that this party has such a row."""
    agreement = make_agreement()
    table = make_table(agreement.data, 10)
    table.features[7, 1] = value
    with pytest.raises(DataError, match=r"table 0, row 7 \(from 0\): a number is not within the schema's bounds"):
        FederatedTraining(agreement, make_plan(agreement), table, "ash")


@pytest.mark.parametrize(
    ("task", "value"),
    [("binary", 2), ("binary", -1), ("multiclass", 3), ("multiclass", -1), ("regression", np.nan), ("regression", 21)],
)
def test_a_label_out_of_bounds_is_refused_before_anything_leaves(task: str, value: float) -> None:
    agreement = make_agreement(task)
    table = make_table(agreement.data, 10)
    assert FederatedTraining(agreement, make_plan(agreement), table, "ash")
    table.labels[3] = value
    with pytest.raises(DataError, match="row 3"):
        FederatedTraining(agreement, make_plan(agreement), table, "ash")


def test_rounds_come_after_the_statistics() -> None:
    training, plan, _ = start(make_agreement())
    with pytest.raises(RuntimeError, match="starts with the statistics"):
        training.contribution(plan.steps[1])
    with pytest.raises(RuntimeError, match="starts with the statistics"):
        training.graph()


def test_what_may_be_shown_is_the_count_and_the_loss() -> None:
    for unit, shown in (("none", {"count": 40}), ("party", {"count": 3})):
        training, plan, _ = start(make_agreement(unit=unit))
        assert training.apply(plan.steps[0], training.contribution(plan.steps[0]), 3) == shown
        assert set(training.apply(plan.steps[1], training.contribution(plan.steps[1]), 3)) == {"loss"}


def test_training_lowers_the_loss_and_beats_chance() -> None:
    agreement = make_agreement(rounds=30, learning_rate=1.0, clip=5.0)
    tables = [make_table(agreement.data, 60, seed) for seed in range(3)]
    parties = train(agreement, tables)
    rows = pooled(tables)
    right = (parties[0].graph().predict(rows.features).reshape(-1) > 0.5) == rows.labels
    assert right.mean() > 0.85
    assert parties[0]._training.loss < 0.5


def test_graphs_are_the_same_to_the_last_bit() -> None:
    agreement = make_agreement(hidden=(4,), unit="record", rounds=3)
    parties = train(agreement, [make_table(agreement.data, 50, seed) for seed in range(3)])
    assert len({party.graph().to_bytes() for party in parties}) == 1


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_fixed_point_changes_little(task: str) -> None:
    agreement = make_agreement(task, rounds=3)
    training = train(agreement, [make_table(agreement.data, 50, seed) for seed in range(3)])[0]
    lost = training.fixed_point_loss(training.graph())
    assert (lost["rows"], lost["changed"]) == (50, 0)
    assert 0 < lost["largest_difference"] < 0.01


def test_fixed_point_that_changes_predictions_says_how_many() -> None:
    agreement = make_agreement(rounds=3)
    training = train(agreement, [make_table(agreement.data, 50, seed) for seed in range(3)])[0]
    coarse = msgspec.structs.replace(agreement.model, seed=1)
    other = train(
        msgspec.structs.replace(agreement, model=coarse), [make_table(agreement.data, 50, seed) for seed in (7, 8, 9)]
    )[0]
    other._training.parameters = -training._training.parameters
    lost = training.fixed_point_loss(other.graph())
    assert lost["changed"] > 25
    assert lost["largest_difference"] > 0.1


@pytest.mark.parametrize("unit", ["none", "record"])
def test_a_model_that_no_graph_could_hold_stops_training_in_that_round(unit: str) -> None:
    """And not at the end, when everything is spent; the error names the round and the settings."""
    agreement = make_agreement(unit=unit, test_seed=3, rounds=30, learning_rate=1000.0, l2=100.0)
    training, plan, _ = start(agreement)
    wanted = r"in round [2-5] of 30: the model is far beyond .*learning_rate = 1000, training.l2 = 100"
    with pytest.raises(AgreementError, match=wanted):
        for step in plan.steps:
            training.apply(step, training.contribution(step), 1)


STRATEGIES = {
    "fedsgd": {"learning_rate": 1.0},
    "fedavg": {"local_steps": 5},
    "fedprox": {"local_steps": 5, "proximal": 0.1},
    "fedadam": {"local_steps": 5, "server_learning_rate": 0.1, "learning_rate": 0.1},
    "scaffold": {"local_steps": 5},
}
SIZES = (1, 3, 50, 400)


def uneven(agreement: Agreement) -> list[Table]:
    """Parties from tiny to large; the tiny ones are of one class by nature, and the last but one by choice."""
    tables = [make_table(agreement.data, rows, seed) for seed, rows in enumerate(SIZES)]
    of_one_class = np.zeros_like(tables[2].labels)
    tables[2] = Table(tables[2].features, of_one_class, agreement.data, "one class")
    return tables


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize(
    ("strategy", "batch_rows"),
    [(name, rows) for name in STRATEGIES for rows in (0, 2) if not (rows and name == "fedsgd")],
)
def test_parties_of_one_row_three_fifty_and_four_hundred_train_together(
    strategy: str, share: float, batch_rows: int
) -> None:
    agreement = make_agreement(
        parties=4,
        max_rows=400,
        rounds=20,
        clip=5.0,
        strategy=strategy,
        validation_share=share,
        batch_rows=batch_rows,
        **STRATEGIES[strategy],
    )
    parties = train(agreement, uneven(agreement))
    assert len({party.graph().to_bytes() for party in parties}) == 1
    rows = make_table(agreement.data, 400, 3)
    right = (parties[0].graph().predict(rows.features).reshape(-1) > 0.5) == rows.labels
    assert right.mean() > 0.8
    assert (parties[0]._training.validation_loss is not None) == (share > 0)


@pytest.mark.parametrize("strategy", ["fedavg", "fedprox", "fedadam", "scaffold"])
def test_uneven_parties_as_units_train_together_under_noise(strategy: str) -> None:
    agreement = make_agreement(
        parties=4,
        max_rows=400,
        unit="party",
        epsilon=50.0,
        test_seed=1,
        strategy=strategy,
        validation_share=0.2,
        patience=50,
        **STRATEGIES[strategy],
    )
    parties = train(agreement, uneven(agreement))
    assert len({party.graph().to_bytes() for party in parties}) == 1


@pytest.mark.parametrize("strategy", ["fedsgd", "fedadam"])
def test_uneven_parties_of_hidden_records_train_together_even_with_all_rows_held_back(strategy: str) -> None:
    agreement = make_agreement(
        parties=4, max_rows=400, unit="record", test_seed=1, strategy=strategy, validation_share=0.5
    )
    tables = uneven(agreement)
    # Of single rows, each decides for itself: take one that is held back.
    for seed in range(50):
        tables[0] = make_table(agreement.data, 1, seed)
        if not len(split(agreement, tables[0], "ash")[0].features):
            break
    assert not len(split(agreement, tables[0], "ash")[0].features)
    parties = train(agreement, tables)
    assert len({party.graph().to_bytes() for party in parties}) == 1


def test_adam_takes_single_records_gradients_as_the_change_of_one_step() -> None:
    agreement = make_agreement(
        unit="record", strategy="fedadam", learning_rate=0.5, server_learning_rate=0.1, tau=0.25, clip=30.0, l2=0.5
    )
    start_at, gradient = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.5, 1.0, -1.5, 2.0])
    descent = Descent(agreement, start_at, np.array([1.0, 1.0, 1.0, 0.0]), 100.0)
    descent.apply(total_of(agreement, gradient.tolist()), 3)
    change = -0.5 * (gradient + 0.5 * np.array([1.0, -2.0, 0.5, 0.0]))
    moments = 0.1 * change, 0.99 * 0.25**2 + 0.01 * change**2
    assert descent.parameters == pytest.approx(start_at + 0.1 * moments[0] / (np.sqrt(moments[1]) + 0.25))


def test_rows_held_back_are_in_no_statistics() -> None:
    agreement = make_agreement(validation_share=0.5)
    training, plan, table = start(agreement, 40)
    assert training.apply(plan.steps[0], training.contribution(plan.steps[0]), 1) == {"count": 20}
    kept, _ = split(agreement, table, "ash")
    assert training._scaling.mean == pytest.approx(kept.features.mean(axis=0), abs=1e-4)


def test_training_stops_at_all_parties_at_once_and_returns_the_best_round() -> None:
    agreement = make_agreement(
        rounds=40, learning_rate=3.0, clip=50.0, hidden=(8,), validation_share=0.3, patience=3, strategy="fedsgd"
    )
    plan = make_plan(agreement)
    tables = [make_table(agreement.data, 20, seed) for seed in range(3)]
    for seed, table in enumerate(tables):  # nothing to learn: after a while it learns the rows by heart
        table.labels[:] = np.random.default_rng(seed).integers(0, 2, 20)
    parties = [FederatedTraining(agreement, plan, t, name) for name, t in zip(agreement.names, tables, strict=True)]
    losses, models = [], []
    for step in plan.steps:
        if step.index:
            models.append(parties[0]._training.parameters)
        total = np.sum([party.contribution(step) for party in parties], axis=0, dtype=step.encoding.dtype)
        shown = [party.apply(step, total, 3) for party in parties]
        assert len({party.stopped for party in parties}) == 1
        if step.index:
            assert set(shown[0]) == {"loss", "validation"}
            losses.append(shown[0]["validation"])
        if parties[0].stopped:
            break
    assert step.index < 40
    assert len(losses) - 1 - int(np.argmin(losses)) == 3
    assert (parties[0]._training.result == models[int(np.argmin(losses))]).all()


def test_a_personal_model_has_a_last_layer_of_its_own() -> None:
    agreement = make_agreement(hidden=(4,), rounds=3, validation_share=0.3, personal="last-layer")
    party, tiny, _ = train(agreement, [make_table(agreement.data, rows) for rows in (60, 2, 60)])
    graph, report = party.personal_graph()
    assert report["steps"] > 0
    assert graph.to_bytes() != party.graph().to_bytes()
    same, report = tiny.personal_graph()
    assert report == {"steps": 0}
    assert same.to_bytes() == tiny.graph().to_bytes()


def test_a_personal_layer_that_fixed_point_cannot_hold_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = make_agreement(rounds=3, validation_share=0.3, personal="last-layer")
    party = train(agreement, [make_table(agreement.data, 60, seed) for seed in range(3)])[0]
    monkeypatch.setattr(training_module, "personalise", lambda common, last, rows: (common + 1e30, 7))
    graph, report = party.personal_graph()
    assert report == {"steps": 0}
    assert graph.to_bytes() == party.graph().to_bytes()


def test_a_model_that_could_not_be_exported_is_refused_before_anything_is_sent(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Linear(3, 1), nn.GELU())\n"
    with pytest.raises(AgreementError, match="cannot be exported: .*GELU"):
        start(make_agreement(model=torch_model(write_package(tmp_path, code, "unsent"), 4, "unsent")))
    image = Model("cnn", image=(1, 50, 100), convolutions=(Convolution(4096, 1), Convolution(1, 1)))
    with pytest.raises(AgreementError, match="cannot be exported: "):
        start(make_agreement(features=5000, model=image))


def test_a_label_beyond_fixed_point_is_refused_before_anything_is_sent() -> None:
    agreement = make_agreement("regression")
    label = msgspec.structs.replace(agreement.data.columns[-1], high=1e11)
    data = msgspec.structs.replace(agreement.data, columns=(*agreement.data.columns[:-1], label))
    with pytest.raises(AgreementError, match="kind 'linear' cannot be exported: .*fraction_bits"):
        start(msgspec.structs.replace(agreement, data=data))


def test_code_that_is_not_what_was_signed_is_refused_before_anything_is_sent(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = write_package(tmp_path, "def make(): ...", "unsigned")
    agreement = make_agreement(model=torch_model(path, 4, "unsigned"))
    path.write_text("def make(): return 1")
    with pytest.raises(AgreementError, match="not the file that was agreed on"):
        start(agreement)

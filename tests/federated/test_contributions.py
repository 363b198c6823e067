"""Contributions: gradients as by hand, within the bound for every row, and the same in any chunks."""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tacit.data import Table
from tacit.errors import AgreementError
from tacit.federated import contributions
from tacit.federated.batches import batches
from tacit.federated.contributions import Contributor, clipped
from tacit.federated.encoding import Encoding
from tacit.federated.plan import (
    COUNT_WEIGHT,
    LOSS_CAP,
    LOSS_WEIGHT,
    layer_widths,
    make_plan,
    parameter_count,
    round_shape,
    round_vector,
)
from tacit.federated.statistics import Scaling
from tacit.federated.validation import split
from tacit.study import Agreement
from tacit.study.agreement import digest

from .agreements import make_agreement, make_table

unhurried = settings(deadline=None, max_examples=50)

MODELS = {
    "linear": {"task": "regression"},
    "logistic": {"task": "binary"},
    "multiclass": {"task": "multiclass"},
    "network": {"task": "binary", "hidden": (5,)},
    "deep network": {"task": "multiclass", "hidden": (4, 3)},
    "network of numbers": {"task": "regression", "hidden": (6,)},
}
SCALING = Scaling(np.array([0.4, 1.0, 2.5]), np.array([0.8, 1.7, 2.9]), 40.0)


def by_hand(agreement: Agreement, parameters: np.ndarray, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (rows, parameters) and losses (rows,) of single rows, by the chain rule in numpy."""
    widths = layer_widths(agreement)
    layers, start = [], 0
    for before, after in itertools.pairwise(widths):
        end = start + before * after
        layers.append((parameters[start:end].reshape(after, before), parameters[end : end + after]))
        start = end + after
    gradients, losses = [], []
    for row, label in zip((table.features - SCALING.mean) / SCALING.deviation, table.labels, strict=True):
        inputs, signals = [row], []
        for weights, biases in layers:
            signals.append(weights @ inputs[-1] + biases)
            inputs.append(np.maximum(signals[-1], 0))
        loss, slope = loss_by_hand(agreement, signals[-1], label)
        parts = []
        for place in reversed(range(len(layers))):
            parts = [np.outer(slope, inputs[place]).ravel(), slope, *parts]
            if place:
                slope = (layers[place][0].T @ slope) * (signals[place - 1] > 0)
        gradients.append(np.concatenate(parts))
        losses.append(loss)
    return np.array(gradients), np.array(losses)


def loss_by_hand(agreement: Agreement, outputs: np.ndarray, label: float) -> tuple[float, np.ndarray]:
    task = agreement.data.task
    if task == "regression":
        low, high = agreement.data.label_bounds
        error = outputs[0] - (2 * (label - low) / (high - low) - 1)
        return error**2 / 2, np.array([error])
    if task == "binary":
        chance = 1 / (1 + np.exp(-outputs[0]))
        return -np.log(chance if label else 1 - chance), np.array([chance - label])
    chances = np.exp(outputs) / np.exp(outputs).sum()
    return -np.log(chances[label]), chances - np.eye(len(outputs))[label]


def rows_by_hand(agreement: Agreement, parameters: np.ndarray, table: Table) -> np.ndarray:
    """What each row contributes to a round."""
    gradients, losses = by_hand(agreement, parameters, table)
    clip = agreement.training.clip
    rows = [
        [
            *gradient * min(1, clip / np.linalg.norm(gradient)),
            LOSS_WEIGHT * clip * min(loss, LOSS_CAP) / LOSS_CAP,
            *([COUNT_WEIGHT * clip] if agreement.privacy.unit == "none" else []),
        ]
        for gradient, loss in zip(gradients, losses, strict=True)
    ]
    return np.array(rows)


def make_contributor(agreement: Agreement, rows: int = 40, scaling: Scaling = SCALING) -> tuple[Contributor, Table]:
    table = make_table(agreement.data, rows)
    return Contributor(agreement, table, scaling), table


def random_parameters(agreement: Agreement, size: float = 0.7) -> np.ndarray:
    return size * np.random.default_rng(3).standard_normal(parameter_count(agreement))


def round_encoding(agreement: Agreement) -> Encoding:
    return make_plan(agreement).steps[1].encoding


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("unit", ["record", "none"])
@pytest.mark.parametrize("clip", [0.3, 50.0])
def test_contributions_are_what_the_chain_rule_gives(model: str, unit: str, clip: float) -> None:
    agreement = make_agreement(**MODELS[model], unit=unit, clip=clip)
    contributor, table = make_contributor(agreement)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    total = contributor.total(parameters, encoding)
    expected = encoding.total([rows_by_hand(agreement, parameters, table)])
    # A number within rounding of a whole one may be truncated either way: one unit for some of the 40 rows.
    assert np.abs(total - expected).max() <= 4
    assert np.abs(expected).max() > 1000


@pytest.mark.parametrize("model", MODELS)
def test_clipping_makes_a_difference_in_these_tests(model: str) -> None:
    agreement = make_agreement(**MODELS[model])
    gradients, _ = by_hand(agreement, random_parameters(agreement), make_table(agreement.data))
    norms = np.linalg.norm(gradients, axis=1)
    assert (norms > 0.3).any()
    assert (norms < 50).all()


@unhurried
@given(
    model=st.sampled_from(sorted(MODELS)),
    size=st.sampled_from((0.0, 1e-9, 1.0, 1e3, 1e9, 1e60)),
    clip=st.sampled_from((1e-6, 1.0, 1e6)),
    unit=st.sampled_from(("record", "none")),
)
def test_every_row_is_within_the_bound(model: str, size: float, clip: float, unit: str) -> None:
    agreement = make_agreement(**MODELS[model], unit=unit, clip=clip)
    contributor, _ = make_contributor(agreement)
    with np.errstate(over="ignore"):
        rows = np.vstack(list(contributor._gradients(random_parameters(agreement, size))))
    assert len(rows) == 40
    assert (np.linalg.norm(rows, axis=1) <= round_shape(agreement)[1] * (1 + 1e-12)).all()


@pytest.mark.parametrize("model", ["logistic", "deep network"])
@pytest.mark.parametrize("rows_in_a_chunk", [1, 7, 39, 40])
def test_chunks_do_not_change_the_sum(model: str, rows_in_a_chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = make_agreement(**MODELS[model], unit="record")
    contributor, _ = make_contributor(agreement)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    whole = contributor.total(parameters, encoding)
    monkeypatch.setattr(contributions, "CHUNK_NUMBERS", rows_in_a_chunk * len(parameters))
    assert len(list(contributor._gradients(parameters))) == -(-40 // rows_in_a_chunk)
    assert (contributor.total(parameters, encoding) == whole).all()


def some_of(table: Table, places: np.ndarray | slice) -> Table:
    return Table(table.features[places], table.labels[places], table.schema, "some rows")


@pytest.mark.parametrize("model", MODELS)
def test_a_row_has_the_same_numbers_whatever_rows_are_beside_it(model: str) -> None:
    """To the last bit: it is this that makes one row's bound the sensitivity of the sum of all."""
    agreement = make_agreement(**MODELS[model], unit="record", features=11)
    scaling = Scaling(np.linspace(-0.5, 3, 11), np.linspace(0.5, 6, 11), 300.0)
    table, parameters = make_table(agreement.data, 300), random_parameters(agreement)
    rows = np.vstack(list(Contributor(agreement, table, scaling)._gradients(parameters)))
    draw = np.random.default_rng(7)
    for size in (*range(1, 34), 63, 64, 65, 127, 128, 129, 255, 299):
        places = draw.permutation(300)[:size]
        beside_others = Contributor(agreement, some_of(table, places), scaling)._gradients(parameters)
        assert (np.vstack(list(beside_others)) == rows[places]).all()


@pytest.mark.parametrize("model", MODELS)
def test_without_a_row_the_sum_lacks_that_row_exactly(model: str) -> None:
    """Neighbouring tables: an equality of integers, whichever row it is."""
    agreement = make_agreement(**MODELS[model], unit="record")
    contributor, table = make_contributor(agreement)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    everyone = contributor.total(parameters, encoding)
    for place in range(40):
        without = Contributor(agreement, some_of(table, np.arange(40) != place), SCALING)
        alone = Contributor(agreement, some_of(table, slice(place, place + 1)), SCALING)
        missing = everyone - without.total(parameters, encoding)
        assert (missing == alone.total(parameters, encoding)).all()
        assert (missing.astype(object) ** 2).sum() <= encoding.units**2


def test_copies_of_a_row_on_the_border_of_an_integer_all_stay_on_one_side() -> None:
    """What would happen if they did not: each of many copies moves by one, far beyond one row's bound."""
    agreement = make_agreement(unit="record", features=11, max_rows=5000)
    scaling = Scaling(np.linspace(-0.5, 3, 11), np.linspace(0.5, 6, 11), 300.0)
    table, parameters = make_table(agreement.data, 300), random_parameters(agreement)
    encoding = round_encoding(agreement)
    for place in range(0, 300, 37):
        copies = some_of(table, np.full(1003, place))
        [one] = Contributor(agreement, some_of(table, np.array([place])), scaling)._gradients(parameters)
        # A scale under which the largest of its numbers is a whole number of units, as near as floats allow.
        largest = np.abs(one[0, :-1]).max()
        border = dataclasses.replace(encoding, norm_bound=encoding.units * largest / 1000)
        totals = [
            Contributor(agreement, some_of(copies, slice(size)), scaling).total(parameters, border)
            for size in range(990, 1004)
        ]
        steps = np.diff(np.array(totals), axis=0)
        assert (steps == steps[0]).all()


def test_a_contribution_depends_on_nothing_before_it() -> None:
    agreement = make_agreement(hidden=(5,), unit="record")
    contributor, _ = make_contributor(agreement)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    first = contributor.total(parameters, encoding)
    contributor.total(parameters + 1, encoding)
    assert (contributor.total(parameters, encoding) == first).all()


def update_by_hand(agreement: Agreement, parameters: np.ndarray, table: Table) -> np.ndarray:
    """The change after `local_steps` of plain gradient descent on the mean loss and the penalty."""
    training, current = agreement.training, parameters
    weights = np.concatenate(
        [
            np.repeat([1.0, 0.0], [before * after, after])
            for before, after in itertools.pairwise(layer_widths(agreement))
        ]
    )
    for _ in range(training.local_steps):
        gradient = by_hand(agreement, current, table)[0].mean(axis=0) + training.l2 * weights * current
        current = current - training.learning_rate * gradient
    return current - parameters


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("local_steps", [1, 3])
def test_a_party_as_unit_contributes_its_update(model: str, local_steps: int) -> None:
    agreement = make_agreement(
        **MODELS[model], unit="party", local_steps=local_steps, clip=50.0, l2=0.2, learning_rate=0.1
    )
    contributor, table = make_contributor(agreement)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    update = update_by_hand(agreement, parameters, table)
    mean_loss = min(by_hand(agreement, parameters, table)[1].mean(), LOSS_CAP)
    [expected] = encoding.quantise([[*update, LOSS_WEIGHT * 50 * mean_loss / LOSS_CAP]])
    assert np.abs(contributor.total(parameters, encoding) - expected).max() <= 2
    assert np.linalg.norm(update) > 0.01


@pytest.mark.parametrize("rows", [3, 150])
def test_an_update_is_clipped_however_many_rows_there_are(rows: int) -> None:
    agreement = make_agreement(unit="party", clip=0.01, learning_rate=10.0)
    contributor, _ = make_contributor(agreement, rows)
    encoding = round_encoding(agreement)
    total = contributor.total(random_parameters(agreement), encoding)
    assert (total.astype(object) ** 2).sum() <= encoding.units**2
    moved = np.linalg.norm(encoding.to_reals(encoding.to_words(total))[:-1])
    assert moved == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("rows", [5, 60])
def test_where_nothing_is_private_updates_weigh_by_rows(rows: int) -> None:
    agreement = make_agreement(local_steps=2, clip=50.0)
    contributor, table = make_contributor(agreement, rows)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    total = encoding.to_reals(encoding.to_words(contributor.total(parameters, encoding)))
    assert total[:-2] / rows == pytest.approx(update_by_hand(agreement, parameters, table), abs=1e-5)
    assert total[-1] / (COUNT_WEIGHT * 50) == pytest.approx(rows, rel=1e-5)


def test_where_nothing_is_private_training_that_diverges_says_so() -> None:
    agreement = make_agreement("regression", local_steps=300, learning_rate=1000.0)
    contributor, _ = make_contributor(agreement)
    with pytest.raises(
        AgreementError, match=r"diverged in round 7 of .*training.learning_rate = 1000, .*local_steps = 300"
    ):
        contributor.total(random_parameters(agreement), round_encoding(agreement), index=7)
    agreement = make_agreement()
    contributor, _ = make_contributor(agreement)
    with pytest.raises(AgreementError, match=r"diverged in round 3 of .*training.learning_rate"):
        contributor.total(BEYOND, round_encoding(agreement), index=3)


# Under these some rows have an output beyond all numbers, and others have not.
BEYOND = np.array([1.7e308, -1.7e308, 1.7e308, 0.0])


def test_a_row_beyond_all_numbers_counts_as_nothing_and_stops_nobody() -> None:
    """Whoever could send a party such parameters would learn from a stop, without noise, that it has such a row."""
    agreement = make_agreement(unit="record")
    contributor, table = make_contributor(agreement)
    encoding = round_encoding(agreement)
    with np.errstate(all="ignore"):
        outputs = ((table.features - SCALING.mean) / SCALING.deviation * BEYOND[:3]).sum(axis=1)
    beyond = np.isnan(outputs)
    assert 5 < beyond.sum() < 35
    rest = Contributor(agreement, some_of(table, ~beyond), SCALING).total(BEYOND, encoding)
    both = contributor.total(BEYOND, encoding)
    [nothing] = encoding.quantise([[0.0] * 4 + [LOSS_WEIGHT * agreement.training.clip]])
    assert (both == rest + beyond.sum() * nothing).all()


def test_a_party_whose_update_diverges_contributes_none_and_stops_nobody() -> None:
    agreement = make_agreement("regression", local_steps=300, learning_rate=1000.0, unit="party")
    contributor, _ = make_contributor(agreement)
    total = contributor.total(random_parameters(agreement), round_encoding(agreement))
    assert not total[:-1].any()
    assert total[-1] > 0


@pytest.mark.parametrize("unit", ["record", "party"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [1e60, 1e200, 1e308])
def test_numbers_beyond_all_others_warn_nobody(unit: str, model: str, size: float) -> None:
    steps = 20 if unit == "party" else 1
    agreement = make_agreement(**MODELS[model], unit=unit, local_steps=steps, learning_rate=1000.0)
    contributor, _ = make_contributor(agreement)
    parameters = np.clip(random_parameters(agreement), -1, 1) * size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        total = contributor.total(parameters, round_encoding(agreement))
    most = 1 if unit == "party" else 40
    assert np.abs(total).max() <= most * round_encoding(agreement).units


@pytest.mark.filterwarnings("error")
@given(
    arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(allow_nan=False, width=64)),
    st.sampled_from((1e-6, 1.0, 1e6)),
)
@example(np.array([[1.7e308, -1.7e308, 1.7e308]]), 1.0)
@example(np.array([[5e-324, 0.0]]), 1e-6)
@example(np.array([[0.0, 0.0]]), 1.0)
@example(np.array([[3.0, 4.0]]), 5.0)
def test_clipping_shortens_what_is_too_long_and_leaves_the_rest(vectors: np.ndarray, clip: float) -> None:
    vectors = np.where(np.isfinite(vectors), vectors, 0.0)
    short = clipped(vectors, clip)
    for before, after in zip(vectors.tolist(), short.tolist(), strict=True):
        if math.hypot(*before) <= clip * (1 - 1e-12):
            assert after == before
        else:
            assert math.hypot(*after) == pytest.approx(min(clip, math.hypot(*before)), rel=1e-12)
            largest = max(before, key=abs)
            ratio = after[before.index(largest)] / largest
            assert after == pytest.approx([value * ratio for value in before], rel=1e-9, abs=1e-300)


def with_held_back(unit: str, model: str = "network", **training) -> tuple[Contributor, Table, Table, Agreement]:
    agreement = make_agreement(**MODELS[model], unit=unit, validation_share=0.3, **training)
    kept, held = split(agreement, make_table(agreement.data, 40), "ash")
    return Contributor(agreement, kept, SCALING, held, "ash"), kept, held, agreement


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("unit", ["record", "none"])
def test_rows_held_back_contribute_their_losses_and_count_and_no_gradient(model: str, unit: str) -> None:
    contributor, kept, held, agreement = with_held_back(unit, model)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    sums = round_vector(agreement).read(encoding.to_reals(encoding.to_words(contributor.total(parameters, encoding))))
    losses = np.minimum(by_hand(agreement, parameters, held)[1], LOSS_CAP)
    assert sums.held_rows == pytest.approx(len(held.features), abs=0.01)
    assert sums.held_loss == pytest.approx(losses.sum(), abs=0.01)
    gradients = rows_by_hand(agreement, parameters, kept)[:, : parameter_count(agreement)].sum(axis=0)
    assert sums.blocks[0] == pytest.approx(gradients, abs=0.01)
    assert len(held.features) > 3


@pytest.mark.parametrize("model", MODELS)
def test_with_rows_held_back_one_row_still_moves_the_sum_by_itself_alone(model: str) -> None:
    """Neighbouring tables, each split anew: an equality of integers, and within one record's bound."""
    agreement = make_agreement(**MODELS[model], unit="record", validation_share=0.3)
    table, parameters, encoding = (
        make_table(agreement.data, 40),
        random_parameters(agreement),
        round_encoding(agreement),
    )

    def total_of(places: np.ndarray | slice) -> np.ndarray:
        kept, held = split(agreement, some_of(table, places), "ash")
        return Contributor(agreement, kept, SCALING, held, "ash").total(parameters, encoding)

    everyone = total_of(slice(None))
    for place in range(40):
        missing = everyone - total_of(np.arange(40) != place)
        assert (missing == total_of(slice(place, place + 1))).all()
        assert 0 < (missing.astype(object) ** 2).sum() <= encoding.units**2


@unhurried
@given(
    strategy=st.sampled_from(("fedavg", "fedprox", "fedadam", "scaffold")),
    size=st.sampled_from((0.0, 1e-9, 1.0, 1e9, 1e200)),
    clip=st.sampled_from((1e-6, 1.0, 1e6)),
    control_clip=st.sampled_from((1e-6, 1.0, 1e6)),
    rows=st.sampled_from((1, 2, 5, 60)),
    learning_rate=st.sampled_from((1e-3, 1.0, 1000.0)),
)
def test_whatever_a_party_contributes_is_within_the_bound(
    strategy, size, clip, control_clip, rows, learning_rate
) -> None:
    agreement = make_agreement(
        hidden=(4,),
        unit="party",
        strategy=strategy,
        local_steps=3,
        batch_rows=2,
        validation_share=0.3,
        clip=clip,
        control_clip=control_clip if strategy == "scaffold" else 1.0,
        learning_rate=learning_rate,
    )
    kept, held = split(agreement, make_table(agreement.data, rows), "ash")
    contributor, encoding = Contributor(agreement, kept, SCALING, held, "ash"), round_encoding(agreement)
    for _ in range(3):
        total = contributor.total(random_parameters(agreement, size), encoding)
        assert (total.astype(object) ** 2).sum() <= encoding.units**2
        contributor.settle()


def test_both_blocks_of_scaffold_are_clipped_each_to_its_own_limit() -> None:
    agreement = make_agreement(unit="party", strategy="scaffold", local_steps=3, clip=0.01, control_clip=0.02)
    contributor, _ = make_contributor(agreement)
    encoding = round_encoding(agreement)
    total = contributor.total(random_parameters(agreement), encoding)
    blocks = round_vector(agreement).read(encoding.to_reals(encoding.to_words(total))).blocks
    assert np.linalg.norm(blocks, axis=1) == pytest.approx([0.01, 0.02], rel=1e-3)


def test_a_control_variate_goes_on_only_when_its_change_is_in_a_total() -> None:
    agreement = make_agreement(unit="party", strategy="scaffold", local_steps=3)
    contributor, _ = make_contributor(agreement)
    parameters, encoding = random_parameters(agreement), round_encoding(agreement)
    first = contributor.total(parameters, encoding)
    assert (contributor.total(parameters, encoding) == first).all()
    contributor.settle()
    assert contributor.own["own_control"].any()
    assert (contributor.total(parameters, encoding) != first).any()


def test_minibatches_are_taken_in_the_order_of_party_and_round() -> None:
    agreement = make_agreement(unit="party", local_steps=2, batch_rows=7)
    table, parameters, encoding = make_table(agreement.data), random_parameters(agreement), round_encoding(agreement)

    def total(party: str, index: int) -> list[int]:
        return Contributor(agreement, table, SCALING, None, party).total(parameters, encoding, None, index).tolist()

    assert total("ash", 1) == total("ash", 1)
    assert len({tuple(total(*who)) for who in (("ash", 1), ("ash", 2), ("birch", 1))}) == 3


def test_minibatch_steps_are_those_of_the_chain_rule() -> None:
    agreement = make_agreement(unit="party", local_steps=8, batch_rows=7, clip=50.0, learning_rate=0.1)
    table, current, encoding = make_table(agreement.data), random_parameters(agreement), round_encoding(agreement)
    seed = digest(agreement.encode()) + b"ash\x00" + (5).to_bytes(4, "big")
    start = current
    for _, places in zip(range(8), batches(40, 7, seed), strict=False):
        current = current - 0.1 * by_hand(agreement, current, some_of(table, places))[0].mean(axis=0)
    total = Contributor(agreement, table, SCALING, None, "ash").total(start, encoding, None, 5)
    assert encoding.to_reals(encoding.to_words(total))[:-1] == pytest.approx(current - start, abs=1e-2)

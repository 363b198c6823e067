"""A table becomes its owner's part of the computation, and what is opened becomes the graph of the schema."""

import itertools

import msgspec
import numpy as np
import pytest

from tacit.data import Table
from tacit.errors import AgreementError, DataError
from tacit.federated.models import targets
from tacit.mpc.training.train import DenseModel
from tacit.run.parts import feature_places, fixed_point_loss, make_graph, make_part, make_split, parameters_of
from tacit.study import Agreement, Computation, Privacy, Training, Trust

from ..federated.agreements import make_agreement, make_table

replace = msgspec.structs.replace
ADDRESSES = ("a:1", "b:1", "c:1")
OWNED = {"cedar": ("f1", "f0"), "ash": ("f2",)}


def agreed(task="binary", *, owned=None, labels="", hidden=(), **training) -> Agreement:
    made = make_agreement(task, hidden=hidden)
    agreement = replace(
        made,
        split="vertical" if owned else "horizontal",
        training=Training(3, 0.5, method="mpc", **training),
        privacy=Privacy("none"),
        trust=Trust(1, 0),
        computation=Computation("passive", ADDRESSES, owned or {}, labels),
    )
    agreement.check()
    return agreement


def own_columns(agreement, table, party):
    labels = table.labels if agreement.computation.labels == party else table.labels[:0]
    return Table(table.features[:, feature_places(agreement, party)], labels, table.schema, "own.csv")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_features_fill_the_range_and_targets_are_those_of_federated_training(task):
    agreement = agreed(task)
    table = make_table(agreement.data)
    part = make_part(agreement, table, "ash")
    low, high = agreement.data.feature_low, agreement.data.feature_high
    np.testing.assert_allclose((part.features + 1) / 2 * (high - low) + low, table.features)
    wanted = targets(agreement, table.labels)
    if task == "multiclass":
        np.testing.assert_array_equal(part.targets.argmax(axis=1), wanted)
        np.testing.assert_array_equal(part.targets.sum(axis=1), 1)
    else:
        np.testing.assert_array_equal(part.targets[:, 0], wanted)


def test_the_ends_of_the_schema_are_the_ends_of_the_range():
    agreement = agreed()
    ends = np.array([agreement.data.feature_low, agreement.data.feature_high])
    part = make_part(agreement, Table(ends, np.array([0, 1]), agreement.data, "t"), "ash")
    assert part.features.tolist() == [[-1.0] * 3, [1.0] * 3]


def test_each_has_its_columns_and_one_the_labels():
    agreement = agreed(owned=OWNED, labels="birch")
    table = make_table(agreement.data)
    whole = make_part(agreed(), table, "ash")
    assert [feature_places(agreement, name).tolist() for name in agreement.names] == [[2], [], [0, 1]]
    parts = {name: make_part(agreement, own_columns(agreement, table, name), name) for name in agreement.names}
    np.testing.assert_array_equal(parts["cedar"].features, whole.features[:, :2])
    assert parts["birch"].features.shape == (40, 0)
    np.testing.assert_array_equal(parts["birch"].targets, whole.targets)
    assert parts["ash"].targets is None


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"features": np.zeros((40, 2))}, DataError, "has not just the columns"),
        ({"labels": np.zeros(39)}, DataError, "has not just the columns"),
        ({"labels": np.zeros(0)}, DataError, "has not just the columns"),
        ({"features": np.full((40, 3), 99.0)}, DataError, "a number is not within the schema's bounds"),
        ({"features": np.full((40, 3), np.nan)}, DataError, "a number is not within the schema's bounds"),
        ({"features": np.zeros((0, 3)), "labels": np.zeros(0)}, DataError, "has 0 rows"),
        ({"features": np.zeros((201, 3)), "labels": np.zeros(201)}, DataError, "data.max_rows is 200"),
        ({"schema": make_agreement(features=2).data}, AgreementError, "another schema"),
    ],
)
def test_tables_that_are_not_the_partys_are_refused(change, error, reason):
    agreement = agreed()
    table = make_table(agreement.data)
    fields = {"features": table.features, "labels": table.labels, "schema": table.schema, **change}
    with pytest.raises(error, match=reason):
        make_part(agreement, Table(source="own.csv", **fields), "ash")


def test_labels_where_they_are_anothers_are_refused():
    agreement = agreed(owned=OWNED, labels="birch")
    table = make_table(agreement.data)
    both = Table(table.features[:, :2], table.labels, table.schema, "own.csv")
    with pytest.raises(DataError, match="has not just the columns"):
        make_part(agreement, both, "cedar")


def test_splits():
    assert make_split(agreed(), (3, 5, 4)).columns == (3, 3, 3)
    vertical = make_split(agreed(owned=OWNED, labels="birch"), (7, 7, 7))
    assert (vertical.columns, vertical.labels, vertical.features) == ((1, 0, 2), 1, 3)


@pytest.mark.parametrize(
    ("rows", "whose"),
    [((7, 7, 6), "that of 'cedar' differs"), ((7, 6, 7), "that of 'birch' differs"), ((1, 2, 3), "all three")],
)
def test_whose_number_of_rows_differs_is_named(rows, whose):
    with pytest.raises(DataError, match=whose) as raised:
        make_split(agreed(owned=OWNED, labels="birch"), rows)
    assert f"ash {rows[0]}, birch {rows[1]}, cedar {rows[2]}" in str(raised.value)


def layers(widths, draw):
    pairs = itertools.pairwise(widths)
    return tuple((draw.normal(size=pair), draw.normal(size=pair[1])) for pair in pairs)


def plain(model, scaled):
    for weight, bias in model.layers[:-1]:
        scaled = np.maximum(scaled @ weight + bias, 0)
    weight, bias = model.layers[-1]
    return scaled @ weight + bias


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("owned", [None, OWNED])
def test_the_graph_is_the_model_that_was_opened_in_units_of_the_schema(task, hidden, owned):
    agreement = agreed(task, owned=owned, labels="birch" if owned else "", hidden=hidden)
    table, draw = make_table(agreement.data), np.random.default_rng(1)
    outputs = 3 if task == "multiclass" else 1
    model = DenseModel(layers((3, *hidden, outputs), draw))
    order = np.concatenate([feature_places(agreement, name) for name in agreement.names]) if owned else np.arange(3)
    whole = make_part(agreed(task), table, "ash")
    scores = plain(model, whole.features[:, order])
    found = make_graph(agreement, model).predict(table.features)
    if task == "binary":
        expected = 1 / (1 + np.exp(-scores))
    elif task == "multiclass":
        expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    else:
        low, high = agreement.data.label_bounds
        expected = (scores + 1) / 2 * (high - low) + low
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=2e-2)
    assert len(parameters_of(agreement, model)) == sum(w.size + b.size for w, b in model.layers)


def test_a_model_beyond_fixed_point_says_what_to_lower():
    huge = DenseModel(((np.full((3, 1), 1e12), np.zeros(1)),))
    with pytest.raises(AgreementError, match=r"does not fit fixed point .* lower training.learning_rate = 0.5"):
        make_graph(agreed(), huge)


def test_what_fixed_point_changes_is_for_those_who_have_whole_rows():
    agreement = agreed()
    table, model = make_table(agreement.data), DenseModel(layers((3, 1), np.random.default_rng(1)))
    report = fixed_point_loss(agreement, model, make_graph(agreement, model), table)
    assert report["rows"] == 40
    assert 0 < report["largest_difference"] < 1e-2
    vertical = agreed(owned=OWNED, labels="birch")
    assert fixed_point_loss(vertical, model, make_graph(vertical, model), own_columns(vertical, table, "ash")) is None

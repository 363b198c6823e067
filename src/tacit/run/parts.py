"""A party's table as its part of a computation on shares, and the opened model as the graph that is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.data import Table
from tacit.errors import AgreementError, DataError, GraphError
from tacit.federated.export import float_outputs, predictions, to_graph
from tacit.graph import Graph
from tacit.mpc.training.train import DenseModel, Part, Split
from tacit.run.epochs import schema_scaling
from tacit.study import Agreement
from tacit.study.computation import columns_of, has_label

FloatArray = npt.NDArray[np.float64]


def feature_places(agreement: Agreement, party: str) -> npt.NDArray[np.intp]:
    """Return which of the schema's features the party has, (its features,), in the order of its table's."""
    own = set(columns_of(agreement, party))
    places: list[int] = []
    start = 0
    for column in agreement.data.feature_columns:
        end = start + len(column.feature_names)
        places += range(start, end) if column.name in own else ()
        start = end
    return np.array(places, np.intp)


def make_part(agreement: Agreement, table: Table, party: str) -> Part:
    """Return the party's features scaled to [-1, 1] by the schema's bounds, and its targets, if it has the label.

    Raises:
        AgreementError: the table was checked against another schema.
        DataError: it has other columns than the party's, no rows or too many, or numbers beyond the bounds.
    """
    schema, labelled = agreement.data, has_label(agreement, party)
    if table.schema != schema:
        raise AgreementError("the table was checked against another schema than the agreement's")
    places, rows = feature_places(agreement, party), len(table)
    if table.features.shape[1] != len(places) or len(table.labels) != rows * labelled:
        raise DataError(f"{table.source} has not just the columns that the agreement gives to {party!r}")
    if not 1 <= rows <= schema.max_rows:
        raise DataError(f"{table.source} has {rows} rows; the agreement's data.max_rows is {schema.max_rows}")
    low, high = schema.feature_low[places], schema.feature_high[places]
    if not ((table.features >= low) & (table.features <= high)).all():
        raise DataError(f"{table.source}: a number is not within the schema's bounds")
    scaled = np.clip(2 * ((table.features - low) / (high - low)) - 1, -1.0, 1.0)
    return Part(scaled, _targets(agreement, table) if labelled else None)


def make_split(agreement: Agreement, rows: Sequence[int]) -> Split:
    """Return how the data lie with the parties, who have so many `rows` each, and what is public of it.

    Raises:
        DataError: the split is vertical, and they have not the same number of rows; names whose differs.
    """
    first, second, third = (len(feature_places(agreement, name)) for name in agreement.names)
    columns, counts = (first, second, third), (rows[0], rows[1], rows[2])
    if agreement.split == "horizontal":
        return Split("horizontal", counts, columns)
    if len(set(counts)) > 1:
        raise DataError(_unlike(agreement.names, counts))
    owner = agreement.names.index(agreement.computation.labels) if agreement.computation else 0
    return Split("vertical", counts, columns, owner)


def make_graph(agreement: Agreement, model: DenseModel) -> Graph:
    """Return the opened model as a fixed-point graph on the features' own units.

    Raises:
        AgreementError: no graph can hold it, at every party alike.
    """
    try:
        return to_graph(agreement, parameters_of(agreement, model), schema_scaling(agreement))
    except GraphError as error:
        training = agreement.training
        raise AgreementError(
            f"the trained model does not fit fixed point with model.fraction_bits = {agreement.model.fraction_bits} "
            f"({error}): lower training.learning_rate = {training.learning_rate:g} or training.momentum = "
            f"{training.momentum:g}"
        ) from None


def fixed_point_loss(agreement: Agreement, model: DenseModel, graph: Graph, table: Table) -> dict[str, Any] | None:
    """Return what fixed point changes on this party's own rows, or None where it has not all of their columns.

    Private: for the owner's eyes alone.
    """
    if agreement.split != "horizontal":
        return None
    exact = float_outputs(agreement, parameters_of(agreement, model), schema_scaling(agreement), table.features)
    fixed, task = graph.predict(table.features), agreement.data.task
    changed = int((predictions(task, exact) != predictions(task, fixed)).sum()) if task != "regression" else 0
    return {
        "rows": len(exact),
        "changed": changed,
        "largest_difference": float(np.max(np.abs(exact - fixed), initial=0.0)),
    }


def parameters_of(agreement: Agreement, model: DenseModel) -> FloatArray:
    """Return the model's weights (outputs, inputs) and biases as one vector, its inputs in the schema's order."""
    order = np.concatenate([feature_places(agreement, name) for name in agreement.names])
    parts: list[FloatArray] = []
    for number, (weight, bias) in enumerate(model.layers):
        in_order = weight
        if number == 0 and agreement.split == "vertical":
            in_order = np.empty_like(weight)
            in_order[order] = weight
        parts += [in_order.T.ravel(), bias.ravel()]
    return np.concatenate(parts)


def _targets(agreement: Agreement, table: Table) -> FloatArray:
    """Return (rows, outputs): 0 or 1, one column for each of more than two classes, or numbers within [-1, 1]."""
    schema = agreement.data
    if schema.task == "multiclass":
        return np.eye(len(schema.classes))[table.labels.astype(np.int64)]
    values = table.labels.astype(np.float64)
    if schema.task == "regression":
        low, high = schema.label_bounds
        values = 2 * (values - low) / (high - low) - 1
    return values[:, None]


def _unlike(names: Sequence[str], counts: Sequence[int]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    odd = [name for name, count in zip(names, counts, strict=True) if list(counts).count(count) == 1]
    whose = f"that of {odd[0]!r} differs" if len(odd) == 1 else "all three differ"
    return (
        f"the parties' tables have not the same number of rows, {whose}: {listed}. Row by row they must be about the "
        "same cases: the owners align them before they train"
    )

"""Committing: the model in a bundle, as one of its holders; and a table, checked against the bundle's columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tacit.bundle import Bundle
from tacit.data import Schema, Table, load
from tacit.errors import DataError
from tacit.graph.fixed import Ints, nearest
from tacit.keys import Identity, PublicIdentity
from tacit.proofs.architecture import Architecture
from tacit.proofs.commitment.parameters import LONG_LIVED_USES
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.optimality.fitting import fit
from tacit.study import Study


def commit_model(
    bundle: Bundle,
    identity: Identity,
    study: Study | None = None,
    pins: Iterable[PublicIdentity | str] = (),
    *,
    uses: int = LONG_LIVED_USES,
) -> CommittedModel:
    """Commit to a bundle's model, for so many proofs; errors as of `Bundle.open`, and ProofError for its layers."""
    return CommittedModel.new(bundle.open(identity, study, pins), uses=uses)


def commit_table(
    path: Path, schema: Schema, model: ModelCommitment, group: str | None = None, *, uses: int = LONG_LIVED_USES
) -> CommittedSet:
    """Commit to a table of rows with labels, in the model's scale.

    Args:
        path: CSV or Parquet, with the columns of `schema`.
        schema: of the model's bundle.
        model: what is public of the model: the range and the scale of its inputs.
        group: the sensitive attribute as "COLUMN=VALUE": rows that have the value are group 1, the others group 0.
        uses: for how many proofs.

    Raises:
        DataError: names file, row and column.
        ProofError: the rows do not fit the model.
    """
    table = load(path, schema, allow_one_class=True)
    architecture = model.architecture
    rows = encoded(table, architecture)
    labels = _labels(table, architecture)
    groups = None if group is None else _groups(table, group)
    classes = len(schema.classes) if schema.task != "regression" else 0
    description = SetDescription.of(architecture, len(rows), classes=classes, grouped=group is not None)
    return CommittedSet.new(description, rows, labels, groups, uses=uses)


def commit_fit(
    path: Path, schema: Schema, loss: str, mu: float, *, uses: int = LONG_LIVED_USES
) -> tuple[CommittedModel, CommittedSet]:
    """Fit the convex model that minimises a loss on a table, and commit to it and to the table.

    loss: "ridge", "logistic" or "squared hinge", with penalty mu/2 |w|^2, the intercept's included.
    """
    table = load(path, schema)
    found = fit(
        table.features, table.labels.astype(np.float64), loss, mu, low=schema.feature_low, high=schema.feature_high
    )
    data = CommittedSet.new(found.description, found.rows, found.labels, uses=uses)
    return CommittedModel.new(found.graph, uses=uses), data


def encoded(table: Table, architecture: Architecture) -> Ints:
    """A table's features as the model's inputs, int64 (rows, *input shape); ProofError where they do not fit."""
    if table.features.shape[1:] != architecture.input_shape:
        raise DataError(
            f"{table.source} has {table.features.shape[1]} features, and the committed model takes rows of shape "
            f"{architecture.input_shape}: is it the model of this bundle?"
        )
    rows = nearest(table.features, architecture.fraction_bits).astype(np.int64)
    architecture.check_input(rows)
    return rows


def _labels(table: Table, architecture: Architecture) -> Ints:
    if table.schema.task == "regression":
        return nearest(table.labels.astype(np.float64), architecture.fraction_bits).astype(np.int64)
    return table.labels.astype(np.int64)


def _groups(table: Table, group: str) -> Ints:
    """1 where a row has the value of "COLUMN=VALUE", else 0."""
    names = list(table.schema.features)
    if group in names:
        return _bits(table.features[:, names.index(group)] == 1)
    column, _, value = group.partition("=")
    try:
        return _bits(table.features[:, names.index(column)] == float(value))
    except ValueError:
        shown = ", ".join(names[:20])
        raise DataError(f"the group {group!r} is not COLUMN=VALUE of a feature of {table.source}: {shown}") from None


def _bits(where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ints:
    found: Ints = where.astype(np.int64)
    return found

"""Predictions by a holder of the model, on its own machine."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.bundle.bundle import Bundle
from tacit.bundle.personal import load_personal
from tacit.data import Schema, load
from tacit.files import write_atomically
from tacit.keys import Identity, PublicIdentity
from tacit.study import Study

UNCERTIFIED = (
    "personal model: fitted to your own rows, without noise; the bundle's signatures and its privacy are those of the "
    "common model and not of this one, and its predictions are as private as your rows"
)


@dataclass(frozen=True, repr=False)
class Predictions:
    """One prediction per row of a table.

    `scores` is the model's output: (rows,) numbers, or the probability of each class, (rows, classes).
    `warnings` are those of the bundle's verification: whose model it may be, and what it does not promise.
    """

    schema: Schema
    scores: npt.NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What each row shows: the label, and for classes the probability of each."""
        if self.schema.task == "regression":
            return (self.schema.label,)
        return (self.schema.label, *(f"probability of {name}" for name in self.schema.classes))

    @property
    def values(self) -> list[Any]:
        """The predicted class or number of each row."""
        if self.schema.task == "regression":
            return [float(score) for score in self.scores]
        return [self.schema.classes[index] for index in np.argmax(self.scores, axis=1)]

    def rows(self) -> Iterator[list[Any]]:
        """Yield (row number counted from 1, prediction, probabilities)."""
        for number, (value, scores) in enumerate(zip(self.values, np.atleast_2d(self.scores.T).T, strict=True), 1):
            if self.schema.task == "regression":
                yield [number, round(value, 6)]
            else:
                yield [number, value, *(round(float(score), 4) for score in scores)]

    def as_dict(self) -> dict[str, Any]:
        """Return the predictions as JSON values."""
        shown: dict[str, Any] = {"label": self.schema.label, "predictions": self.values}
        if self.schema.task != "regression":
            shown["classes"] = list(self.schema.classes)
            shown["probabilities"] = np.round(self.scores, 6).tolist()
        if self.warnings:
            shown["warnings"] = list(self.warnings)
        return shown

    def save(self, path: Path) -> None:
        """Write a CSV, mode 0600: predictions about people are as private as their data."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["row", *self.columns])
        writer.writerows(self.rows())
        write_atomically(path, text.getvalue().encode(), mode=0o600)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"Predictions({len(self)} rows, hidden)"


def predict(
    bundle: Bundle,
    identity: Identity,
    table: Path,
    study: Study | None = None,
    pins: Iterable[PublicIdentity | str] = (),
    personal: Path | None = None,
) -> Predictions:
    """Predict for each row of `table` with the bundle's model, opened by `identity`.

    `study` and `pins` say whose model it has to be, as for `verify`. Without them anybody can have made it: the
    predictions carry that as a warning. With `personal`, the file of a party's own model that goes with the bundle,
    that one predicts, and a warning says that nobody else vouches for it.

    Raises:
        IdentityError: not a holder.
        ProofError: the bundle does not verify.
        FormatError: what is in it is not the committed model, or not one of the agreed shape.
        DataError: a column, type or bound does not fit the schema.
    """
    schema = bundle.agreement.data
    pins = tuple(pins)
    graph = bundle.open(identity, study, pins)
    warnings = tuple(f"{row.check}: {row.detail}" for row in bundle.report(study, pins).warnings)
    if personal is not None:
        graph = load_personal(personal, bundle, identity)
        warnings = (*warnings, UNCERTIFIED)
    outputs = graph.predict(load(table, schema, labelled=False).features)
    if schema.task == "binary":
        second = outputs.reshape(-1)
        return Predictions(schema, np.column_stack([1 - second, second]), warnings)
    return Predictions(schema, outputs.reshape(-1) if schema.task == "regression" else outputs, warnings)

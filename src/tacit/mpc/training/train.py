"""One party's part in a training: share, scale, train epoch by epoch, verify, open the model and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tacit.errors import DataError
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.opening import open_to_all
from tacit.mpc.party import PARTIES, Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.session import Session
from tacit.mpc.storage import NOTHING, Storage, check_same, common_epoch
from tacit.mpc.training.dense import Dense
from tacit.mpc.training.descent import Descent
from tacit.mpc.training.rows import columns_together, decoded, encoded, rows_together
from tacit.mpc.training.scaling import Scaling, on_own_units, standardised
from tacit.mpc.training.settings import Settings
from tacit.mpc.verification import verify

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Split:
    """How the rows lie with the parties; public, and the same at all.

    Attributes:
        kind: "horizontal", each party has some rows, or "vertical", each has some columns of the same rows, in order.
        rows: of each party; vertical: the same number three times.
        columns: features of each party; horizontal: the same number three times.
        labels: vertical: the party that has the labels; horizontal: each has its rows'.
    """

    kind: Literal["horizontal", "vertical"]
    rows: tuple[int, int, int]
    columns: tuple[int, int, int]
    labels: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError."""
        same = self.columns if self.kind == "horizontal" else self.rows
        if len(set(same)) != 1:
            raise ValueError(f"a {self.kind} split has one number of {'columns' if same is self.columns else 'rows'}")
        if self.labels not in range(PARTIES):
            raise ValueError("the labels are with party 0, 1 or 2")

    @property
    def features(self) -> int:
        """The number of all features."""
        return self.columns[0] if self.kind == "horizontal" else sum(self.columns)


@dataclass(frozen=True, repr=False)
class Part:
    """What one party has: features (rows, columns) within [-1, 1], and targets (rows, outputs), or None.

    Targets are 0 or 1 for classes, one column for each class where there are more than two, and numbers near [-1, 1]
    for squared error.
    """

    features: Floats
    targets: Floats | None


@dataclass(frozen=True, repr=False)
class DenseModel:
    """An opened model: (weight (inputs, outputs), bias (outputs,)) of each layer, on features as given."""

    layers: tuple[tuple[Floats, Floats], ...]


def train(
    session: Session,
    part: Part,
    split: Split,
    settings: Settings,
    *,
    storage: Storage | None = None,
    progress: Progress | None = None,
) -> DenseModel:
    """Train with the two other parties, which call this with their parts, and return the model that all learn.

    Args:
        session: to the two others.
        part: this party's rows or columns.
        split: how much each party has.
        settings: what is trained, and how.
        storage: keeps the shares after every epoch, so that another session goes on after the last one; in active mode
            each epoch is verified first. All three have one, or none has.
        progress: called with (epochs done, epochs).

    Raises:
        DataError: the part does not fit the split, or a value is not finite.
        ProtocolError: a party stopped, cheated, or has kept shares that do not fit the others'; names it. Nothing was
            opened.
    """
    party = session.party
    x, y = session.run(_shared(party, part, split, settings))
    x, scaling = session.run(standardised(party, x, settings.fraction_bits))
    descent = Descent(party, split.features, settings)
    if storage is not None:
        done = session.run(common_epoch(party, storage.numbers))
        if done != NOTHING:
            kept = storage.shares(done)
            session.run(check_same(party, kept))
            descent.restore(done, kept)
    while descent.epoch < settings.epochs:
        session.run(descent.run_epoch(x, y))
        if storage is not None:
            # What is kept outlives the claims about it: another session could not look for a wrong product of this one.
            if party.active:
                session.run(verify(party))
            storage.keep(descent.epoch, descent.shares())
        if progress is not None:
            progress(descent.epoch, settings.epochs)
    return session.run(_opened(party, descent.layers, scaling, settings))


def _shared(party: Party, part: Part, split: Split, settings: Settings) -> Protocol[tuple[Arithmetic, Arithmetic]]:
    features = encoded(part.features, settings.fraction_bits, "the features")
    if (len(features), features.shape[1]) != (split.rows[party.index], split.columns[party.index]):
        raise DataError(f"this party's features have shape {features.shape}, which is not what was agreed on")
    targets = _targets(party, part, split, settings)
    if split.kind == "horizontal":
        return (
            yield from together(rows_together(party, features, split.rows), rows_together(party, targets, split.rows))
        )
    outputs = [settings.outputs if owner == split.labels else 0 for owner in range(PARTIES)]
    return (
        yield from together(columns_together(party, features, split.columns), columns_together(party, targets, outputs))
    )


def _targets(party: Party, part: Part, split: Split, settings: Settings) -> npt.NDArray[np.uint64]:
    has_them = split.kind == "horizontal" or party.index == split.labels
    if has_them != (part.targets is not None):
        raise DataError(f"this party has {'labels' if has_them else 'no labels'} by the split, and its part differs")
    shape = (split.rows[party.index], settings.outputs if has_them else 0)
    if part.targets is None:
        return np.zeros(shape, dtype=np.uint64)
    if part.targets.shape != shape:
        raise DataError(f"targets have shape {part.targets.shape}, not {shape}")
    return encoded(part.targets, settings.fraction_bits, "the labels")


def _opened(party: Party, layers: Sequence[Dense], scaling: Scaling, settings: Settings) -> Protocol[DenseModel]:
    first = yield from on_own_units(party, layers[0], scaling, settings.fraction_bits)
    if party.active:
        yield from verify(party)
    shares = [part for layer in (first, *layers[1:]) for part in (layer.weight, layer.bias)]
    opened = yield from together(*(open_to_all(party, each) for each in shares))
    values = [decoded(words, settings.fraction_bits) for words in opened]
    return DenseModel(tuple(zip(values[::2], values[1::2], strict=True)))

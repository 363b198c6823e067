"""What is public of a set: how many rows, their shape, scale and range, and what their labels are."""

from __future__ import annotations

from math import prod
from typing import Annotated

import msgspec
import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import INPUT_LIMIT, MAX_FRACTION_BITS, MIN_FRACTION_BITS, Ints, Shape
from tacit.graph.structure import MAX_ELEMENTS, MAX_RANK
from tacit.proofs.architecture import Architecture

VERSION = "tacit.set/1"
MOST_ROWS = 2**20
MOST_CLASSES = 2**10
GROUPS = 2

_End = Annotated[int, msgspec.Meta(ge=-INPUT_LIMIT, le=INPUT_LIMIT)]
_Ends = Annotated[tuple[_End, ...], msgspec.Meta(min_length=1, max_length=MAX_ELEMENTS)]
_Size = Annotated[int, msgspec.Meta(ge=1, le=MAX_ELEMENTS)]


class SetDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """rows: how many; shape: of one; low, high: of each value of a row, the least and the greatest encoded one.

    classes: labels are class numbers below it, 0 if they are encoded numbers. grouped: each row is of group 0 or 1.
    """

    version: str
    rows: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS)]
    shape: Annotated[tuple[_Size, ...], msgspec.Meta(min_length=1, max_length=MAX_RANK)]
    fraction_bits: Annotated[int, msgspec.Meta(ge=MIN_FRACTION_BITS, le=MAX_FRACTION_BITS)]
    low: _Ends
    high: _Ends
    classes: Annotated[int, msgspec.Meta(ge=0, le=MOST_CLASSES)]
    grouped: bool

    @classmethod
    def of(cls, architecture: Architecture, rows: int, *, classes: int, grouped: bool = False) -> SetDescription:
        """A set of so many rows in the range that a model is for. ProofError where there can be none."""
        low, high = (tuple(end.reshape(-1).tolist()) for end in (architecture.low, architecture.high))
        shape, fraction_bits = architecture.input_shape, architecture.fraction_bits
        return cls(VERSION, rows, shape, fraction_bits, low, high, classes, grouped).checked()

    def checked(self) -> SetDescription:
        """The same; ProofError where it describes no set."""
        if self.version != VERSION:
            raise ProofError(f"the set is of version {self.version!r}, not {VERSION!r}")
        if not 1 <= self.rows <= MOST_ROWS:
            raise ProofError(f"a set has 1 to {MOST_ROWS} rows, not {self.rows}")
        if not 0 <= self.classes <= MOST_CLASSES or self.classes == 1:
            raise ProofError(f"labels are of 2 to {MOST_CLASSES} classes, or numbers: 0 classes; not {self.classes}")
        if {len(self.low), len(self.high)} != {prod(self.shape)} or (self.lows > self.highs).any():
            raise ProofError(f"the set: the range of its values does not fit rows of shape {self.shape}")
        if max(abs(self.lows).max(), abs(self.highs).max()) > INPUT_LIMIT:
            raise ProofError(f"the set: its values may reach {INPUT_LIMIT} at the most, either way")
        return self

    @property
    def lows(self) -> Ints:
        """int64 of the shape of a row."""
        return np.array(self.low, dtype=np.int64).reshape(self.shape)

    @property
    def highs(self) -> Ints:
        """int64 of the shape of a row."""
        return np.array(self.high, dtype=np.int64).reshape(self.shape)

    @property
    def words(self) -> str:
        """For people."""
        labels = f"labels of {self.classes} classes" if self.classes else "numbers as labels"
        groups = ", each in one of two groups" if self.grouped else ""
        return f"{self.rows} rows of shape {self.shape} with {labels}{groups}"

    def check(self, rows: Ints, labels: Ints, groups: Ints | None) -> None:
        """ProofError, naming row and index and no value, where the arrays are not such a set."""
        self._check_shape("rows", rows, (self.rows, *self.shape))
        _check_all((rows >= self.lows) & (rows <= self.highs), "a value outside the range that the set is for")
        self._check_shape("labels", labels, (self.rows,))
        if self.classes:
            _check_all((labels >= 0) & (labels < self.classes), f"a label that is no class below {self.classes}")
        else:
            _check_all((labels >= -INPUT_LIMIT) & (labels <= INPUT_LIMIT), f"a label over {INPUT_LIMIT}")
        if (groups is not None) != self.grouped:
            raise ProofError(
                f"the set is described {'with' if self.grouped else 'without'} groups, and given otherwise"
            )
        if groups is not None:
            self._check_shape("groups", groups, (self.rows,))
            _check_all((groups == 0) | (groups == 1), "a group that is neither 0 nor 1")

    def check_model(self, architecture: Architecture) -> None:
        """ProofError where a row of the set might be none for the model."""
        if self.shape != architecture.input_shape or self.fraction_bits != architecture.fraction_bits:
            raise ProofError(
                f"the model takes rows of shape {architecture.input_shape} with {architecture.fraction_bits} fractional"
                f" bits; the set has {self.shape} with {self.fraction_bits}"
            )
        if (self.lows < architecture.low).any() or (self.highs > architecture.high).any():
            raise ProofError(
                "the set's rows may be outside the range that the model is for: commit to it for this model"
            )

    def _check_shape(self, name: str, array: Ints, shape: Shape) -> None:
        if array.dtype != np.int64 or array.shape != shape:
            raise ProofError(f"the set's {name} must be int64 of shape {shape}, not {array.dtype} of {array.shape}")


def _check_all(good: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], what: str) -> None:
    if not good.all():
        row, *index = (int(i) for i in np.argwhere(~good)[0])
        raise ProofError(f"the set, row {row}{f', index {tuple(index)}' if index else ''}: {what}")

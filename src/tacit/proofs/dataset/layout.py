"""Where a set lies in its committed vector.

Of each value x with its range [low, high] two numbers are committed, u = x - low and v = high - x. Both are digits of
c bits, one block for each place, and all blocks together are the region that a lookup shows to be digits (`ranges`).
Then come the labels, and the groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints, Shape
from tacit.proofs import multilinear
from tacit.proofs.argument.claims import Block, Point
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.field import Words
from tacit.proofs.plan import MOST_WIDTH
from tacit.proofs.tensors import Axes, Form, Part, Tensor

SET = 2  # the source that holds a set, in statements on a model and a set

LEAST_DIGIT_BITS, MOST_DIGIT_BITS = 4, 20


@dataclass(frozen=True)
class RowsTensor(Tensor):
    """u + low: what is public of it is the same for every row, so its extension takes the time of one."""

    def at(self, point: Point) -> Form:
        """The tensor's extension at a point."""
        ((_, lows),) = self.public
        low = same_for_all(self.axes, lows[0], point)
        return Tensor(self.shape, self.axes, self.parts).at(point) + low

    def reshaped(self, shape: Shape) -> Tensor:
        """The same entries under another shape of a row; the axes stay."""
        return replace(self, shape=shape)


def same_for_all(axes: Axes, values: Ints, point: Point) -> Form:
    """The extension, at a point, of public values that each row has (*axes but the first)."""
    rows, each = axes.sizes[:1], Axes(axes.sizes[1:])
    cut = Axes(rows).variables
    value = multilinear.evaluate(each.fill(values), point[cut:])
    return Form(constant=Axes(rows).indicator(point[:cut]) * value)


class Layout:
    """Both sides make it from the description alone. source: the number of the vector in a statement."""

    def __init__(self, description: SetDescription, source: int = SET) -> None:
        self.description = description
        self.axes = Axes((description.rows, *description.shape))
        self.row = Axes((description.rows,))
        self.spans = description.highs - description.lows
        width = max(1, int(self.spans.max()).bit_length())
        size = 1 << self.axes.variables
        choices = range(LEAST_DIGIT_BITS, MOST_DIGIT_BITS + 1)
        self.digit_bits = min(choices, key=lambda bits: 2 * -(-width // bits) * size + 2 * 2**bits)
        self.places = -(-width // self.digit_bits)
        if self.places * self.digit_bits > MOST_WIDTH:  # u + v would not be a sum of integers
            raise ProofError(f"a value's range has {width} bits, and digits of {self.digit_bits} pass {MOST_WIDTH}")
        blocks = 2 * self.places
        self._source = source
        self.region = Block(source, 0, (blocks * size - 1).bit_length())
        self._labels = Block(source, 1 << self.region.variables, self.row.variables)
        self._groups = Block(source, self._labels.offset + (1 << self.row.variables), self.row.variables)
        last = self._groups if description.grouped else self._labels
        self.values = last.offset + (1 << last.variables)

    @cached_property
    def above(self) -> Tensor:
        """u."""
        return Tensor(self.description.shape, self.axes, self._digits(0))

    @cached_property
    def below(self) -> Tensor:
        """v."""
        return Tensor(self.description.shape, self.axes, self._digits(self.places))

    @cached_property
    def rows(self) -> Tensor:
        """x."""
        lows = np.broadcast_to(self.description.lows, self.axes.sizes)
        return RowsTensor(self.description.shape, self.axes, self.above.parts, public=((1, lows),))

    @cached_property
    def labels(self) -> Tensor:
        """The labels (rows,)."""
        return Tensor((), self.row, (Part(1, self._labels),))

    @cached_property
    def groups(self) -> Tensor:
        """The groups (rows,)."""
        return Tensor((), self.row, (Part(1, self._groups),))

    def span(self, point: Point) -> Form:
        """The extension of high - low, for each row, at a point."""
        return same_for_all(self.axes, self.spans, point)

    def vector(self, rows: Ints, labels: Ints, groups: Ints | None) -> Words:
        """The committed vector of a checked set."""
        vector = np.zeros(self.values, dtype=np.uint64)
        for block, digits in self._tables(rows):
            _put(vector, block, digits)
        _put(vector, self._labels, self.row.fill(labels))
        if groups is not None:
            _put(vector, self._groups, self.row.fill(groups))
        return vector

    def counts(self, rows: Ints) -> Words:
        """How often each digit is in the region, for checked rows (2^digit_bits,)."""
        counts = np.zeros(1 << self.digit_bits, dtype=np.int64)
        for _, digits in self._tables(rows):
            counts += np.bincount(digits.view(np.int64), minlength=len(counts))
        counts[0] += (1 << self.region.variables) - (2 * self.places << self.axes.variables)
        return counts.astype(np.uint64)

    def _tables(self, rows: Ints) -> Iterator[tuple[Block, Words]]:
        """Every block of digits with what is in it."""
        mask = np.uint64(2**self.digit_bits - 1)
        numbers = rows - self.description.lows, self.description.highs - rows
        for parts, values in zip((self.above.parts, self.below.parts), numbers, strict=True):
            table = self.axes.fill(values)
            for i, part in enumerate(parts):
                yield part.block, (table >> np.uint64(i * self.digit_bits)) & mask

    def _digits(self, first: int) -> tuple[Part, ...]:
        variables = self.axes.variables
        return tuple(
            Part(1 << (place * self.digit_bits), Block(self._source, (first + place) << variables, variables))
            for place in range(self.places)
        )


def _put(vector: Words, block: Block, table: Words) -> None:
    vector[block.offset : block.offset + len(table)] = table

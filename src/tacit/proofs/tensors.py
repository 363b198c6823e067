"""Tensors inside a proof: how their entries are numbered, and what they are sums of.

Every axis is filled up to a power of two by itself, the batch first, so that an entry's index is the bits of its
coordinates one after another, and a point is a part for each axis. What stands in the filling is nowhere read.

A tensor is a sum of committed parts (limbs), public arrays, and a constant at its real entries. Its multilinear
extension at a point is then a `Form`: a sum of terms on commitments, plus a public constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints, Shape
from tacit.proofs import field as numbers
from tacit.proofs import multilinear
from tacit.proofs.argument.claims import Block, Point, Term
from tacit.proofs.field import ONE, ZERO, Element, Words

MOST_VARIABLES = 26  # of a tensor that is laid out


@dataclass(frozen=True)
class Axes:
    """The sizes of the axes."""

    sizes: Shape

    @property
    def each(self) -> tuple[int, ...]:
        """How many variables each axis has."""
        return tuple((size - 1).bit_length() for size in self.sizes)

    @property
    def variables(self) -> int:
        """How many variables there are."""
        return sum(self.each)

    @property
    def padded(self) -> Shape:
        """The sizes once filled up."""
        return tuple(1 << variables for variables in self.each)

    @property
    def full(self) -> bool:
        """Whether there is no filling."""
        return self.padded == self.sizes

    def split(self, point: Point) -> list[Point]:
        """The part of a point for each axis."""
        parts, start = [], 0
        for variables in self.each:
            parts.append(point[start : start + variables])
            start += variables
        return parts

    def indicator(self, point: Point) -> Element:
        """The extension, at a point, of the table that is one at real entries and zero in the filling."""
        result = ONE
        for size, part in zip(self.sizes, self.split(point), strict=True):
            result = result * multilinear.indicator(size, part)
        return result

    def fill(self, values: Ints) -> Words:
        """Integers of shape `sizes` as a table of field elements (2^variables,), with zeros in the filling.

        ProofError where it would have more than 2^26 entries: sizes just over powers of two grow by 2 for each axis.
        """
        if self.variables > MOST_VARIABLES:
            raise ProofError(f"a tensor of {self.sizes} has 2^{self.variables} entries once filled up: too many")
        table = np.zeros(self.padded, dtype=np.int64)
        table[tuple(slice(size) for size in self.sizes)] = values.reshape(self.sizes)
        return numbers.embed(table.reshape(-1))

    def ones(self) -> Words:
        """The table that is one at real entries (2^variables,)."""
        return self.fill(np.ones(prod(self.sizes), dtype=np.int64))


@dataclass(frozen=True)
class Form:
    """The sum of the terms, and a constant."""

    terms: tuple[Term, ...] = ()
    constant: Element = ZERO

    def __add__(self, other: Form) -> Form:
        return Form(self.terms + other.terms, self.constant + other.constant)

    def __mul__(self, factor: Element | int) -> Form:
        scaled = tuple(Term(term.factor * factor, term.block, term.point) for term in self.terms)
        return Form(scaled, self.constant * factor)

    def __sub__(self, other: Form) -> Form:
        return self + other * -1


@dataclass(frozen=True)
class Part:
    """factor * the entries of a block whose axes are the tensor's, followed by bits that are the same for all."""

    factor: int
    block: Block
    tail: tuple[int, ...] = ()

    def __neg__(self) -> Part:
        return Part(-self.factor, self.block, self.tail)


@dataclass(frozen=True)
class Tensor:
    """shape: of a row, as the graph has it; axes: with the batch, as the proof has them, in the same order.

    positive, negative: where the tensor is committed as the difference of two parts whose product is zero.
    ends: the least and the greatest that a layer's entry can be, by what a proof shows of its limbs.
    """

    shape: Shape
    axes: Axes
    parts: tuple[Part, ...] = ()
    constant: int = 0
    public: tuple[tuple[int, Ints], ...] = field(default=(), repr=False)
    positive: Tensor | None = None
    negative: Tensor | None = None
    ends: tuple[int, int] = (0, 0)

    @property
    def most(self) -> int:
        """No entry is more in size."""
        return max(-self.ends[0], self.ends[1])

    @property
    def hidden(self) -> bool:
        """Whether the verifier cannot compute its entries."""
        return bool(self.parts)

    def at(self, point: Point) -> Form:
        """The tensor's extension at a point."""
        terms = tuple(
            Term(Element(part.factor), part.block, point + corner(part.tail) if part.tail else point)
            for part in self.parts
        )
        constant = self.axes.indicator(point) * self.constant if self.constant else ZERO
        for factor, values in self.public:
            constant = constant + evaluate(self.axes, values, point) * factor
        return Form(terms, constant)

    def __add__(self, other: Tensor) -> Tensor:
        return Tensor(
            self.shape,
            self.axes,
            _merged(self.parts + other.parts),
            self.constant + other.constant,
            _merged_public(self.public + other.public),
            ends=(self.ends[0] + other.ends[0], self.ends[1] + other.ends[1]),
        )

    def reshaped(self, shape: Shape) -> Tensor:
        """The same entries under another shape of a row; the axes stay."""
        return replace(self, shape=shape)


def evaluate(axes: Axes, values: Ints, point: Point) -> Element:
    """The extension of public integers at a point: the largest axis at once, in time linear in their number."""
    return multilinear.evaluate(axes.fill(values), point)


def public(shape: Shape, values: Ints) -> Tensor:
    """A public tensor: values (rows, *shape)."""
    return Tensor(shape, Axes((len(values), *shape)), public=((1, values),))


def _merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The same sum with each block once: a tensor added to itself again and again must not grow."""
    factors: dict[tuple[Block, tuple[int, ...]], int] = {}
    for part in parts:
        key = part.block, part.tail
        factors[key] = factors.get(key, 0) + part.factor
    return tuple(Part(factor, block, tail) for (block, tail), factor in factors.items())


def _merged_public(arrays: Sequence[tuple[int, Ints]]) -> tuple[tuple[int, Ints], ...]:
    """Likewise of public arrays."""
    factors: dict[int, int] = {}
    for factor, values in arrays:
        factors[id(values)] = factors.get(id(values), 0) + factor
    known = {id(values): values for _, values in arrays}
    return tuple((factor, known[key]) for key, factor in factors.items())


def corner(bits: Sequence[int]) -> Point:
    """The point of the hypercube with these coordinates."""
    return tuple(ONE if bit else ZERO for bit in bits)


def bits_of(index: int, variables: int) -> tuple[int, ...]:
    """The bits of an index, the most significant first."""
    return tuple(index >> place & 1 for place in reversed(range(variables)))

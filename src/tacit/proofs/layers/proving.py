"""What a layer's prover works with: the same conversation as `Verifying`, and tables of what is committed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.kernels import goldilocks, goldilocks_extension
from tacit.kernels import sumcheck as kernel
from tacit.kernels.combinations import combine_rows
from tacit.proofs import field
from tacit.proofs.argument.claims import Block, Point
from tacit.proofs.channel import Sender
from tacit.proofs.field import Element, Words
from tacit.proofs.layers.verifying import by_source
from tacit.proofs.lookup import prover as lookup
from tacit.proofs.lookup.table import Table
from tacit.proofs.sumcheck import prover as sumcheck
from tacit.proofs.tensors import Form, Tensor
from tacit.proofs.values import Values


class Proving:
    """sources: the committed vectors, the witness first."""

    def __init__(self, sender: Sender, values: Values, sources: Sequence[Words]) -> None:
        self._sender, self.values, self._sources = sender, values, sources

    def point(self, variables: int) -> Point:
        """A random point."""
        return tuple(self._sender.challenge() for _ in range(variables))

    def send(self, *values: Element) -> None:
        """Say values."""
        self._sender.send(values)

    def equal(self, form: Form) -> None:
        """What `Verifying.equal` reads."""
        for terms in by_source(form)[:-1]:
            self.send(self.value(Form(terms)))

    def evaluation(self, form: Form) -> None:
        """What `Verifying.evaluation` reads."""
        if form.terms:
            self.send(self.value(form))
            self.equal(form)

    def value(self, form: Form) -> Element:
        """A form's value."""
        total = form.constant
        for term in form.terms:
            total = total + _dot(self.block(term.block), self.equality(term.point)) * term.factor
        return total

    def block(self, block: Block) -> Words:
        """The entries of a block (2^variables,)."""
        part = np.zeros(1 << block.variables, dtype=np.uint64)
        known = self._sources[block.source][block.offset : block.offset + len(part)]
        part[: len(known)] = known
        return part

    def table(self, tensor: Tensor) -> Words:
        """A tensor's entries as field elements (2^variables,)."""
        size = 1 << tensor.axes.variables
        total = tensor.axes.ones() if tensor.constant else np.zeros(size, dtype=np.uint64)
        if tensor.constant:
            goldilocks.multiply(total, tensor.constant % field.MODULUS, total)
        for part in tensor.parts:
            entries = self.block(part.block)
            if part.tail:
                place = int("".join(map(str, part.tail)), 2)
                entries = np.ascontiguousarray(entries.reshape(size, -1)[:, place])
            goldilocks.add(total, goldilocks.multiply(entries, part.factor % field.MODULUS), total)
        for factor, values in tensor.public:
            goldilocks.add(total, goldilocks.multiply(tensor.axes.fill(values), factor % field.MODULUS), total)
        return total

    def equality(self, point: Point) -> Words:
        """eq(point, x) as a table (2^m, 2)."""
        return kernel.equality_table(field.from_elements(point))

    def fold_leading(self, table: Words, point: Point) -> Words:
        """What is left (2^n, 2) of a table of base elements (2^(m+n),) when its first m variables are the point."""
        return combine_rows(table.reshape(1 << len(point), -1), self.equality(point))

    def dot(self, a: Words, b: Words) -> Element:
        """The sum of a[i] * b[i], for elements (n, 2) or base elements (n,) on either side."""
        if a.ndim == 1:
            return _dot(a, _extended(b))
        return _dot(b, a) if b.ndim == 1 else field.dot_extension(a, b)

    def multiply(self, a: Words, b: Words) -> Words:
        """Products of elements (n, 2), one by one; one of the two may be a single element (1, 2)."""
        return goldilocks_extension.multiply(a, b)

    def sumcheck(
        self, terms: Sequence[tuple[Element, tuple[int, ...]]], tables: Sequence[Words]
    ) -> tuple[Point, list[Element]]:
        """The point, and the tables' values there."""
        point, finals = sumcheck.prove(self._sender, terms, tables)
        return tuple(point), finals

    def lookup(self, table: Table, columns: Sequence[Words], multiplicities: Words) -> None:
        """That the rows of the columns are rows of the table."""
        lookup.prove(self._sender, table, columns, multiplicities)

    def weighted(
        self, claim: Element, at: Point, products: Sequence[tuple[Words, Words]]
    ) -> tuple[Point, list[tuple[Element, Element]]]:
        """A sumcheck of eq(at, x) * sum of a[x] b[x]; tables (2^m, 2) or (2^m,)."""
        pairs = [(_extended(a), _extended(b)) for a, b in products]
        point, finals = sumcheck.prove_weighted(self._sender, claim, at, pairs)
        return tuple(point), finals

    def weighted_product(self, at: Point, tables: Sequence[Words]) -> tuple[Point, list[Element]]:
        """A sumcheck of eq(at, x) * product of any number of tables, (2^m, 2) or (2^m,)."""
        point, finals = sumcheck.prove_weighted_product(self._sender, at, [_extended(table) for table in tables])
        return tuple(point), finals


def _dot(table: Words, weights: Words) -> Element:
    """The sum of table[i] * weights[i], for base elements (n,) and elements (n, 2)."""
    real, other = (goldilocks.dot(table, np.ascontiguousarray(weights[:, part])) for part in range(2))
    return Element(real, other)


def _extended(table: Words) -> Words:
    return field.extend(table) if table.ndim == 1 else table

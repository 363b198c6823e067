"""The integers that a prover computes a statement's witness from: tensors, and the limbs of what is committed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tacit.errors import ProofError
from tacit.graph import Layer
from tacit.graph.fixed import Ints
from tacit.proofs.field import Words
from tacit.proofs.plan import Witness


class Values:
    """tensors: int64 (rows, *shape) by name; layers: the graph's, with their weights, by name.

    parts: the committed data set's, by name.
    """

    def __init__(
        self,
        witness: Witness,
        layers: Mapping[str, Layer],
        fraction_bits: int,
        parts: Mapping[str, Ints] | None = None,
    ) -> None:
        self._witness, self.layers, self.fraction_bits = witness, layers, fraction_bits
        self.parts = parts or {}
        self.tensors: dict[str, Ints] = {}
        self._limbs: dict[str, Ints] = {}
        self._columns: dict[str, Words] = {}

    def put(self, name: str, integers: Ints) -> None:
        """The limbs' integers, (rows, *shape). ProofError, which names the limbs, where one is out of range."""
        width = self._witness.width(name)
        if integers.size and (int(integers.min()) < 0 or int(integers.max()) >> width):
            raise ProofError(f"{name}: a value is outside the range of {width} bits that the model's bounds promise")
        self._limbs[name] = integers

    def put_column(self, name: str, table: Words) -> None:
        """A column's field elements, filling and all (2^variables,)."""
        self._columns[name] = table

    def vector(self) -> Words:
        """The witness as it is committed: all digits, and how often each digit is there."""
        vector = np.zeros(self._witness.values, dtype=np.uint64)
        for limbs in self._witness.limbs():
            table = limbs.axes.fill(self._limbs[limbs.name])
            for digit in self._witness.digits(limbs.name):
                end = digit.block.offset + len(table)
                part = (table >> np.uint64(digit.place)) & np.uint64(2**digit.bits - 1)
                vector[digit.block.offset : end] = part
                if digit.moved is not None:
                    start = digit.moved.offset
                    vector[start : start + len(table)] = part << np.uint64(self._witness.digit_bits - digit.bits)
        region = vector[: 1 << self._witness.region.variables]
        counts = np.bincount(region.view(np.int64), minlength=1 << self._witness.digit_bits)
        start = self._witness.multiplicities.offset
        vector[start : start + len(counts)] = counts.astype(np.uint64)
        for name, block in self._witness.columns().items():
            vector[block.offset : block.offset + (1 << block.variables)] = self._columns[name]
        return vector

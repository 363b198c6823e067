"""Witnesses: what is out of its range is refused before it is committed, by the limbs' name."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs.plan import Limbs, Witness
from tacit.proofs.tensors import Axes
from tacit.proofs.values import Values


def planned() -> tuple[Witness, Values]:
    witness = Witness()
    witness.ask(Limbs("a", Axes((3,)), 11, True))
    witness.ask_column("b", Axes((2,)))
    witness.close()
    return witness, Values(witness, {}, 8)


def test_the_vector_holds_digits_their_counts_and_columns() -> None:
    witness, values = planned()
    integers = np.array([2047, 0, 1234])
    values.put("a", integers)
    values.put_column("b", np.array([5, 2**63], dtype=np.uint64))
    vector = values.vector()
    total = np.zeros(4, dtype=np.int64)
    for digit in witness.digits("a"):
        part = vector[digit.block.offset : digit.block.offset + 4].astype(np.int64)
        assert (part < 1 << digit.bits).all()
        total += part << digit.place
        if digit.moved:
            moved = vector[digit.moved.offset : digit.moved.offset + 4].astype(np.int64)
            assert np.array_equal(moved, part << (witness.digit_bits - digit.bits))
    assert total.tolist() == [2047, 0, 1234, 0]
    start = witness.multiplicities.offset
    counts = vector[start : start + (1 << witness.digit_bits)]
    assert int(counts.sum()) == 1 << witness.region.variables
    column = witness.columns()["b"]
    assert vector[column.offset : column.offset + 2].tolist() == [5, 2**63]


@pytest.mark.parametrize("value", [-1, 2**11])
def test_an_integer_out_of_its_range_is_refused(value: int) -> None:
    with pytest.raises(ProofError, match="a: a value is outside the range of 11 bits"):
        planned()[1].put("a", np.array([0, value, 0]))

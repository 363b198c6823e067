"""Sums over the real entries, and over the filling, as forms."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.proofs.argument.claims import Block
from tacit.proofs.field import Element
from tacit.proofs.multilinear import evaluate
from tacit.proofs.statements.counting import filling, total
from tacit.proofs.tensors import Axes, Form, Part, Tensor


def value(form: Form, table: np.ndarray) -> Element:
    """A form's value where its one block has these entries."""
    return sum((evaluate(table, list(term.point)) * term.factor for term in form.terms), form.constant)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 13, 16, 17])
def test_the_real_entries_and_the_filling_are_summed_apart(count: int) -> None:
    axes = Axes((count,))
    table = np.random.default_rng(count).integers(0, 2**40, 1 << axes.variables).astype(np.uint64)
    tensor = Tensor((), axes, (Part(3, Block(0, 0, axes.variables)),), constant=5)
    assert value(total(tensor), table) == Element(3 * int(table[:count].sum()) + 5 * count)
    assert value(filling(tensor), table) == Element(3 * int(table[count:].sum()))


@pytest.mark.parametrize("count", [1, 6, 11])
def test_public_entries_are_summed_too(count: int) -> None:
    values = np.random.default_rng(count).integers(-(2**40), 2**40, count)
    tensor = Tensor((), Axes((count,)), public=((-2, values),))
    assert total(tensor) == Form(constant=Element(-2 * int(values.sum())))
    assert filling(tensor).constant == Element(0)

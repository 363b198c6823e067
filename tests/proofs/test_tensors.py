"""Tensors and their forms: the extension of what is committed, public and constant together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.proofs import field, multilinear
from tacit.proofs.argument.claims import Block
from tacit.proofs.field import Element
from tacit.proofs.tensors import Axes, Form, Part, Tensor, bits_of, public

from .conversation import draw, draw_point

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


def value(form: Form, vector: field.Words) -> Element:
    total = form.constant
    for term in form.terms:
        entries = vector[term.block.offset : term.block.offset + (1 << term.block.variables)]
        total = total + multilinear.evaluate(entries, term.point) * term.factor
    return total


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sizes=SIZES, seed=st.integers(0, 9))
def test_the_indicator_is_the_extension_of_the_real_entries(sizes: tuple[int, ...], seed: int) -> None:
    axes = Axes(sizes)
    point = tuple(draw_point(seed, axes.variables))
    assert axes.indicator(point) == multilinear.evaluate(axes.ones(), point)
    assert int(axes.ones().sum()) == np.prod(sizes)
    assert axes.full == bool(axes.ones().all())


def test_entries_lie_by_the_bits_of_their_coordinates() -> None:
    axes = Axes((2, 3, 1))
    table = axes.fill(np.array([[[1], [2], [3]], [[-4], [5], [6]]]))
    assert table.tolist() == [1, 2, 3, 0, field.MODULUS - 4, 5, 6, 0]
    assert [len(part) for part in axes.split(tuple(draw_point(1, 3)))] == [1, 2, 0]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(sizes=SIZES, seed=st.integers(0, 9))
def test_a_tensor_s_form_is_the_extension_of_its_entries(sizes: tuple[int, ...], seed: int) -> None:
    axes = Axes(sizes)
    size, vector = 1 << axes.variables, draw(seed, 64 << axes.variables)
    rng = np.random.default_rng(seed)
    given_values = rng.integers(-(2**40), 2**40, sizes)
    parts = (Part(3, Block(0, size, axes.variables)), Part(-1, Block(0, 4 * size, axes.variables + 1), (1,)))
    tensor = Tensor(sizes[1:], axes, parts, constant=-7) + public(sizes[1:], given_values)
    entries = axes.fill(given_values - 7)
    entries = field.add(entries, field.multiply(vector[size : 2 * size], 3))
    entries = field.subtract(entries, np.ascontiguousarray(vector[4 * size : 6 * size][1::2]))
    point = tuple(draw_point(seed, axes.variables))
    assert value(tensor.at(point), vector) == multilinear.evaluate(entries, point)


def test_forms_are_added_and_scaled_term_by_term() -> None:
    axes, vector = Axes((4,)), draw(1, 8)
    point = tuple(draw_point(2, 2))
    a, b = (Tensor((), axes, (Part(1, Block(0, 4 * i, 2)),), constant=i).at(point) for i in range(2))
    factor = Element(3, 4)
    assert value(a * factor - b, vector) == value(a, vector) * factor - value(b, vector)
    assert value(a + b, vector) == value(a, vector) + value(b, vector)


@pytest.mark.parametrize(("index", "variables", "bits"), [(0, 0, ()), (5, 3, (1, 0, 1)), (1, 4, (0, 0, 0, 1))])
def test_bits_come_the_most_significant_first(index: int, variables: int, bits: tuple[int, ...]) -> None:
    assert bits_of(index, variables) == bits


def test_a_public_tensor_that_is_too_large_once_filled_up_is_refused() -> None:
    """17^6 entries are 2^30 of them: a certificate of 200 MB would take gigabytes."""
    sizes = (17,) * 6
    with pytest.raises(ProofError, match=r"2\^30 entries once filled up"):
        Axes(sizes).fill(np.zeros(0, dtype=np.int64))

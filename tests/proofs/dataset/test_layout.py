"""Where a set lies: its rows' extension is that of its digits and its range, and the digits are counted rightly."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.proofs.dataset.description import VERSION, SetDescription
from tacit.proofs.dataset.layout import Layout
from tacit.proofs.field import Element
from tacit.proofs.multilinear import evaluate
from tacit.proofs.tensors import Form, Tensor

from ..models import dense
from .sets import arrays, describe

SHAPES = [(3,), (1,), (2, 3), (2, 1, 3)]


def described(shape: tuple[int, ...], count: int, span: int, seed: int) -> SetDescription:
    size = int(np.prod(shape))
    low = np.random.default_rng(seed).integers(-span, span, size)
    high = low + np.random.default_rng(seed + 1).integers(0, span + 1, size)
    return SetDescription(VERSION, count, shape, 8, tuple(low.tolist()), tuple(high.tolist()), 2, True).checked()


def value(form: Form, vector: np.ndarray) -> Element:
    terms = (
        evaluate(vector[term.block.offset :][: 1 << term.block.variables], list(term.point)) * term.factor
        for term in form.terms
    )
    return sum(terms, form.constant)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    shape=st.sampled_from(SHAPES), count=st.integers(1, 6), span=st.sampled_from([1, 40, 2**40]), seed=st.integers(0, 9)
)
def test_rows_labels_and_groups_lie_where_the_tensors_say(
    shape: tuple[int, ...], count: int, span: int, seed: int
) -> None:
    description = described(shape, count, span, seed)
    layout, rng = Layout(description), np.random.default_rng(seed)
    rows = rng.integers(description.lows, description.highs + 1, (count, *shape))
    labels, groups = rng.integers(0, 2, count), rng.integers(0, 2, count)
    vector = layout.vector(rows, labels, groups)
    point = tuple(Element(*pair) for pair in rng.integers(0, 2**60, (layout.axes.variables, 2)).tolist())
    plain = Tensor(shape, layout.axes, public=((1, rows),)).at(point).constant
    assert value(layout.rows.at(point), vector) == plain
    assert value(layout.rows.reshaped((int(np.prod(shape)),)).at(point), vector) == plain
    both = layout.above.at(point) + layout.below.at(point) - layout.span(point)
    assert value(both, vector) == Element(0)
    for tensor, column in ((layout.labels, labels), (layout.groups, groups)):
        at = point[: layout.row.variables]
        assert value(tensor.at(at), vector) == Tensor((), layout.row, public=((1, column),)).at(at).constant
    region = vector[: 1 << layout.region.variables].astype(np.int64)
    assert layout.counts(rows).tolist() == np.bincount(region, minlength=1 << layout.digit_bits).tolist()


@pytest.mark.parametrize("source", [1, 2])
def test_a_set_can_be_any_source_of_a_statement(source: int) -> None:
    layout = Layout(describe(dense([3, 2]), 4, 2), source)
    blocks = [
        part.block for tensor in (layout.rows, layout.below, layout.labels, layout.groups) for part in tensor.parts
    ]
    assert {block.source for block in (*blocks, layout.region)} == {source}
    ends = sorted((block.offset, block.offset + (1 << block.variables)) for block in blocks)
    assert all(end <= start for (_, end), (start, _) in pairwise(ends))
    assert ends[-1][1] == layout.values
    assert all(block.offset % (1 << block.variables) == 0 for block in blocks)


def test_a_layout_without_groups_has_no_room_for_them() -> None:
    described = describe(dense([3, 2]), 4, 2)
    without = Layout(msgspec.structs.replace(described, grouped=False))
    assert Layout(described).values - without.values == 4
    parts = arrays(dense([3, 2]), 4)
    assert len(without.vector(parts["rows"], parts["labels"], None)) == without.values

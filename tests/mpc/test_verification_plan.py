"""Plans: few rounds, and a chance of error below 2^-40 at every size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.galois import EXTENSIONS
from tacit.mpc.pending import Claims, Elementwise, Matrices
from tacit.mpc.verification_plan import plan


def claims(counts: dict[int, int], matrices=()) -> Claims:
    zeros = [tuple(np.broadcast_to(np.uint64(0), shape) for shape in ((m, k), (k, n))) for m, k, n in matrices]
    return Claims(
        [Elementwise(terms, (count,)) for terms, count in counts.items()],
        [Matrices((x, None), (y, None)) for x, y in zeros],
    )


SIZES = st.integers(0, 2**26)


@settings(max_examples=100, deadline=None)
@given(ring=st.sampled_from(["arithmetic", "binary"]), one=SIZES, two=SIZES, inner=st.integers(0, 2**20))
def test_the_error_is_below_two_to_the_minus_40_and_folds_end(ring, one, two, inner):
    matrices = [(3, inner, 2)] if ring == "arithmetic" else []
    found = plan(EXTENSIONS[ring], claims({1: one, 2: two}, matrices))
    if found is None:
        assert one == two == 0 and not matrices  # noqa: PT018
        return
    assert found.error < Fraction(1, 2**40)
    length = found.length
    for rows in found.folds:
        length = found.extension.row_length(length, rows)
    assert length == found.last


def test_the_error_is_the_sum_of_its_terms():
    found = plan(EXTENSIONS["arithmetic"], claims({2: 50_000}))
    assert found.error_terms == {
        "weights": 2,
        "first fold": 2 * found.rows - 2,
        **{f"fold {i + 1}": 2 * rows - 2 for i, rows in enumerate(found.folds)},
        "final fold": 2 * found.last + 1,
    }
    assert found.error == Fraction(sum(found.error_terms.values()), 2**48)


@pytest.mark.parametrize(
    ("ring", "counts", "rounds"),
    [
        ("arithmetic", {1: 1}, 3),
        ("arithmetic", {1: 64}, 3),
        ("arithmetic", {1: 65}, 5),
        ("arithmetic", {2: 50_000}, 9),
        ("binary", {1: 1}, 3),
        ("binary", {2: 1}, 5),
        ("binary", {2: 62_500}, 11),
    ],
)
def test_as_few_rounds_as_the_error_allows(ring, counts, rounds):
    assert plan(EXTENSIONS[ring], claims(counts)).rounds == rounds


def test_the_next_fold_which_has_most_of_the_work_has_fewer_rows_than_the_others():
    found = plan(EXTENSIONS["arithmetic"], claims({2: 1_000_000}))
    assert found.folds[0] < min(found.folds[1:]) < 32


def test_batches_are_claims_with_the_same_number_of_terms():
    both = claims({1: 5, 2: 7})
    both.elementwise += [Elementwise(1, (2, 3)), Elementwise(3, (0, 4))]
    assert plan(EXTENSIONS["arithmetic"], both).batches == ((1, 11), (2, 7))


def test_more_than_the_error_allows_is_refused():
    with pytest.raises(ValueError, match="verify more often"):
        plan(EXTENSIONS["binary"], claims({1: 2**130}))

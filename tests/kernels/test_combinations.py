"""Combinations of rows, against Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import combinations, sumcheck

unhurried = settings(deadline=None, max_examples=40)  # a first call may compile
P = 2**64 - 2**32 + 1


def expected(matrix, weights):
    columns, factors = matrix.T.tolist(), weights.tolist()
    return [
        [sum(word * factor[part] for word, factor in zip(column, factors, strict=True)) % P for part in range(2)]
        for column in columns
    ]


@unhurried
@given(rows=st.integers(0, 9), width=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_combine_rows(words, rows, width, seed):
    matrix, weights = words(seed, (rows, width)), words(seed + 1, (rows, 2))
    result = combinations.combine_rows(matrix, weights)
    assert result.shape == (width, 2)
    assert result.tolist() == expected(matrix, weights)


def test_many_rows_of_the_largest_words():
    matrix, weights = np.full((2000, 3), P - 1, dtype=np.uint64), np.full((2000, 2), P - 1, dtype=np.uint64)
    assert combinations.combine_rows(matrix, weights).tolist() == [[2000, 2000]] * 3


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_wide_matrices_in_blocks_and_on_several_cores(words, monkeypatch, cores):
    monkeypatch.setattr(combinations, "WORK", 100)
    monkeypatch.setattr(sumcheck, "cores", lambda: cores)
    matrix, weights = words(1, (3, 2 * combinations.BLOCK + 77)), words(2, (3, 2))
    assert combinations.combine_rows(matrix, weights).tolist() == expected(matrix, weights)


def test_any_layout(words, disguises):
    matrix, weights = words(1, (7, 6)), words(2, (7, 2))
    result = expected(matrix, weights)
    for each in disguises(matrix):
        assert combinations.combine_rows(each, weights).tolist() == result
    for each in disguises(weights):
        assert combinations.combine_rows(matrix, each).tolist() == result


def test_refusals(words):
    matrix, weights = words(1, (7, 6)), words(2, (7, 2))
    with pytest.raises(ValueError, match="must have shape \\(7, 2\\)"):
        combinations.combine_rows(matrix, weights[:6])
    with pytest.raises(ValueError, match="2 dimensions"):
        combinations.combine_rows(matrix[0], weights)
    with pytest.raises(TypeError, match="uint64"):
        combinations.combine_rows(matrix.view(np.int64), weights)

"""Values of polynomials at roots of unity, against plain integers and the transform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import ntt
from tacit.proofs.commitment.points import multiply_matrices, root_of_unity, sums, values_at
from tacit.proofs.field import MODULUS

from ..conversation import draw


@settings(max_examples=20, deadline=None, derandomize=True)
@given(rows=st.integers(1, 3), length=st.integers(1, 300), seed=st.integers(0, 9))
def test_values_are_those_of_the_polynomials(rows: int, length: int, seed: int) -> None:
    coefficients, positions = draw(seed, rows, length), [0, 1, 5, 511, 300]
    root = root_of_unity(512)
    expected = [
        [sum(c * pow(root, p * i, MODULUS) for i, c in enumerate(row)) % MODULUS for p in positions]
        for row in coefficients.tolist()
    ]
    assert values_at(coefficients, positions, 512).tolist() == expected


def test_values_are_the_words_of_the_code_that_the_prover_encodes() -> None:
    coefficients = draw(1, 2, 2048)
    encoded = ntt.encode(coefficients, 4)
    positions = [0, 3, 4095, 8191]
    assert np.array_equal(values_at(coefficients, positions, 8192), encoded[:, positions])
    assert root_of_unity(8192) == ntt.root_of_unity(8192)


@pytest.mark.parametrize("width", [1, 2, 128, 2**12])
def test_matrix_products_are_exact_for_the_greatest_words(width: int) -> None:
    left, right = (np.full(shape, MODULUS - 1, dtype=np.uint64) for shape in ((2, width), (width, 3)))
    assert (multiply_matrices(left, right) == width % MODULUS).all()  # (-1)^2, so many times


def test_sums_are_exact_for_the_greatest_words() -> None:
    words = np.full((5, 1000), MODULUS - 1, dtype=np.uint64)
    assert (sums(words, axis=1) == MODULUS - 1000).all()

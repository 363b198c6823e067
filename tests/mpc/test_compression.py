"""Compression: honest claims become a true inner product, and no party needs more than it knows."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.compression import Compression, Rows, weights
from tacit.mpc.galois import EXTENSIONS
from tacit.mpc.pending import Claims, Elementwise, Matrices
from tacit.mpc.verification_plan import Plan, plan

RNG = np.random.default_rng(7)
SEED = bytes(range(16))


def words(*shape: int) -> np.ndarray:
    return RNG.integers(0, 2**64, shape, dtype=np.uint64)


def elementwise(ring: str, terms: int, *shape: int):
    """The three sides of a true claim: prover's, left and right verifier's."""
    a, b = (tuple(words(*shape) for _ in range(terms)) for _ in range(2))
    left, right = words(*shape), np.zeros(shape, np.uint64)
    for x, y in zip(a, b, strict=True):
        right = right + x * y if ring == "arithmetic" else right ^ (x & y)
    right = right - left if ring == "arithmetic" else right ^ left
    return (
        Elementwise(terms, shape, a, b),
        Elementwise(terms, shape, left=a, part=left),
        Elementwise(terms, shape, right=b, part=right),
    )


def matrices(m: int, k: int, n: int):
    x, y = (words(m, k), words(m, k)), (words(k, n), words(k, n))
    left = words(m, n)
    right = x[0] @ y[0] + x[0] @ y[1] + x[1] @ y[0] - left
    return Matrices(x, y), Matrices((x[0], None), (y[0], None), left), Matrices((None, x[1]), (None, y[1]), right)


def compressed(ring: str, elements, products=()) -> tuple[Plan, list[Compression]]:
    roles = [Claims([each[i] for each in elements], [each[i] for each in products]) for i in range(3)]
    chosen = plan(EXTENSIONS[ring], roles[0])
    assert [plan(EXTENSIONS[ring], role) for role in roles] == [chosen] * 3
    return chosen, [Compression(chosen, role, weights(chosen, SEED)) for role in roles]


CASES = [
    ("arithmetic", [(1, (3,))], []),
    ("arithmetic", [(2, (11, 7)), (1, (100,)), (2, (1,)), (1, (0,))], []),
    ("arithmetic", [], [(2, 3, 4)]),
    ("arithmetic", [(2, (301,))], [(2, 3, 4), (70, 5, 65), (0, 2, 2)]),
    ("arithmetic", [(1, (40_000,)), (3, (77,))], [(1, 1, 1)]),
    ("binary", [(1, (1,))], []),
    ("binary", [(2, (301,)), (1, (5, 13)), (3, (2,))], []),
    ("binary", [(1, (50_000,))], []),
]


@pytest.mark.parametrize(("ring", "elements", "products"), CASES)
def test_true_claims_become_a_true_inner_product(ring, elements, products):
    given = [elementwise(ring, terms, *shape) for terms, shape in elements]
    chosen, (prover, left, right) = compressed(ring, given, [matrices(*sides) for sides in products])
    extension = EXTENSIONS[ring]
    parts = [left.part("left"), right.part("right")]
    element, target = None, extension.canonical(parts[0] + parts[1])
    if chosen.rows > 1:
        element = extension.unpacked(RNG.integers(0, 2**48, (1, extension.wire_words), dtype=np.uint64))[0]
        coefficients = prover.products()
        coefficients[chosen.rows - 1] = target
        target = extension.sum_of_products(coefficients, extension.powers(element, len(coefficients)))
    a, b = left.vector("left", element), right.vector("right", element)
    np.testing.assert_array_equal(extension.inner(a, b), target)
    np.testing.assert_array_equal(prover.vector("left", element), a)
    np.testing.assert_array_equal(prover.vector("right", element), b)
    assert a.shape[1] * extension.unit == chosen.length


@pytest.mark.parametrize(("ring", "elements", "products"), CASES)
def test_the_middle_coefficient_is_what_the_elementwise_claims_add_up_to(ring, elements, products):
    given = [elementwise(ring, terms, *shape) for terms, shape in elements]
    chosen, (prover, left, right) = compressed(ring, given) if given else (None, (None,) * 3)
    if chosen is None or chosen.rows == 1:
        return
    total = chosen.extension.canonical(left.part("left") + right.part("right"))
    np.testing.assert_array_equal(prover.products()[chosen.rows - 1], total)


def test_a_seed_gives_the_same_weights_and_another_gives_others():
    chosen, _ = compressed("arithmetic", [elementwise("arithmetic", 2, 500)], [matrices(3, 4, 5)])
    first, again, other = (weights(chosen, seed) for seed in (SEED, SEED, bytes(16)))
    np.testing.assert_array_equal(first.batches[0], again.batches[0])
    assert not np.array_equal(first.rows, other.rows)
    assert not np.array_equal(first.batches[0], other.batches[0])
    assert [side.shape for side in first.matrices[0]] == [(48, 3), (48, 5)]
    assert not np.array_equal(first.matrices[0][0], other.matrices[0][0])


def test_rows_lie_one_after_another_whatever_the_arrays():
    arrays = [words(3, 4), words(0), np.broadcast_to(words(1), (5,)), words(7)[::2], words(6, 2).T]
    flat = np.concatenate([array.reshape(-1) for array in arrays])
    for count in (1, 2, 5, 40):
        length = -(-flat.size // count)
        rows = Rows(arrays, length, count)
        expected = np.zeros(length * count, np.uint64)
        expected[: flat.size] = flat
        np.testing.assert_array_equal(rows.block(0, length), expected.reshape(count, length))
        if length > 2:
            np.testing.assert_array_equal(rows.block(1, length - 1), expected.reshape(count, length)[:, 1:-1])

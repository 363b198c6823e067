"""Records of what has to be verified: true of honest products, and they tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.pending import Elementwise, Pending
from tacit.mpc.products import conjunction, matmul, multiply
from tacit.mpc.replicated import Arithmetic, Binary

from .lockstep import dealt, lockstep, parties

RNG = np.random.default_rng(2)


def words(*shape: int) -> np.ndarray:
    return RNG.integers(0, 2**64, shape, dtype=np.uint64)


def after(protocol, kind, first, second):
    three = parties("active")
    shares = [dealt(kind, words(*shape), RNG) for shape in (first, second)]
    lockstep([protocol(three[i], shares[0][i], shares[1][i]) for i in range(3)])
    return three


@pytest.mark.parametrize(("protocol", "kind"), [(multiply, Arithmetic), (conjunction, Binary)])
def test_what_the_three_note_of_a_product_is_a_true_claim(protocol, kind):
    three = after(protocol, kind, (2, 5), (2, 5))
    ring = "arithmetic" if kind is Arithmetic else "binary"
    for prover in range(3):
        (proven,) = three[prover].pending.proven[ring].elementwise
        (left,) = three[prover - 1].pending.left[ring].elementwise
        (right,) = three[prover - 2].pending.right[ring].elementwise
        for mine, theirs in [(proven.left, left.left), (proven.right, right.right)]:
            for x, y in zip(mine, theirs, strict=True):
                np.testing.assert_array_equal(x, y)
        products = list(zip(left.left, right.right, strict=True))
        if kind is Arithmetic:
            np.testing.assert_array_equal(sum(x * y for x, y in products), left.part + right.part)
        else:
            (a, b), (c, d) = products
            np.testing.assert_array_equal(a & b ^ c & d, left.part ^ right.part)


def test_what_the_three_note_of_a_product_of_matrices_is_a_true_claim():
    three = after(matmul, Arithmetic, (2, 5), (5, 3))
    for prover in range(3):
        (proven,) = three[prover].pending.proven["arithmetic"].matrices
        (left,) = three[prover - 1].pending.left["arithmetic"].matrices
        (right,) = three[prover - 2].pending.right["arithmetic"].matrices
        assert proven.sides == left.sides == right.sides == (2, 5, 3)
        (x, _), (y, _) = left.x, left.y
        (_, x_next), (_, y_next) = right.x, right.y
        np.testing.assert_array_equal(x @ y_next + x_next @ y, left.part - x @ y + right.part)
        np.testing.assert_array_equal(proven.x, (x, x_next))
        np.testing.assert_array_equal(proven.y, (y, y_next))


def test_records_are_counted_and_forgotten_by_the_copy_that_was_verified():
    pending = Pending()
    pending.claimed("arithmetic", proven=[(words(4), words(4))])
    copy = pending.copy()
    pending.claimed("arithmetic", proven=[(words(7), words(7))], left=([words(2)], words(2)))
    pending.claimed("binary", right=([words(2)], words(2)))
    assert (len(copy), copy.size) == (1, 4)
    assert (len(pending), pending.size) == (4, 11)
    pending.forget(copy)
    assert (len(pending), pending.size) == (3, 7)
    pending.forget(pending.copy())
    assert len(pending) == 0


def test_matrices_count_with_their_factors():
    assert after(matmul, Arithmetic, (2, 5), (5, 3))[0].pending.size == 10 + 15 + 6


def test_sides_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        Elementwise(1, (4,), left=(words(4),), part=words(3))
    with pytest.raises(ValueError, match="2 terms have as many factors"):
        Elementwise(2, (4,), left=(words(4),), part=words(4))
    with pytest.raises(ValueError, match="0 terms"):
        Elementwise(0, (4,))


def test_nothing_secret_is_shown():
    three = after(multiply, Arithmetic, (1,), (1,))
    pending = three[0].pending
    (record,) = pending.proven["arithmetic"].elementwise
    shown = f"{pending!r} {record!r} {pending.proven!r} {after(matmul, Arithmetic, (1, 1), (1, 1))[0].pending.proven!r}"
    assert "array" not in shown
    assert str(int(record.left[0][0])) not in shown

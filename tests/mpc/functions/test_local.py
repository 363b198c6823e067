"""What costs no message."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.kernels import bits as bit_kernel
from tacit.mpc.functions.local import minus, one_row, ones, plus
from tacit.mpc.replicated import Binary

from ..lockstep import opened, parties
from .running import run


def at_once(function):
    """A protocol of no rounds."""

    def protocol(*arguments):
        return function(*arguments)
        yield

    return protocol


def test_public_numbers_of_either_sign_are_added():
    x = np.array([[1, -(2**63)], [5, 7]])
    found = run(at_once(lambda p, x: plus(p, x, -9)), x)
    assert (found.value == x - 9).all()
    assert found.rounds == 0
    assert (run(at_once(lambda p, x: minus(p, 4, x)), x).value == 4 - x).all()


def test_public_words_broadcast():
    x, words = np.arange(6).reshape(2, 3), np.array([[10], [20]], dtype=np.uint64)
    assert (run(at_once(lambda p, x: plus(p, x, words)), x).value == x + words.astype(np.int64)).all()


def test_ones_are_set_everywhere():
    assert (opened([ones(party, 3) for party in parties("passive")]) == 2**64 - 1).all()


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 128, 130])
def test_planes_are_put_one_after_another_without_gaps(n):
    words = np.random.default_rng(n).integers(0, 8, n).astype(np.uint64)
    planes = bit_kernel.planes(words, 3)
    row = run(at_once(lambda p, x: one_row(x, n)), planes.view(np.int64), kind=Binary).value
    bits = np.unpackbits(row.view(np.uint8), count=3 * n, bitorder="little").reshape(3, n)
    assert row.shape == (-(-3 * n // 64),)
    assert (bits[0] + 2 * bits[1] + 4 * bits[2] == words).all()

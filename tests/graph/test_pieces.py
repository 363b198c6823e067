from __future__ import annotations

import numpy as np
import pytest

from tacit.graph.pieces import PIECES, Pieces, exp_pieces, sigmoid_pieces

ALL_BITS = range(8, 21)


def arguments(pieces: Pieces, bits: int) -> np.ndarray:
    """Every argument up to f = 16; above, a dense sample with both ends of every piece."""
    if bits <= 16:
        return np.arange(pieces.low - 3, pieces.high + 4)
    width = bits - pieces.step_bits
    ends = pieces.low + (np.arange(PIECES) << width)
    sample = np.random.default_rng(bits).integers(pieces.low, pieces.high, 400_000)
    return np.unique(np.concatenate([sample, ends, ends - 1, ends + 1, ends + (1 << width) // 2]))


@pytest.mark.parametrize("make", [sigmoid_pieces, exp_pieces])
@pytest.mark.parametrize("bits", ALL_BITS)
def test_pieces_rise_and_meet(make: object, bits: int) -> None:
    pieces: Pieces = make(bits)  # type: ignore[operator]
    end = 1 << (bits - pieces.step_bits)
    assert (pieces.c1 >= 0).all()
    assert (pieces.c1 + 2 * pieces.c2 * end >= 0).all()  # the slope is linear: both ends decide
    assert (pieces.c0[:-1] + (pieces.c1[:-1] + pieces.c2[:-1] * end) * end == pieces.c0[1:]).all()
    assert pieces.accumulator <= 2**62
    assert len(pieces.c0) == len(pieces.c1) == len(pieces.c2) == PIECES


@pytest.mark.parametrize("bits", ALL_BITS)
def test_sigmoid_within_its_error(bits: int) -> None:
    pieces = sigmoid_pieces(bits)
    x = arguments(pieces, bits)
    with np.errstate(over="ignore"):
        exact = 1 / (1 + np.exp(-x / 2.0**bits))
    assert np.abs(pieces(x) / 2.0 ** (3 * bits) - exact).max() <= 1.6e-5 + 2.0 ** -(bits + 6)


@pytest.mark.parametrize("bits", ALL_BITS)
def test_exp_within_its_error(bits: int) -> None:
    pieces = exp_pieces(bits)
    x = np.clip(arguments(pieces, bits), pieces.low, pieces.high)
    exact = np.exp(x / 2.0**bits)
    assert (np.abs(pieces(x) / 2.0 ** (3 * bits) - exact) <= 1.8e-5 * exact + 2.0 ** -(bits + 8)).all()


@pytest.mark.parametrize("bits", ALL_BITS)
def test_known_points(bits: int) -> None:
    assert sigmoid_pieces(bits)(np.array([0]))[0] == 1 << (3 * bits - 1)
    assert exp_pieces(bits)(np.array([0]))[0] == 1 << (3 * bits)


@pytest.mark.parametrize("make", [sigmoid_pieces, exp_pieces])
def test_far_arguments_are_clamped(make: object) -> None:
    pieces: Pieces = make(16)  # type: ignore[operator]
    far = np.array([-(2**63), -(2**62), 2**62, 2**63 - 1])
    ends = pieces(np.array([pieces.low, pieces.low, pieces.high, pieces.high]))
    assert (pieces(far) == ends).all()


def test_the_tables_have_not_changed() -> None:
    """Other rooms prove and share these tables: they are part of the specification."""
    from hashlib import sha256

    digest = sha256()
    for bits in ALL_BITS:
        for pieces in (sigmoid_pieces(bits), exp_pieces(bits)):
            for table in (pieces.c0, pieces.c1, pieces.c2):
                digest.update(table.astype("<i8").tobytes())
    assert digest.hexdigest() == "d7e26ab6309deb3c5848964ab330720ee55cca8fa1839f834c9303b1e69ee7b8"

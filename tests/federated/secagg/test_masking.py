"""A masked vector is uniform to whoever misses one seed, and never the same twice."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.federated.secagg import seeds

from .driver import Session, make_setting, put_pair_mask, put_self_mask, remove_self_mask, words


def masked(session: Session, name: str = "party-00") -> np.ndarray:
    return words(session.setting, session.messages["mask"][name])


def chi_square(values: np.ndarray) -> float:
    """Of the bytes, against the uniform distribution: 255 degrees of freedom, so 255 with deviation 22.6.

    Above 8 deviations it is by chance once in 8 * 10^10 times.
    """
    counts = np.bincount(values.view(np.uint8), minlength=256)
    expected = counts.sum() / 256
    return float(((counts - expected) ** 2 / expected).sum())


def zeros(setting) -> dict[str, np.ndarray]:
    return {name: np.zeros(setting.length, setting.dtype) for name in setting.names}


@pytest.mark.parametrize("word_bits", [16, 32, 64])
def test_masked_zeros_look_uniform(word_bits: int) -> None:
    setting = make_setting(n=3, dropping=0, length=1 << 15, word_bits=word_bits)
    session = Session(setting, zeros(setting)).go("mask")
    for name in setting.names:
        assert chi_square(masked(session, name)) < 255 + 8 * 22.6


def test_so_do_differences_and_partial_sums() -> None:
    setting = make_setting(n=3, dropping=0, length=1 << 15)
    session = Session(setting, zeros(setting)).go("mask")
    first, second, third = (masked(session, name) for name in setting.names)
    for combined in (first - second, first + second, second + third, first + second + third):
        assert chi_square(np.ascontiguousarray(combined)) < 255 + 8 * 22.6


def test_masks_never_repeat() -> None:
    """Within a sum, between instances, and even where a caller wrongly starts the same instance again."""
    settings = [make_setting(n=3, dropping=0, length=4, instance=bytes([k // 2]) * 32) for k in range(6)]
    seen = set()
    for setting in settings:
        session = Session(setting, zeros(setting)).go("mask")
        seen |= {masked(session, name).tobytes() for name in setting.names}
    assert len(seen) == 18


def test_the_two_sides_of_a_pairwise_mask_cancel_and_the_self_mask_is_removed() -> None:
    setting = make_setting(n=3, length=5)
    vector = np.zeros(5, np.uint32)
    put_pair_mask(vector, setting, bytes(32), "party-00", b"x" * 32, "party-01", b"y" * 32)
    assert vector.any()
    put_pair_mask(vector, setting, bytes(32), "party-01", b"y" * 32, "party-00", b"x" * 32)
    assert not vector.any()
    put_self_mask(vector, setting, bytes(16))
    assert vector.any()
    remove_self_mask(vector, setting, bytes(16))
    assert not vector.any()


@pytest.mark.parametrize("word_bits", [16, 32, 64])
def test_words_are_little_endian_on_the_wire(word_bits: int) -> None:
    setting = make_setting(n=3, dropping=0, length=1, word_bits=word_bits)
    session, name = Session(setting).go("share"), "party-00"
    known = session.parties[name]._memory._known
    held = session.go("mask").parties[name]._memory._known.held
    vector = session.vectors[name].copy()
    put_self_mask(vector, setting, known.secrets.seed)
    for peer in setting.names[1:]:
        sent = seeds.contribution(known.secrets.root, known.roster_digest, name, peer)
        put_pair_mask(vector, setting, known.roster_digest, name, sent, peer, held[peer].contribution)
    assert session.messages["mask"][name].vector == int(vector[0]).to_bytes(word_bits // 8, "little")

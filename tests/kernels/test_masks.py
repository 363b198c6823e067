"""Masks, against AES-128 in counter mode called directly."""

import threading

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tacit.kernels import masks

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
SEEDS = st.binary(min_size=16, max_size=16)
TYPES = st.sampled_from([np.uint16, np.uint32, np.uint64])
LENGTHS = st.one_of(st.integers(0, 100), st.sampled_from([32767, 32768, 32769, 65537, 131071, 131073, 140000]))


def keystream(seed: bytes, length: int) -> bytes:
    """AES of the counters 0, 1, 2, ...: the counter mode spelled out."""
    counters = b"".join(i.to_bytes(16, "big") for i in range(-(-length // 16)))
    return Cipher(AES(seed), ECB()).encryptor().update(counters)[:length]


def mask_of(seed: bytes, length: int, dtype: type) -> np.ndarray:
    return np.frombuffer(keystream(seed, length * np.dtype(dtype).itemsize), dtype=np.dtype(dtype).newbyteorder("<"))


def test_published_keystream():
    # AES-128 of the blocks 0 and 1 under the zero key [McGrew and Viega, GCM, 2004, test case 1].
    expected = bytes.fromhex("66e94bd4ef8a2c3b884cfa59ca342b2e58e2fccefa7e3061367f1d57a4e7455a")
    assert masks.expand(bytes(16), 4, np.uint64).tobytes() == expected


@unhurried
@given(seed=SEEDS, length=LENGTHS, dtype=TYPES)
@example(seed=bytes(16), length=200_001, dtype=np.uint32)
def test_expand(seed, length, dtype):
    mask = masks.expand(seed, length, dtype)
    assert mask.dtype == dtype
    np.testing.assert_array_equal(mask, mask_of(seed, length, dtype))


@unhurried
@given(seed=SEEDS, length=LENGTHS, dtype=TYPES, step=st.sampled_from([1, 2, -1, -3]))
def test_add_and_subtract(seed, length, dtype, step):
    room = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, abs(step) * length, dtype=dtype, endpoint=True)
    before = room.copy()
    vector = room[::step]
    masks.add_mask(vector, seed)
    np.testing.assert_array_equal(vector, before[::step] + mask_of(seed, length, dtype))
    masks.subtract_mask(vector, seed)
    np.testing.assert_array_equal(room, before)
    masks.subtract_mask(vector, seed)
    np.testing.assert_array_equal(vector, before[::step] - mask_of(seed, length, dtype))


def test_masks_of_two_parties_cancel():
    seed, mine, theirs = bytes(range(16)), np.arange(1000, dtype=np.uint32), np.arange(1000, dtype=np.uint32)
    masks.add_mask(mine, seed)
    masks.subtract_mask(theirs, seed)
    np.testing.assert_array_equal(mine + theirs, 2 * np.arange(1000, dtype=np.uint32))


def test_threads_do_not_mix():
    length, seeds = 300_000, [bytes([i]) * 16 for i in range(4)]
    vectors = [np.zeros(length, dtype=np.uint64) for _ in seeds]
    threads = [threading.Thread(target=masks.add_mask, args=pair) for pair in zip(vectors, seeds, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vector, seed in zip(vectors, seeds, strict=True):
        np.testing.assert_array_equal(vector, masks.expand(seed, length, np.uint64))


def test_no_mask_stays_behind():
    for length in (5, 50_000):
        masks.add_mask(np.zeros(length, dtype=np.uint64), bytes(range(16)))
        assert not any(masks._room())


def test_refusals():
    vector = np.zeros(4, dtype=np.uint64)
    for bad in (b"", bytes(15), bytes(17), bytes(32)):
        with pytest.raises(ValueError, match="16 bytes"):
            masks.add_mask(vector, bad)
    with pytest.raises(TypeError, match="seed must be bytes"):
        masks.add_mask(vector, "0123456789abcdef")
    with pytest.raises(TypeError, match="int64"):
        masks.subtract_mask(vector.view(np.int64), bytes(16))
    with pytest.raises(TypeError, match=">u4"):
        masks.add_mask(vector.astype(">u4"), bytes(16))
    with pytest.raises(TypeError, match="list"):
        masks.add_mask([1, 2], bytes(16))
    with pytest.raises(ValueError, match="1 dimensions"):
        masks.add_mask(vector.reshape(2, 2), bytes(16))
    vector.flags.writeable = False
    with pytest.raises(ValueError, match="vector is read-only"):
        masks.add_mask(vector, bytes(16))
    with pytest.raises(TypeError, match="float64"):
        masks.expand(bytes(16), 4, np.float64)
    with pytest.raises(ValueError, match="length must not be negative"):
        masks.expand(bytes(16), -1, np.uint64)


@pytest.mark.parametrize("kind", [np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize("length", [0, 1, 7, 1000, 3 * 2**19 + 5])
def test_all_masks_at_once_are_each_in_turn(kind: type, length: int) -> None:
    """Long vectors are cut among threads, at any length."""
    seeds = [bytes([i]) * 16 for i in range(7)]
    draw = np.random.default_rng(length)
    together = draw.integers(0, np.iinfo(kind).max, length, dtype=kind)
    in_turn = together.copy()
    masks.apply_masks(together, seeds[:4], seeds[4:])
    for seed in seeds[:4]:
        masks.add_mask(in_turn, seed)
    for seed in seeds[4:]:
        masks.subtract_mask(in_turn, seed)
    np.testing.assert_array_equal(together, in_turn)


@pytest.mark.parametrize("cores", [1, 2, 3, 5])
def test_however_many_cores_there_are(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "cores", lambda: cores)
    vector = np.zeros(2**21 + 11, np.uint32)
    masks.apply_masks(vector, [b"a" * 16, b"b" * 16], [b"c" * 16])
    plain = masks.expand(b"a" * 16, vector.size, np.uint32) + masks.expand(b"b" * 16, vector.size, np.uint32)
    np.testing.assert_array_equal(vector, plain - masks.expand(b"c" * 16, vector.size, np.uint32))


def test_nothing_is_changed_where_one_of_the_seeds_is_none() -> None:
    vector = np.zeros(10, np.uint32)
    with pytest.raises(ValueError, match="seed must be 16 bytes"):
        masks.apply_masks(vector, [b"a" * 16], [b"short"])
    assert not vector.any()

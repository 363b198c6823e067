"""Packed words, against Python's integers."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import packing

WIDTHS = range(packing.MIN_BITS, packing.MAX_BITS + 1)
LENGTHS = (0, 1, 2, 7, 8, 9, 63, 64, 65)
unhurried = settings(deadline=None, max_examples=60)


def twin(values: list[int], bits: int) -> bytes:
    """The format spelled out: bytes of equal weight together, then planes of single bits, padded with zeros."""
    whole, rest = divmod(bits, 8)
    octets = (bytes(value >> 8 * place & 0xFF for value in values) for place in range(whole))
    size = (len(values) + 7) // 8
    planes = (
        sum((value >> 8 * whole + place & 1) << i for i, value in enumerate(values)).to_bytes(size, "little")
        for place in range(rest)
    )
    if bits in (16, 32, 64):  # as they lie in memory
        return b"".join(value.to_bytes(whole, "little") for value in values)
    return b"".join((*octets, *planes))


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_width_and_length_is_packed_as_its_twin_and_comes_back(words, bits):
    kind = packing.container(bits)
    for length in LENGTHS:
        values = (words(bits + length, length) & np.uint64(2**bits - 1)).astype(kind)
        data = packing.pack(values, bits)
        assert data == twin(values.tolist(), bits)
        assert len(data) == packing.packed_bytes(length, bits)
        back = packing.unpack(data, length, bits)
        assert back.dtype == kind
        np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("bits", WIDTHS)
def test_what_lies_above_the_width_is_left_out(words, bits):
    kind = packing.container(bits)
    values = words(bits, 77).astype(kind)
    values[:2] = 0, np.iinfo(kind).max
    data = packing.pack(values, bits)
    np.testing.assert_array_equal(packing.unpack(data, 77, bits), values & kind.type(2**bits - 1))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("length", [1, 9, 15])
def test_padding_that_is_not_zeros_is_refused(bits, length):
    data, rest = bytearray(packing.pack(np.zeros(length, packing.container(bits)), bits)), bits % 8
    plane = (length + 7) // 8
    for place in range(rest):
        for bit in range(length % 8, 8):
            last = len(data) - 1 - place * plane
            data[last] ^= 1 << bit
            assert packing.unpack(bytes(data), length, bits) is None
            data[last] ^= 1 << bit
    assert packing.unpack(bytes(data), length, bits) is not None


@unhurried
@given(data=st.binary(max_size=60), length=st.integers(0, 40), bits=st.integers(8, 64))
def test_words_have_one_packed_form_and_other_bytes_have_none(data, length, bits):
    found = packing.unpack(data, length, bits)
    assert found is None or packing.pack(found, bits) == data
    assert len(data) == packing.packed_bytes(length, bits) or found is None


@unhurried
@given(length=st.integers(1, 17), bits=st.integers(8, 64), data=st.data())
def test_any_bytes_with_zeros_for_padding_are_words(length, bits, data):
    size = packing.packed_bytes(length, bits)
    given_ = bytearray(data.draw(st.binary(min_size=size, max_size=size)))
    if length % 8:
        for place in range(bits % 8):
            given_[size - 1 - place * ((length + 7) // 8)] &= 2 ** (length % 8) - 1
    assert packing.pack(packing.unpack(bytes(given_), length, bits), bits) == given_


@pytest.mark.parametrize("bits", [8, 13, 16, 20, 27, 32, 47, 64])
def test_another_number_of_bytes_is_refused(bits):
    data = packing.pack(np.ones(10, packing.container(bits)), bits)
    for wrong in (b"", data[:-1], data + b"\x00", data * 2):
        assert packing.unpack(wrong, 10, bits) is None
    assert packing.unpack(data, 9, bits) is None
    assert packing.unpack(data, 19, bits) is None


@pytest.mark.parametrize(("bits", "dtype"), [(8, "u2"), (16, "u2"), (17, "u4"), (32, "u4"), (33, "u8"), (64, "u8")])
def test_the_container_is_the_narrowest_that_has_room(bits, dtype):
    assert packing.container(bits) == np.dtype(dtype)


@pytest.mark.parametrize("bits", [8, 16, 27, 32, 40, 64])
def test_words_of_another_type_are_refused(bits):
    right = packing.container(bits)
    for dtype in {"u1", "u2", "u4", "u8", "i2", "i4", "i8", "f4", "f8"} - {right.str[1:]}:
        with pytest.raises(TypeError, match=f"words must be an array of {right}"):
            packing.pack(np.zeros(3, dtype), bits)
    with pytest.raises(TypeError, match="numpy array"):
        packing.pack([1, 2, 3], bits)


@pytest.mark.parametrize("shape", [(), (2, 3), (0, 4)])
def test_words_are_in_one_row(shape):
    with pytest.raises(ValueError, match="1 dimensions"):
        packing.pack(np.zeros(shape, np.uint32), 27)


@pytest.mark.parametrize("bits", [-1, 0, 7, 65, 128])
def test_other_widths_are_refused(bits):
    for attempt in (
        lambda: packing.container(bits),
        lambda: packing.pack(np.zeros(3, np.uint64), bits),
        lambda: packing.unpack(bytes(24), 3, bits),
    ):
        with pytest.raises(ValueError, match="words have 8 to 64 bits"):
            attempt()


def test_a_width_that_is_no_integer_is_refused():
    with pytest.raises(TypeError):
        packing.container(16.5)


@pytest.mark.parametrize("bits", [11, 16, 27, 32, 50, 64])
def test_words_may_lie_in_memory_as_they_please(words, disguises, bits):
    plain = words(bits, 37).astype(packing.container(bits))
    for disguised in disguises(plain):
        assert packing.pack(disguised, bits) == packing.pack(plain, bits)


@pytest.mark.parametrize("bits", [12, 16, 27, 32, 64])
def test_what_is_unpacked_is_the_callers_to_change(bits):
    data = packing.pack(np.arange(9, dtype=packing.container(bits)), bits)
    found = packing.unpack(data, 9, bits)
    found += found.dtype.type(1)
    assert found.dtype.byteorder in ("=", "|") or found.dtype.byteorder == {"little": "<", "big": ">"}[sys.byteorder]
    assert packing.unpack(data, 9, bits).tolist() == list(range(9))

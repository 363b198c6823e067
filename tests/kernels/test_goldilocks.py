"""The field on arrays, against Python's integers."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tacit.kernels import goldilocks

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
P = goldilocks.MODULUS
LENGTHS = st.one_of(st.integers(0, 80), st.sampled_from([255, 256, 257, 1000]))
SEEDS = st.integers(0, 2**32)
ELEMENTS = st.one_of(st.sampled_from([0, 1, 7, 2**32 - 1, 2**32, 2**63, P - 1]), st.integers(0, P - 1))
BINARY = {
    goldilocks.add: lambda x, y: (x + y) % P,
    goldilocks.subtract: lambda x, y: (x - y) % P,
    goldilocks.multiply: lambda x, y: x * y % P,
}
binary = pytest.mark.parametrize("operation", BINARY, ids=lambda operation: operation.__name__)


@binary
@unhurried
@given(length=LENGTHS, seed=SEEDS)
def test_binary_operations(words, operation, length, seed):
    x, y = words(seed, length, P), words(seed + 1, length, P)
    expected = [BINARY[operation](a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert operation(x, y).tolist() == expected
    out = np.zeros(length, dtype=np.uint64)
    assert operation(x, y, out=out) is out
    assert out.tolist() == expected
    assert operation(x, y, out=y).tolist() == expected
    assert y.tolist() == expected


@binary
@pytest.mark.parametrize("length", [1, 8, 19])
def test_words_beyond_the_field_count_modulo_p(operation, length):
    """Whatever a stranger sends, results are elements."""
    edges = [0, 1, P - 1, P, P + 1, 2**64 - 2**32, 2**64 - 2, 2**64 - 1]
    for a, b in itertools.product(edges, edges):
        x, y = np.full(length, a, dtype=np.uint64), np.full(length, b, dtype=np.uint64)
        assert operation(x, y).tolist() == [BINARY[operation](a, b)] * length


def test_other_operations_on_words_beyond_the_field(words):
    x, y = words(1, 100), words(2, 100)
    reduced, other = goldilocks.canonical(x), goldilocks.canonical(y)
    np.testing.assert_array_equal(goldilocks.negate(x), goldilocks.negate(reduced))
    np.testing.assert_array_equal(goldilocks.power(x, 1), reduced)
    np.testing.assert_array_equal(goldilocks.power(x, 5), goldilocks.power(reduced, 5))
    assert goldilocks.dot(x, y) == goldilocks.dot(reduced, other)
    largest, ones = np.full(35, 2**64 - 1, dtype=np.uint64), np.ones(35, dtype=np.uint64)  # products beyond p as well
    assert goldilocks.dot(largest, ones) == 35 * (2**64 - 1) % P
    nonzero = x[reduced != 0]
    np.testing.assert_array_equal(goldilocks.invert(nonzero), goldilocks.invert(goldilocks.canonical(nonzero)))


@binary
@unhurried
@given(length=LENGTHS, seed=SEEDS, number=ELEMENTS)
@example(length=8, seed=0, number=5)
def test_a_number_on_either_side(words, operation, length, seed, number):
    x = words(seed, length, P)
    assert operation(x, number).tolist() == [BINARY[operation](a, number) for a in x.tolist()]
    assert operation(number, x).tolist() == [BINARY[operation](number, a) for a in x.tolist()]
    assert operation(np.array(number, dtype=np.uint64), number).tolist() == BINARY[operation](number, number)


@unhurried
@given(length=LENGTHS, seed=SEEDS)
def test_unary_operations(words, length, seed):
    x = words(seed, length, P)
    assert goldilocks.negate(x).tolist() == [-a % P for a in x.tolist()]
    assert goldilocks.square(x).tolist() == [a * a % P for a in x.tolist()]
    assert goldilocks.square(x, out=x) is x


@unhurried
@given(length=LENGTHS, seed=SEEDS)
@example(length=31, seed=0)
@example(length=32, seed=0)
@example(length=33, seed=0)
@example(length=41, seed=0)
def test_invert(words, length, seed):
    x = words(seed, length, P)
    x[x == 0] = 3
    before = x.copy()
    assert goldilocks.invert(x).tolist() == [pow(a, -1, P) for a in x.tolist()]
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("zero", [0, P])
def test_zero_has_no_inverse(zero):
    for length, place in ((1, 0), (40, 39), (100, 50)):
        x = np.ones(length, dtype=np.uint64)
        x[place] = zero
        with pytest.raises(ZeroDivisionError):
            goldilocks.invert(x)
        with pytest.raises(ZeroDivisionError):
            goldilocks.power(x, -1)


@unhurried
@given(seed=SEEDS, exponent=st.one_of(st.integers(-20, 20), st.integers(-P, P)))
def test_power(words, seed, exponent):
    x = words(seed, 9, P)
    x[x == 0] = 1
    assert goldilocks.power(x, exponent).tolist() == [pow(a, exponent, P) for a in x.tolist()]


def test_powers_of_zero():
    zero = np.zeros(2, dtype=np.uint64)
    assert goldilocks.power(zero, 0).tolist() == [1, 1]
    assert goldilocks.power(zero, 5).tolist() == [0, 0]
    assert goldilocks.powers(0, 3).tolist() == [1, 0, 0]


@unhurried
@given(length=LENGTHS, seed=SEEDS)
def test_dot(words, length, seed):
    x, y = words(seed, length, P), words(seed + 1, length, P)
    assert goldilocks.dot(x, y) == sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)) % P


def test_dot_of_largest_words():
    x = np.full(1003, P - 1, dtype=np.uint64)
    assert goldilocks.dot(x, x) == 1003


@unhurried
@given(base=ELEMENTS, count=LENGTHS)
def test_powers(base, count):
    assert goldilocks.powers(base, count).tolist() == [pow(base, i, P) for i in range(count)]


@pytest.mark.parametrize("shape", [(5, 9), (2, 3, 4), (0, 3), ()])
def test_shapes(words, shape):
    x, y = words(1, shape, P), words(2, shape, P)
    result = goldilocks.multiply(x, y)
    assert result.shape == shape
    assert result.flatten().tolist() == [int(a) * int(b) % P for a, b in zip(x.flat, y.flat, strict=True)]
    assert goldilocks.invert(np.full(shape, 3, dtype=np.uint64)).shape == shape


@binary
def test_any_layout(words, disguises, operation):
    x, y = words(1, (7, 6), P), words(2, (7, 6), P)
    expected = operation(x, y)
    for left, right in zip(disguises(x), reversed(list(disguises(y))), strict=True):
        np.testing.assert_array_equal(operation(left, right), expected)
    np.testing.assert_array_equal(operation(x, y[0]), operation(x, np.tile(y[0], (7, 1))))
    np.testing.assert_array_equal(operation(x[:, :1], y), operation(np.tile(x[:, :1], (1, 6)), y))


@binary
@pytest.mark.parametrize("distance", [1, 5, 8, 32, 99])
def test_a_result_that_overlaps_an_operand(words, operation, distance):
    for first, second in ((0, distance), (distance, 0)):
        room = words(3, 300, P)
        x, out = room[first : first + 100], room[second : second + 100]
        expected = operation(x.copy(), x.copy())
        operation(x, x, out=out)
        np.testing.assert_array_equal(out, expected)


def test_range_of_words(words):
    any_word = words(1, 300)
    assert goldilocks.canonical(any_word).tolist() == [word % P for word in any_word.tolist()]
    assert goldilocks.is_canonical(goldilocks.canonical(any_word))
    for word, expected in ((P - 1, True), (P, False), (2**64 - 1, False)):
        assert goldilocks.is_canonical(np.array([0, word], dtype=np.uint64)) is expected
    assert goldilocks.is_canonical(np.array([], dtype=np.uint64))
    assert goldilocks.canonical(np.array(P + 3, dtype=np.uint64)) == 3
    assert goldilocks.canonical(np.array([], dtype=np.uint64)).size == 0


def test_seven_generates_the_group():
    for prime in (2, 3, 5, 17, 257, 65537):
        assert (P - 1) % prime == 0
        assert pow(goldilocks.GENERATOR, (P - 1) // prime, P) != 1
    assert P - 1 == 2**32 * 3 * 5 * 17 * 257 * 65537


def test_refusals():
    x = np.zeros(4, dtype=np.uint64)
    with pytest.raises(TypeError, match="uint64"):
        goldilocks.add(x, x.astype(np.float64))
    with pytest.raises(TypeError, match=">u8"):
        goldilocks.multiply(x.astype(">u8"), x)
    with pytest.raises(TypeError):
        goldilocks.multiply(x, 1.5)
    with pytest.raises(TypeError):
        goldilocks.multiply([1, 2], x)
    for number in (-1, P, 2**70):
        with pytest.raises(ValueError, match="in \\[0, p\\)"):
            goldilocks.multiply(x, number)
    with pytest.raises(ValueError, match="broadcast"):
        goldilocks.add(x, x[:3])
    with pytest.raises(ValueError, match="out must have shape"):
        goldilocks.add(x, x, out=np.zeros(5, dtype=np.uint64))
    with pytest.raises(ValueError, match="out must have shape"):
        goldilocks.add(np.zeros((2, 4), dtype=np.uint64), x, out=x)
    with pytest.raises(TypeError, match="out must be"):
        goldilocks.add(x, x, out=np.zeros(4, dtype=np.int64))
    with pytest.raises(ValueError, match="contiguous"):
        goldilocks.add(x, x, out=np.zeros(8, dtype=np.uint64)[::2])
    locked = np.zeros(4, dtype=np.uint64)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        goldilocks.add(x, x, out=locked)
    with pytest.raises(ValueError, match="one length"):
        goldilocks.dot(x, x[:3])
    with pytest.raises(ValueError, match="1 dimensions"):
        goldilocks.dot(x.reshape(2, 2), x.reshape(2, 2))
    with pytest.raises(ValueError, match="count must not be negative"):
        goldilocks.powers(7, -1)
    with pytest.raises(TypeError):
        goldilocks.power(x, 0.5)

"""The verifier's field, against Python's integers and against the kernels that the prover uses."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.kernels import goldilocks, goldilocks_extension
from tacit.proofs import field
from tacit.proofs.field import Element

P = field.MODULUS
EDGES = [0, 1, 2, 7, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**48, 2**63, P - 2**32, P - 2, P - 1]
INTEGERS = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
ELEMENTS = st.builds(Element, INTEGERS, INTEGERS)
GRID = np.array(list(itertools.product(EDGES, EDGES)), dtype=np.uint64)


def draw(seed: int, *shape: int) -> field.Words:
    generator = np.random.default_rng(seed)
    plain = generator.integers(0, P, shape, dtype=np.uint64)
    return np.where(generator.random(shape) < 1 / 3, generator.choice(np.array(EDGES, dtype=np.uint64), shape), plain)


def product(x, y):
    return [(x[0] * y[0] + 7 * x[1] * y[1]) % P, (x[0] * y[1] + x[1] * y[0]) % P]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (field.add, lambda a, b: (a + b) % P),
        (field.subtract, lambda a, b: (a - b) % P),
        (field.multiply, lambda a, b: a * b % P),
    ],
)
def test_words_at_the_edges(operation, expected):
    x, y = GRID[:, 0], GRID[:, 1]
    assert operation(x, y).tolist() == [expected(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]


@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
def test_the_same_words_as_the_prover(name):
    x, y = draw(1, 300), draw(2, 300)
    np.testing.assert_array_equal(getattr(field, name)(x, y), getattr(goldilocks, name)(x, y))
    np.testing.assert_array_equal(field.negate(x), goldilocks.negate(x))
    pairs = x.reshape(-1, 2), y.reshape(-1, 2)
    np.testing.assert_array_equal(field.multiply_extension(*pairs), goldilocks_extension.multiply(*pairs))
    one = pairs[0], pairs[1][:1]
    np.testing.assert_array_equal(field.multiply_extension(*one), goldilocks_extension.multiply(*one))


def test_shapes_that_broadcast_and_single_elements():
    x, y = draw(1, 3, 4), draw(2, 4)
    expected = [[a * b % P for a, b in zip(row, y.tolist(), strict=True)] for row in x.tolist()]
    assert field.multiply(x, y).tolist() == expected
    assert field.multiply(x[..., :1], y).tolist() == [[row[0] * b % P for b in y.tolist()] for row in x.tolist()]
    assert field.multiply(x[:0], y).shape == (0, 4)
    one, other = draw(3, 2), draw(4, 2)
    assert field.multiply_extension(one, other).tolist() == product(one.tolist(), other.tolist())
    before = x.copy()
    field.multiply(x, x)
    np.testing.assert_array_equal(x, before)


def test_numbers_as_operands_stand_for_themselves_modulo_p():
    x = draw(1, 20)
    for number in (0, 1, 7, P - 1, P + 2, -3):
        assert field.multiply(x, number).tolist() == [a * number % P for a in x.tolist()]
        assert field.scale_extension(x.reshape(-1, 2), number).tolist() == [
            [a * number % P, b * number % P] for a, b in x.reshape(-1, 2).tolist()
        ]


@given(ELEMENTS, ELEMENTS, INTEGERS)
def test_an_element_computes_as_integers_do(x, y, n):
    a, b = (x.real, x.other), (y.real, y.other)
    assert [(x * y).real, (x * y).other] == product(a, b)
    assert x + y == Element(a[0] + b[0], a[1] + b[1])
    assert x - y == Element(a[0] - b[0], a[1] - b[1])
    assert -x == Element(-a[0], -a[1])
    assert x + n == n + x == x + Element.of(n)
    assert x * n == n * x == x * Element.of(n)
    assert x - n == x - Element.of(n)
    assert n - x == Element.of(n) - x
    if x:
        assert x * x.inverse() == 1
        assert x.inverse() * x == field.ONE


def test_zero_has_no_inverse():
    with pytest.raises(ZeroDivisionError):
        field.ZERO.inverse()
    assert not field.ZERO
    assert field.ONE


def test_equal_elements_hash_alike_and_others_differ():
    assert {Element(5), Element(5, 0), Element(P + 5), 5} == {5}
    assert Element(5, 1) != 5
    assert Element(5, 1) != Element(5, 2)
    assert Element(5) == 5 + P
    assert Element(5) != "5"


@pytest.mark.parametrize("count", [0, 1, 2, 37])
def test_arrays_and_lists_of_elements(count):
    x, y, base = draw(1, count, 2), draw(2, count, 2), draw(3, count)
    assert field.from_elements(field.to_elements(x)).tolist() == x.tolist()
    listed, others = field.to_elements(x), field.to_elements(y)
    assert field.sum_extension(x) == sum(listed, field.ZERO)
    assert field.dot_extension(x, y) == sum((a * b for a, b in zip(listed, others, strict=True)), field.ZERO)
    assert field.dot(base, x) == sum((a * b for a, b in zip(listed, base.tolist(), strict=True)), field.ZERO)
    assert field.to_elements(field.extend(base)) == base.tolist()
    scaled = field.scale_extension(x, base)
    assert field.to_elements(scaled) == [a * b for a, b in zip(listed, base.tolist(), strict=True)]
    assert field.total(base) == sum(base.tolist()) % P


def test_sums_of_the_largest_words():
    largest = np.full((1000, 2), P - 1, dtype=np.uint64)
    assert field.sum_extension(largest) == Element(-1000, -1000)


def test_powers():
    base = Element(3, 5)
    expected, result = field.ONE, field.to_elements(field.powers(base, 21))
    for each in result:
        assert each == expected
        expected = expected * base
    assert len(field.powers(base, 0)) == 0


@given(st.lists(ELEMENTS, min_size=1, max_size=4), ELEMENTS)
def test_interpolation_gives_the_polynomial_through_its_values(coefficients, at):
    def value(x):
        result = field.ZERO
        for coefficient in reversed(coefficients):
            result = result * x + coefficient
        return result

    weights = field.interpolation(len(coefficients) - 1, at)
    total = sum((value(Element(i)) * weight for i, weight in enumerate(weights)), field.ZERO)
    assert total == value(at)


def test_signed_integers_are_embedded():
    integers = np.array([0, 1, -1, 2**62, -(2**62), 2**63 - 1, -(2**63)])
    assert field.embed(integers).tolist() == [i % P for i in integers.tolist()]


def test_range_of_words():
    assert field.is_canonical(np.array([0, P - 1], dtype=np.uint64))
    assert not field.is_canonical(np.array([0, P], dtype=np.uint64))
    assert field.is_canonical(np.array([], dtype=np.uint64))


def test_no_warning_where_words_wrap_around(recwarn):
    field.total(draw(1, 50))
    field.multiply(draw(1, 3), 5)
    field.sum_extension(draw(1, 50, 2))
    assert not recwarn.list

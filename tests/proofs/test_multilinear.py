"""Multilinear extensions against their definition, in single elements."""

import numpy as np
import pytest

from tacit.kernels import sumcheck as kernel
from tacit.proofs import field, multilinear
from tacit.proofs.field import ONE, ZERO, Element

P = field.MODULUS


def draw(seed: int, count: int) -> list[Element]:
    return field.to_elements(np.random.default_rng(seed).integers(0, P, (count, 2), dtype=np.uint64))


def weight(point: list[Element], index: int) -> Element:
    result = ONE
    for i, coordinate in enumerate(point):
        bit = index >> (len(point) - 1 - i) & 1
        result = result * (coordinate if bit else 1 - coordinate)
    return result


@pytest.mark.parametrize("variables", [0, 1, 2, 5, 6, 8])
def test_the_equality_table_is_its_definition_and_the_kernels(variables):
    point = draw(1, variables)
    table = multilinear.equality_table(point)
    assert field.to_elements(table) == [weight(point, index) for index in range(2**variables)]
    np.testing.assert_array_equal(table, kernel.equality_table(field.from_elements(point)))


@pytest.mark.parametrize("variables", [0, 1, 4])
def test_evaluation_and_folding_agree_with_the_definition(variables):
    point = draw(1, variables)
    for values in (field.from_elements(draw(2, 2**variables)), field.from_elements(draw(3, 2**variables))[:, 0].copy()):
        listed = field.to_elements(values if values.ndim == 2 else field.extend(values))
        expected = sum((value * weight(point, index) for index, value in enumerate(listed)), ZERO)
        assert multilinear.evaluate(values, point) == expected
        for coordinate in point:
            values = multilinear.fold(values, coordinate)
        assert field.to_elements(values if values.ndim == 2 else field.extend(values)) == [expected]


def test_the_first_variable_is_the_most_significant_bit():
    values = np.arange(8, dtype=np.uint64)
    assert multilinear.evaluate(values, [ONE, ZERO, ZERO]) == 4
    assert multilinear.evaluate(values, [ZERO, ZERO, ONE]) == 1


@pytest.mark.parametrize("variables", [0, 1, 3])
def test_equality_of_points(variables):
    p, q = draw(1, variables), draw(2, variables)
    assert multilinear.equality(p, q) == multilinear.evaluate(multilinear.equality_table(p), q)
    with pytest.raises(ValueError, match="zip"):
        multilinear.equality(p, [*q, ONE])


@pytest.mark.parametrize("variables", [0, 1, 3, 4])
def test_the_indicator_for_every_count(variables):
    point = draw(1, variables)
    for count in range(2**variables + 1):
        table = (np.arange(2**variables) < count).astype(np.uint64)
        assert multilinear.indicator(count, point) == multilinear.evaluate(table, point)
    for count in (-1, 2**variables + 1):
        with pytest.raises(ValueError, match="do not fit"):
            multilinear.indicator(count, point)


@pytest.mark.parametrize("variables", [0, 1, 6])
def test_the_identity(variables):
    point = draw(1, variables)
    assert multilinear.identity(point) == multilinear.evaluate(np.arange(2**variables, dtype=np.uint64), point)


def test_a_table_of_another_size_is_refused():
    with pytest.raises(ValueError, match="not one of 2 variables"):
        multilinear.evaluate(np.zeros(5, dtype=np.uint64), draw(1, 2))

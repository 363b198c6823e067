"""Sumchecks by an honest prover: the verifier is left with the summand's true value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import sumcheck as kernel
from tacit.proofs import field, multilinear
from tacit.proofs.field import ONE, ZERO, Element
from tacit.proofs.sumcheck import prover, verifier

from .. import plain
from ..conversation import INSTANCE, SESSION, draw, draw_point, prove, verify

unhurried = settings(deadline=None, max_examples=20)  # a first call may compile
KINDS = ["b", "e", "be", "eb", "ee", "bb", "ebb", "eee", "bbb", "eeb"]


def tables_of(seed: int, variables: int, kinds: str) -> list[field.Words]:
    return [draw(seed + i, *(2**variables, 2)[: 1 + (kind == "e")]) for i, kind in enumerate(kinds)]


def summand(terms, values: list[Element]) -> Element:
    total = ZERO
    for coefficient, factors in terms:
        product = coefficient
        for factor in factors:
            product = product * values[factor]
        total = total + product
    return total


def claim_of(terms, tables) -> Element:
    columns = [field.to_elements(table if table.ndim == 2 else field.extend(table)) for table in tables]
    return sum((summand(terms, list(values)) for values in zip(*columns, strict=True)), ZERO)


def check(terms, tables) -> bytes:
    """Both verifiers accept, and end at the summand's value at the point, which the prover knows."""
    variables, degree = len(tables[0]).bit_length() - 1, max(len(factors) for _, factors in terms)
    claim, before = claim_of(terms, tables), [table.copy() for table in tables]
    said = prove(lambda sender: prover.prove(sender, terms, tables))
    for table, copy in zip(tables, before, strict=True):
        np.testing.assert_array_equal(table, copy)
    point, finals = said.result
    assert finals == [multilinear.evaluate(table, point) for table in tables]
    assert len(said.proof) == 16 * verifier.messages(variables, degree)
    reached = verify(lambda receiver: verifier.verify(receiver, claim, variables, degree), said.proof)
    assert reached == (point, summand(terms, finals))
    listener = plain.Listener(SESSION, INSTANCE, said.proof)
    plain_point, value = plain.sumcheck(listener, (claim.real, claim.other), variables, degree)
    listener.finish()
    assert [Element(*each) for each in plain_point] == point
    assert Element(*value) == reached[1]
    return said.proof


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("variables", [0, 1, 2, 5])
def test_one_product_of_each_kind(kinds, variables):
    check([(Element(3, 4), tuple(range(len(kinds))))], tables_of(7, variables, kinds))


@unhurried
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), min_size=1, max_size=4),
    st.integers(0, 4),
    st.integers(0, 2**32),
)
def test_sums_of_products_of_any_degrees_and_repeated_factors(factors, variables, seed):
    coefficients = draw_point(seed, len(factors))
    check(list(zip(coefficients, factors, strict=True)), tables_of(seed, variables, "beeb"))


def test_the_same_table_given_twice():
    (table,) = tables_of(1, 3, "e")
    check([(ONE, (0, 1))], [table, table])


def test_tables_that_do_not_fit():
    a, b = tables_of(1, 2, "be")
    for tables in ([a, b[:2]], [a[:3], b[:3]]):
        with pytest.raises(ValueError, match="one length, a power of two"):
            prove(lambda sender, tables=tables: prover.prove(sender, [(ONE, (0, 1))], tables))
    for factors in ((), (0, 0, 0, 0)):
        with pytest.raises(ValueError, match="one to 3 factors"):
            prove(lambda sender, factors=factors: prover.prove(sender, [(ONE, factors)], [a]))


def weighted_claim(at, products) -> Element:
    weights = field.to_elements(multilinear.equality_table(at))
    total = ZERO
    for a, b in products:
        for weight, x, y in zip(weights, field.to_elements(a), field.to_elements(b), strict=True):
            total = total + weight * x * y
    return total


def check_weighted(at, products) -> bytes:
    variables = len(at)
    claim = weighted_claim(at, products)
    before = [(a.copy(), b.copy()) for a, b in products]
    said = prove(lambda sender: prover.prove_weighted(sender, claim, at, products))
    for tables, copies in zip(products, before, strict=True):
        np.testing.assert_array_equal(tables, copies)
    point, finals = said.result
    assert finals == [(multilinear.evaluate(a, point), multilinear.evaluate(b, point)) for a, b in products]
    assert len(said.proof) == 16 * verifier.messages(variables, verifier.WEIGHTED_DEGREE)
    reached = verify(lambda receiver: verifier.verify_weighted(receiver, claim, at), said.proof)
    assert reached == (point, sum((a * b for a, b in finals), ZERO))
    listener = plain.Listener(SESSION, INSTANCE, said.proof)
    plain_point, value = plain.weighted(listener, (claim.real, claim.other), [(each.real, each.other) for each in at])
    listener.finish()
    assert [Element(*each) for each in plain_point] == point
    assert Element(*value) == reached[1]
    return said.proof


@pytest.mark.parametrize("products", [1, 2])
@pytest.mark.parametrize("variables", [0, 1, 2, 5])
def test_weighted_sums(products, variables):
    tables = tables_of(3, variables, "ee" * products)
    check_weighted(draw_point(9, variables), list(zip(tables[::2], tables[1::2], strict=True)))


@pytest.mark.parametrize("coordinate", [ZERO, ONE])
def test_weights_of_which_half_are_zero(coordinate):
    """The prover then cannot conclude the linear coefficient from the claim."""
    at = [Element(5, 6), coordinate, Element(7, 8), coordinate]
    a, b = tables_of(3, 4, "ee")
    check_weighted(at, [(a, b)])


def test_a_square_is_a_product_of_one_table_with_itself():
    (a,) = tables_of(3, 4, "e")
    check_weighted(draw_point(9, 4), [(a, a)])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("variables", [0, 1, 4])
def test_weighted_products_of_any_number_of_tables(count, variables):
    at, tables = draw_point(9, variables), tables_of(3, variables, "e" * count)
    weights = field.to_elements(multilinear.equality_table(at))
    claim = ZERO
    for weight, *values in zip(weights, *map(field.to_elements, tables), strict=True):
        claim = claim + summand([(weight, tuple(range(count)))], values)
    said = prove(lambda sender: prover.prove_weighted_product(sender, at, tables))
    point, finals = said.result
    assert finals == [multilinear.evaluate(table, point) for table in tables]
    assert len(said.proof) == 16 * verifier.messages(variables, count)
    reached = verify(lambda receiver: verifier.verify_weighted(receiver, claim, at, count), said.proof)
    assert reached == (point, summand([(ONE, tuple(range(count)))], finals))
    for changed in (claim + 1, claim + Element(0, 1)):
        _, value = verify(lambda receiver, c=changed: verifier.verify_weighted(receiver, c, at, count), said.proof)
        assert value != reached[1]


def test_long_tables_on_several_cores(monkeypatch):
    monkeypatch.setattr(kernel, "SHARE", 64)
    monkeypatch.setattr(kernel, "cores", lambda: 3)
    a, b = tables_of(3, 10, "be")
    check([(ONE, (0, 1))], [a, b])

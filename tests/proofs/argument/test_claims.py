"""Claims on blocks: their weight is that of the table that the prover sums with."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.proofs import multilinear
from tacit.proofs.argument.claims import Block, Claim, Claims, Term, weight
from tacit.proofs.argument.prover import _weights
from tacit.proofs.field import ONE, ZERO, Element

from ..conversation import draw, draw_point


@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data(), seed=st.integers(0, 9))
def test_the_verifier_s_weight_is_the_extension_of_the_prover_s_table(data: st.DataObject, seed: int) -> None:
    variables = 5
    claims = []
    for number in range(data.draw(st.integers(1, 3))):
        terms = []
        for place in range(data.draw(st.integers(1, 3))):
            inner = data.draw(st.integers(0, variables))
            block = Block(0, data.draw(st.integers(0, 2 ** (variables - inner) - 1)) << inner, inner)
            terms.append(Term(Element(number + 2, place), block, tuple(draw_point(seed + place, inner))))
        claims.append(Claim(tuple(terms), ZERO))
    beta, point = Element(3, 4), tuple(draw_point(seed, variables))
    assert weight(claims, beta, point) == multilinear.evaluate(_weights(claims, beta, variables), point)


def test_a_block_s_entries_are_the_vector_s_at_its_address() -> None:
    vector, point = draw(1, 32), tuple(draw_point(2, 3))
    block = Block(0, 8, 3)
    address = tuple(Element(bit) for bit in block.address(5))
    assert multilinear.evaluate(vector, address + point) == multilinear.evaluate(vector[8:16], point)


def test_a_claim_on_two_sources_is_none() -> None:
    terms = [Term(ONE, Block(source, 0, 0), ()) for source in (0, 1)]
    with pytest.raises(ValueError, match="one source"):
        Claims(2).add(terms, ZERO)

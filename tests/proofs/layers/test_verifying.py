"""What layers say to each other: every value that is read of a committed form is claimed of it."""

from __future__ import annotations

import pytest

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.argument.claims import Block, Claims, Term
from tacit.proofs.channel import ClearReceiver
from tacit.proofs.field import ONE, ZERO, Element
from tacit.proofs.layers.layer import PROVABLE, provable
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Form
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

from ..conversation import INSTANCE, SESSION, draw_point

POINT = tuple(draw_point(1, 2))
WITNESS = Term(Element(3), Block(0, 4, 2), POINT)
MODEL = Term(Element(-1), Block(1, 0, 2), POINT)


def heard(*values: Element) -> tuple[Verifying, Claims]:
    told = ProverTranscript(SESSION, INSTANCE)
    told.write_elements(field.from_elements(values))
    claims = Claims(2)
    return Verifying(ClearReceiver(VerifierTranscript(SESSION, INSTANCE, told.proof())), claims), claims


def test_a_value_of_a_committed_form_is_received_and_claimed_less_its_constant() -> None:
    verifying, claims = heard(Element(9))
    assert verifying.evaluation(Form((WITNESS,), Element(4)), "x") == Element(9)
    (claim,) = claims.on(0)
    assert claim.terms == (WITNESS,)
    assert claim.value == Element(5)


def test_a_value_of_a_public_form_is_computed_and_nothing_is_read() -> None:
    verifying, claims = heard()
    assert verifying.evaluation(Form(constant=Element(4)), "x") == Element(4)
    assert not claims.on(0)


def test_a_form_on_two_sources_leaves_a_claim_on_each_whose_values_add_up() -> None:
    verifying, claims = heard(Element(7))
    verifying.equal(Form((MODEL, WITNESS), ONE), Element(20), "x")
    (witness,), (model,) = claims.on(0), claims.on(1)
    assert (witness.terms, model.terms) == ((WITNESS,), (MODEL,))
    assert witness.value == Element(7)
    assert model.value == Element(20 - 1 - 7)


def test_a_public_form_that_is_another_value_is_refused_by_the_check_s_name() -> None:
    verifying, _ = heard()
    verifying.equal(Form(constant=Element(4)), Element(4), "fine")
    with pytest.raises(ProofError, match="the check"):
        verifying.equal(Form(constant=Element(4)), Element(5), "the check")


def test_products_with_public_factors_are_multiples() -> None:
    verifying, _ = heard()
    assert verifying.product(Element(3), Element(5)) == Element(15)
    assert verifying.product(ZERO, Element(5)) == ZERO


def test_a_kind_of_layer_is_registered_once() -> None:
    with pytest.raises(ValueError, match="two provable layers of kind 'linear'"):
        provable("linear")(PROVABLE["linear"])

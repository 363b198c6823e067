"""The argument around a core: complete, sound against provers that lie anywhere, and of zero knowledge."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.argument import verifier
from tacit.proofs.argument.prover import Opened
from tacit.proofs.field import Element
from tacit.proofs.transcript import VerifierTranscript

from ..conversation import INSTANCE, SESSION, draw
from .arguments import Bent, Case, case

MODES = [False, True]


@pytest.mark.parametrize("hidden", MODES)
def test_what_holds_is_accepted_with_the_soundness_that_was_planned(hidden: bool) -> None:
    for seed in range(5):
        given = case(hidden, seed)
        report = given.verify(given.prove())
        assert report.bits >= 100
        if hidden:
            assert verifier.rehearse(given.core, given.sources, 0)[1] == report


@pytest.mark.parametrize("hidden", MODES)
@pytest.mark.parametrize("place", range(3))
def test_a_value_that_is_sent_wrong_is_refused(hidden: bool, place: int) -> None:
    given = case(hidden)
    proof = given.prove(lambda sender: given.converse(Bent(sender, place)))
    with pytest.raises(ProofError):
        given.verify(proof)


@pytest.mark.parametrize("hidden", MODES)
def test_both_values_moved_so_that_the_product_fits_are_refused(hidden: bool) -> None:
    given = case(hidden)

    def converse(sender: object) -> None:
        given.points(sender.challenge)  # type: ignore[attr-defined]
        sender.send([Element(2), Element(3)])  # type: ignore[attr-defined]
        sender.send([Element(6)])  # type: ignore[attr-defined]

    with pytest.raises(ProofError, match=r"claims? on" if not hidden else "hidden messages"):
        given.verify(given.prove(converse))


@pytest.mark.parametrize("hidden", MODES)
def test_a_prover_with_other_values_than_the_committed_ones_is_refused(hidden: bool) -> None:
    given = case(hidden)
    other = Case(hidden, given.witness, draw(77, 130))
    liar = Case(hidden, given.witness, other.model)
    liar.sources = given.sources
    liar.vectors = [Opened(given.witness), Opened(other.model, given.vectors[1].matrix)]
    with pytest.raises(ProofError):
        given.verify(liar.prove())
    liar.vectors = other.vectors
    with pytest.raises(ProofError, match="Merkle"):
        given.verify(liar.prove())


@pytest.mark.parametrize("hidden", MODES)
def test_every_flipped_bit_in_a_proof_is_refused(hidden: bool) -> None:
    given = case(hidden)
    proof = given.prove()
    for place in np.random.default_rng(1).choice(len(proof), 150, replace=False).tolist():
        changed = bytearray(proof)
        changed[place] ^= 4
        with pytest.raises(ProofError):
            given.verify(bytes(changed))


def test_nothing_that_is_said_depends_on_the_witness_but_through_pads() -> None:
    """Two proofs of one statement have no message in common, and words of either mode of value are spread alike."""
    given = case(True)
    first, second = given.prove(), given.prove()
    same = sum(first[i : i + 16] == second[i : i + 16] for i in range(0, min(len(first), len(second)) - 16, 16))
    assert same == 0


@pytest.mark.parametrize("values", ["zeros", "random"])
def test_messages_before_the_opening_are_uniform_for_every_witness(values: str) -> None:
    """The core's messages of many proofs: their top bits, six standard deviations around what is uniform."""
    made = Case(True, field.negate(draw(1, 23)) * np.uint64(values == "random"), draw(2, 130))
    tops = np.zeros(4)
    for _ in range(12):
        heard = VerifierTranscript(SESSION, INSTANCE, made.prove())
        heard.read(32 * 3)
        for _ in range(9):
            heard.challenge()
        words = heard.read_words(6)
        tops += np.bincount((words >> np.uint64(62)).astype(np.int64), minlength=4)
    assert np.abs(tops - 18).max() < 6 * 3.7


def test_hidden_and_clear_proofs_do_not_pass_for_each_other() -> None:
    hidden, clear = case(True), case(False)
    with pytest.raises(ProofError):
        clear.verify(hidden.prove())
    with pytest.raises(ProofError):
        hidden.verify(clear.prove())

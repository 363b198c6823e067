"""Proofs with something changed in their bytes: all are refused, by a ProofError."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs.statements import proving, statement
from tacit.proofs.statements.inference import Inference

from .models import MODES, accepted, committed, dense, inference, rows_for


def proof_of(uses: int) -> tuple[Inference, bytes]:
    model = committed(dense([3, 3, 2], 5), uses)
    claim = inference(model, rows_for(model.graph, 2))
    proof = proving.prove(claim, model)
    statement.verify(claim, proof)
    return claim, proof


def refuse_flips(uses: int, count: int) -> None:
    claim, proof = proof_of(uses)
    rng = np.random.default_rng(uses)
    for place in rng.choice(len(proof), count, replace=False).tolist():
        changed = bytearray(proof)
        changed[place] ^= 1 << int(rng.integers(8))
        assert not accepted(claim, bytes(changed)), place


@pytest.mark.parametrize("uses", MODES)
def test_a_flipped_bit_is_refused(uses: int) -> None:
    refuse_flips(uses, 60)


@pytest.mark.slow
@pytest.mark.parametrize("uses", MODES)
def test_thousands_of_flipped_bits_are_refused(uses: int) -> None:
    refuse_flips(uses, 1500)


@pytest.mark.parametrize("uses", MODES)
def test_proofs_that_are_cut_or_go_on_are_refused(uses: int) -> None:
    claim, proof = proof_of(uses)
    rng = np.random.default_rng(1)
    for length in [0, 1, 31, 32, len(proof) - 1, *rng.integers(0, len(proof), 8).tolist()]:
        assert not accepted(claim, proof[:length])
    with pytest.raises(ProofError, match="1 bytes follow the end"):
        statement.verify(claim, proof + b"\0")


@pytest.mark.parametrize("uses", MODES)
def test_parts_of_two_proofs_do_not_go_together(uses: int) -> None:
    claim, proof = proof_of(uses)
    other_claim, other = proof_of(uses)
    assert not accepted(other_claim, proof) or not uses
    for cut in range(32, min(len(proof), len(other)), len(proof) // 12):
        mixed = proof[:cut] + other[cut:]
        assert mixed == proof or not accepted(claim, mixed)


@pytest.mark.parametrize("uses", MODES)
def test_a_word_and_the_same_word_plus_the_modulus_are_not_both_accepted(uses: int) -> None:
    claim, proof = proof_of(uses)
    for start in range(0, len(proof) - 8, 8):
        word = int.from_bytes(proof[start : start + 8], "little")
        if word < 2**32 - 1:
            bigger = (word + 2**64 - 2**32 + 1).to_bytes(8, "little")
            assert not accepted(claim, proof[:start] + bigger + proof[start + 8 :])

"""Provers that send rows which fit all they say, but are not what they committed to: only the columns tell."""

from __future__ import annotations

import pytest

from tacit.errors import ProofError
from tacit.proofs.argument import prover
from tacit.proofs.argument.prover import Opened
from tacit.proofs.commitment.parameters import Code
from tacit.proofs.commitment.prover import Matrix, commit
from tacit.proofs.commitment.randomness import Randomness
from tacit.proofs.field import Words

from ..conversation import draw
from .arguments import Case, case


def two_faced(shown: Matrix, meant: Matrix) -> Matrix:
    """A matrix with the tree of one commitment and the messages of another."""
    return Matrix(meant.messages, shown.leaves, shown.salted)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_row_of_another_model_than_the_committed_one_is_refused(hidden: bool) -> None:
    given, other = case(hidden), Case(hidden, draw(1, 23), draw(77, 130))
    shown, meant = (each.vectors[1].matrix for each in (given, other))
    assert shown is not None
    assert meant is not None
    liar = Case(hidden, given.witness, other.model)
    liar.sources = given.sources
    liar.vectors = [Opened(given.witness), Opened(other.model, two_faced(shown, meant))]
    with pytest.raises(ProofError, match="the model: the opened columns do not fit"):
        given.verify(liar.prove())


@pytest.mark.parametrize(
    ("victim", "what", "hidden"),
    [(0, "the witness", False), (0, "the witness", True), (1, "the pads", True), (2, "the model", True)],
)
def test_a_row_of_other_commitments_than_were_sent_is_refused(
    victim: int, what: str, hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prover commits, in this order, to the witness, to the pads, and to the model's mask; one of them twice."""
    made = 0

    def lying(rows: Words, code: Code, randomness: Randomness | None, *, masked: bool) -> Matrix:
        nonlocal made
        made += 1
        meant = commit(rows, code, randomness, masked=masked)
        if made - 1 != victim:
            return meant
        return two_faced(commit(draw(made, *rows.shape), code, randomness, masked=masked), meant)

    given = case(hidden)
    monkeypatch.setattr(prover, "commit", lying)
    proof = given.prove()
    assert made == (3 if hidden else 1)
    with pytest.raises(ProofError, match=f"{what}: the opened columns do not fit"):
        given.verify(proof)


def test_the_witness_has_no_matrix_before_it_is_proved() -> None:
    given = case(False)
    given.vectors[1] = Opened(given.model)
    with pytest.raises(ValueError, match="only the witness"):
        given.prove()

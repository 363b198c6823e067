"""Committing and opening: honest columns pass, and each check of them refuses something."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs.commitment.parameters import Code, choose
from tacit.proofs.commitment.prover import Matrix, commit, rows_of
from tacit.proofs.commitment.randomness import Randomness, fresh_key
from tacit.proofs.commitment.verifier import check_columns, read_columns
from tacit.proofs.field import MODULUS, Words
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

from ..conversation import INSTANCE, SESSION, draw

POSITIONS = [1, 2, 300, 511]


def committed(hidden: bool, masked: bool = False) -> tuple[Code, Words, Matrix]:
    code, values = choose(300, int(hidden)), draw(1, 300)
    return code, values, commit(rows_of(values, code), code, Randomness(fresh_key()) if hidden else None, masked=masked)


def opened(columns: Words, path: bytes) -> VerifierTranscript:
    told = ProverTranscript(SESSION, INSTANCE)
    told.write(columns.astype("<u8").tobytes())
    told.write(path)
    return VerifierTranscript(SESSION, INSTANCE, told.proof())


@pytest.mark.parametrize(("hidden", "masked"), [(False, False), (True, False), (True, True)])
def test_columns_of_a_combined_row_fit_it(hidden: bool, masked: bool) -> None:
    code, _, matrix = committed(hidden, masked)
    rows = len(matrix.messages)
    weights = draw(2, rows, 2)
    row = matrix.combine(weights)
    heard = opened(*matrix.columns(POSITIONS))
    columns = read_columns(heard, matrix.root, code, rows, POSITIONS, "x")
    heard.finish()
    check_columns(columns, weights, row, code, POSITIONS, "x")
    for place in (0, code.length - 1):
        wrong = row.copy()
        wrong[place, 1] ^= np.uint64(1)
        with pytest.raises(ProofError, match="x: the opened columns do not fit"):
            check_columns(columns, weights, wrong, code, POSITIONS, "x")


def test_a_combined_row_is_the_sum_of_the_rows() -> None:
    code, values, matrix = committed(False)
    weights = draw(3, code.rows, 2)
    table = rows_of(values, code).astype(object)
    for coordinate in range(2):
        expected = (table * weights[:, coordinate].astype(object)[:, None]).sum(axis=0) % MODULUS
        assert matrix.combine(weights)[:, coordinate].tolist() == expected.tolist()


def test_columns_of_another_commitment_are_refused() -> None:
    code, _, matrix = committed(True)
    heard = opened(*matrix.columns(POSITIONS))
    with pytest.raises(ProofError, match="Merkle"):
        read_columns(heard, committed(True)[2].root, code, code.rows, POSITIONS, "x")


def test_a_column_with_words_over_the_modulus_is_refused_though_it_was_committed() -> None:
    code, _, matrix = committed(False)
    leaves = matrix.leaves.copy()
    leaves[300, 0] = np.uint64(MODULUS)
    bad = Matrix(matrix.messages, leaves, salted=False)
    with pytest.raises(ProofError, match="no element of the field"):
        read_columns(opened(*bad.columns(POSITIONS)), bad.root, code, code.rows, POSITIONS, "x")


def test_hidden_commitments_to_the_same_values_have_nothing_in_common() -> None:
    first, second = committed(True)[2], committed(True)[2]
    assert first.root != second.root
    assert not (first.leaves == second.leaves).any(axis=0).any()


def test_the_columns_of_all_uses_are_uniform_whatever_the_values_are() -> None:
    """As many random symbols as columns: any columns can belong to any values (the random symbols solve for them)."""
    code = choose(10, 1)
    assert code.length - code.columns == code.queries
    seen = []
    for values in (np.zeros(10, dtype=np.uint64), draw(1, 10)):
        words = [
            commit(rows_of(values, code), code, Randomness(fresh_key()), masked=False).leaves[5, -1] >> np.uint64(62)
            for _ in range(200)
        ]
        seen.append(np.bincount(np.array(words, dtype=np.int64), minlength=4))
    assert np.abs(np.array(seen) - 50).max() < 37  # six standard deviations


def test_a_code_that_hides_needs_randomness() -> None:
    code = choose(10, 1)
    with pytest.raises(ValueError, match="needs randomness"):
        commit(rows_of(draw(1, 10), code), code, None, masked=False)

"""Checking opened columns against what the prover claims: the verifier's side, without a compiler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.commitment import tree
from tacit.proofs.commitment.parameters import DIGEST, SALT, WORD, Code
from tacit.proofs.commitment.points import sums, values_at
from tacit.proofs.field import Words
from tacit.proofs.transcript import VerifierTranscript


def read_columns(
    transcript: VerifierTranscript, root: bytes, code: Code, rows: int, positions: Sequence[int], what: str
) -> Words:
    """The words (t, rows) of the columns at sorted positions, once their Merkle paths have been checked.

    rows: how many words a column has, the mask's among them. ProofError, naming `what`, where they are not those of
    the root.
    """
    width = rows + (SALT // WORD if code.hidden else 0)
    distinct = sorted(set(positions))
    data = transcript.read(WORD * width * len(distinct), f"{what}: columns")
    leaves = {position: data[WORD * width * i : WORD * width * (i + 1)] for i, position in enumerate(distinct)}
    count = sum(1 for _ in tree.siblings(distinct, code.points))
    path = transcript.read(DIGEST * count, f"{what}: Merkle paths")
    tree.check(root, leaves, code.points, path, what)
    words = np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(len(distinct), width)[:, width - rows :]
    if not field.is_canonical(words):
        raise ProofError(f"{what}: a column holds a word that is no element of the field")
    return words


def check_columns(columns: Words, weights: Words, row: Words, code: Code, positions: Sequence[int], what: str) -> None:
    """ProofError, naming `what`, unless the combination of each column is the codeword of `row` at its position.

    columns: (t, rows); weights: (rows, 2); row: (k, 2), the coefficients that the prover sent.
    """
    distinct = sorted(set(positions))
    encoded = values_at(np.ascontiguousarray(row.T), distinct, code.points)
    for coordinate in range(field.DEGREE):
        combined = sums(field.multiply(columns, weights[None, :, coordinate]), axis=1)
        if not np.array_equal(combined, encoded[coordinate]):
            raise ProofError(f"{what}: the opened columns do not fit the combined row")

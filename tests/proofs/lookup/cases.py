"""Lookups to be proved, and the whole check of a proof: the verifier's, and that of the claims which it leaves."""

from __future__ import annotations

import numpy as np

from tacit.errors import ProofError
from tacit.proofs import field, multilinear
from tacit.proofs.lookup import prover, verifier
from tacit.proofs.lookup.table import Table, ranges

from .. import plain
from ..conversation import INSTANCE, SESSION, draw, prove, verify

Words = field.Words


def limits_of(bits: int, variables: int, seed: int = 1) -> Words:
    """Values in a range, its ends among them."""
    values = np.random.default_rng(seed).integers(0, 2**bits, 2**variables, dtype=np.uint64)
    values[0], values[-1] = 2**bits - 1, 0
    return values


def function_table(rows: int, width: int = 2) -> Table:
    """Distinct arguments from anywhere in the field, and values of functions of them."""
    return Table([draw(seed, rows) for seed in range(width)])


def rows_of(table: Table, variables: int, seed: int = 1) -> list[Words]:
    taken = np.random.default_rng(seed).integers(0, 2**table.variables, 2**variables)
    return [column[taken] for column in table.columns]


def proof_of(table: Table, columns: list[Words], multiplicities: Words | None = None) -> bytes:
    counted = prover.count(table, columns) if multiplicities is None else multiplicities
    return prove(lambda sender: prover.prove(sender, table, columns, counted)).proof


def accept(table: Table, columns: list[Words], multiplicities: Words, proof: bytes, instance: bytes = INSTANCE) -> None:
    """`ProofError` unless the verifier accepts and its claims hold for these columns and multiplicities."""
    variables = len(columns[0]).bit_length() - 1
    lookup = verify(lambda receiver: verifier.verify(receiver, table, variables), proof, instance)
    for place, (column, value) in enumerate(zip(columns, lookup.values, strict=True)):
        if multilinear.evaluate(column, lookup.point) != value:
            raise ProofError(f"the claim on column {place}")
    if multilinear.evaluate(multiplicities, lookup.table_point) != lookup.multiplicity:
        raise ProofError("the claim on the multiplicities")


def accepted(*arguments: object) -> bool:
    try:
        accept(*arguments)  # type: ignore[arg-type]
    except ProofError:
        return False
    return True


def plain_accepted(table: Table, columns: list[Words], multiplicities: Words, proof: bytes) -> bool:
    listener = plain.Listener(SESSION, INSTANCE, proof)
    rows = [list(zip(*(column.tolist() for column in each), strict=True)) for each in (table.columns, columns)]
    try:
        plain.lookup(listener, rows[0], rows[1], multiplicities.tolist())
        listener.finish()
    except plain.Refused:
        return False
    return True


CASES = {
    "range": (ranges(3), [limits_of(3, 2)]),
    "one row": (ranges(2), [np.array([3], dtype=np.uint64)]),
    "one bit": (ranges(1), [limits_of(1, 3)]),
    "function": (function_table(5), rows_of(function_table(5), 2)),
    "three columns, one row": (function_table(2, 3), rows_of(function_table(2, 3), 0)),
}

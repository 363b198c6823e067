"""Rows into shares: split between the parties by rows (horizontally) or by columns (vertically).

How many rows and columns each party gives is public; what is in them is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tacit.errors import DataError
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.inputs import share
from tacit.mpc.party import PARTIES, Party
from tacit.mpc.replicated import Arithmetic, Words

Floats = npt.NDArray[np.float64]

MAX_MAGNITUDE = 2.0**20


def encoded(values: Floats, fraction_bits: int, name: str) -> Words:
    """Fixed point of finite numbers below 2^20, rounded; DataError names the table, and never the value."""
    if not np.isfinite(values).all() or (np.abs(values) >= MAX_MAGNITUDE).any():
        raise DataError(f"{name}: a value is not finite or not below 2^20: give the schema closer bounds")
    return np.rint(values * 2.0**fraction_bits).astype(np.int64).view(np.uint64)


def decoded(words: Words, fraction_bits: int) -> Floats:
    """The numbers that public words stand for."""
    return words.view(np.int64) / 2.0**fraction_bits


def rows_together(party: Party, mine: Words, counts: Sequence[int]) -> Protocol[Arithmetic]:
    """Horizontal: party i gives words (counts[i], columns); the rows of all, in order of the parties, shared.

    1 round; each party sends 8 bytes for each of its words.
    """
    return (yield from _together(party, mine, [(count, mine.shape[1]) for count in counts], axis=0))


def columns_together(party: Party, mine: Words, counts: Sequence[int]) -> Protocol[Arithmetic]:
    """Vertical: party i gives words (rows, counts[i]) of the same rows in the same order; all columns, shared."""
    return (yield from _together(party, mine, [(mine.shape[0], count) for count in counts], axis=1))


def _together(party: Party, mine: Words, shapes: Sequence[tuple[int, int]], axis: int) -> Protocol[Arithmetic]:
    if mine.shape != shapes[party.index]:
        raise DataError(f"this party's part has shape {mine.shape}, and {shapes[party.index]} was agreed on")
    parts = yield from together(
        *(
            share(party, owner, mine if owner == party.index else None, shapes[owner])
            for owner in range(PARTIES)
            if 0 not in shapes[owner]
        )
    )
    return Arithmetic(
        np.concatenate([part.own for part in parts], axis=axis),
        np.concatenate([part.next for part in parts], axis=axis),
    )

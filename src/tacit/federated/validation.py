"""Which of its rows a party holds back from training, to see how the common model does on rows that it has not seen.

A row's place is decided by its hash, under a key that the agreement and the party fix: the same in every run, however
the table is sorted, and copies of a row stay together. With unit `record` each row decides *by itself*: were a share of
the rows chosen, one row more could move others from one side to the other, and a sum would change by more than the
bound of one record. Otherwise exactly that share is held back, one row at least of five, none of fewer.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from tacit.data import Table
from tacit.study import Agreement
from tacit.study.agreement import digest

FEWEST_ROWS = 5


def split(agreement: Agreement, table: Table, party: str) -> tuple[Table, Table]:
    """Return the rows of `party` to train on, and those that are held back."""
    share = agreement.training.validation_share
    held = np.zeros(len(table.features), np.bool_)
    if share:
        chances = _chances(
            table, hashlib.sha256(b"tacit held back/1\x00" + digest(agreement.encode()) + party.encode())
        )
        if agreement.privacy.unit == "record":
            held = chances < int(share * 2**64)
        elif len(held) >= FEWEST_ROWS:
            held[np.argsort(chances, kind="stable")[: max(1, int(share * len(held)))]] = True
    return _some(table, ~held), _some(table, held)


def _chances(table: Table, keyed: hashlib._Hash) -> npt.NDArray[np.uint64]:
    """Return a number of each row, uniform below 2^64."""
    rows = np.column_stack([table.features, table.labels.astype(np.float64)]) + 0.0  # -0.0 is 0.0
    numbers = np.empty(len(rows), np.uint64)
    for place, row in enumerate(np.ascontiguousarray(rows, "<f8")):
        hashed = keyed.copy()
        hashed.update(row.tobytes())
        numbers[place] = int.from_bytes(hashed.digest()[:8], "big")
    return numbers


def _some(table: Table, chosen: npt.NDArray[np.bool_]) -> Table:
    if chosen.all():
        return table
    return Table(table.features[chosen], table.labels[chosen], table.schema, table.source)

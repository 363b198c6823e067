"""What any file is read as: blocks of rows in order, each column as its different texts and which cell holds which.

A table is never held as text as a whole: memory is that of one block, whatever the file's size.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tacit.data.schema import MAX_COLUMNS
from tacit.errors import DataError

MAX_CELL = 100_000
BLOCK_ROWS = 2**16
BLOCK_CELLS = 2**18
LISTED = 5


@dataclass(frozen=True, repr=False, eq=False)
class TextColumn:
    """One column's cells, dictionary encoded: cell i is `values[index[i]]`, and "" where there is none.

    Attributes:
        values: the texts that occur, a `pyarrow.StringArray` without nulls.
        index: int64, (rows,).
    """

    values: Any
    index: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextColumn:
        """Return the column of these cells."""
        import pyarrow as pa

        encoded = pa.array(texts, pa.string()).dictionary_encode()
        return cls(encoded.dictionary, np.asarray(encoded.indices, np.int64))

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"TextColumn({len(self)} cells, hidden)"


@dataclass(frozen=True, repr=False, eq=False)
class Block:
    """Some rows: the columns asked for by name, and for each row its number in the file, for people."""

    columns: dict[str, TextColumn]
    numbers: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        return f"Block({len(self)} rows, {len(self.columns)} columns, hidden)"


class Rows(Protocol):
    """An open table.

    Attributes:
        names: those in its header.
        header: where that stands, for messages.
        row_name: what a row's number counts: lines, or rows.
    """

    names: tuple[str, ...]
    header: str
    row_name: str

    def blocks(self, names: Sequence[str], max_rows: int) -> Iterator[Block]:
        """Yield the rows in order, with the columns `names`.

        Raises:
            DataError: the file is malformed, or has more than `max_rows` rows; nothing beyond these is read.
        """
        ...


def block_rows(columns: int) -> int:
    """Return how many rows of so many columns make a block."""
    return max(1, min(BLOCK_ROWS, BLOCK_CELLS // max(1, columns)))


def too_many_rows(path: Path, max_rows: int) -> DataError:
    """Return the error for a table of more than `max_rows` rows."""
    return DataError(
        f"{path} has more than {max_rows} rows, the most that one party may bring: "
        f"bring fewer, or agree on a larger data.max_rows"
    )


def check_header(header: str, cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names in the header that stands at `header`: without spaces around them, in Unicode's composed form.

    Whether a first line is a header is not known here, so no fault shows what it holds: a file without one
    begins with a row.

    Raises:
        DataError: too many columns, or two of one name.
    """
    if len(cells) > MAX_COLUMNS:
        raise DataError(f"{header}: has {len(cells)} columns; a study has at most {MAX_COLUMNS}")
    names = tuple(compose(cell) for cell in cells)
    first: dict[str, int] = {}
    twice = [(first[name], at) for at, name in enumerate(names, 1) if first.setdefault(name, at) != at]
    if twice:
        pairs = "; ".join(f"columns {one} and {other}" for one, other in twice[:LISTED])
        more = f"; and {len(twice) - LISTED} more" if len(twice) > LISTED else ""
        raise DataError(f"{header}: two columns have the same name: {pairs}{more}; rename or remove one")
    return names


def compose(text: str) -> str:
    """Return `text` without spaces around it, in Unicode's composed form: as it looks."""
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)

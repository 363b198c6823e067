"""The owner's side of a committed set: its rows, labels and groups, and what every long-lived commitment has."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from tacit.errors import FormatError
from tacit.graph.fixed import Ints
from tacit.keys import Identity
from tacit.proofs.commitment import long_lived
from tacit.proofs.commitment.long_lived import Key, LongLived, Uses
from tacit.proofs.commitment.parameters import LONG_LIVED_USES
from tacit.proofs.commitment.randomness import fresh_key
from tacit.proofs.dataset.commitment import SetCommitment, code
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.layout import Layout
from tacit.proofs.dataset.public import PublicSet

VERSION = "tacit.set-secret/1"


class _Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """committed set"""

    version: str
    description: SetDescription
    rows: bytes
    labels: bytes
    groups: bytes | None
    key: Key
    uses: Uses
    used: Uses


class CommittedSet(LongLived):
    """A set with its commitment. ProofError, naming row and index, where it is not as its description says."""

    def __init__(
        self,
        data: PublicSet,
        key: bytes,
        uses: int,
        used: int = 0,
        path: Path | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(key, uses, used, path, identity)
        self._data = data
        layout = Layout(data.description)
        self.opened = self._commit(layout.vector(data.rows, data.labels, data.groups), code(layout, uses))
        assert self.opened.matrix is not None
        self._commitment = SetCommitment(data.description, self.opened.matrix.root, uses)

    @classmethod
    def new(
        cls,
        description: SetDescription,
        rows: Ints,
        labels: Ints,
        groups: Ints | None = None,
        *,
        uses: int = LONG_LIVED_USES,
    ) -> CommittedSet:
        """Commit to a set for so many proofs; 0 for one that is not to be hidden, whose proofs are not counted.

        rows: encoded (n, *shape); labels: class numbers, or encoded numbers (n,); groups: 0 or 1 (n,); all int64.
        """
        return cls(PublicSet(description, rows, labels, groups), fresh_key(), uses)

    @classmethod
    def load(cls, path: Path, identity: Identity | None = None) -> CommittedSet:
        """What `save` wrote; FormatError or ProofError for anything else."""
        found = long_lived.read(path, _Secret, identity)
        if found.version != VERSION:
            raise FormatError(f"{path}: a committed set of version {found.version!r}, not {VERSION!r}")
        description = found.description.checked()
        count = description.rows
        rows = _integers(found.rows, (count, *description.shape), path)
        labels = _integers(found.labels, (count,), path)
        groups = None if found.groups is None else _integers(found.groups, (count,), path)
        return cls(PublicSet(description, rows, labels, groups), found.key, found.uses, found.used, path, identity)

    @property
    def commitment(self) -> SetCommitment:
        """The public side."""
        return self._commitment

    @property
    def parts(self) -> dict[str, Ints]:
        """The arrays by name: rows, labels and, where there are any, groups."""
        return self._data.parts

    def _secret(self) -> bytes:
        parts = {name: part.astype("<i8").tobytes() for name, part in self.parts.items()}
        groups = parts.get("groups")
        return msgspec.msgpack.encode(
            _Secret(
                VERSION,
                self._data.description,
                parts["rows"],
                parts["labels"],
                groups,
                self._key,
                self._uses,
                self._used,
            )
        )


def _integers(data: bytes, shape: tuple[int, ...], path: Path) -> Ints:
    integers = np.frombuffer(data, dtype="<i8") if len(data) % 8 == 0 else np.zeros(0)
    if integers.size != int(np.prod(shape)):
        raise FormatError(f"{path}: a committed set of another number of values than its description has")
    return integers.astype(np.int64).reshape(shape)

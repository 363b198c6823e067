"""The public side of a committed set: what a verifier needs of it."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated

import msgspec

from tacit import canonical
from tacit.errors import ProofError
from tacit.proofs.argument.verifier import Source
from tacit.proofs.commitment.parameters import DIGEST, MOST_USES, Code, choose
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.layout import SET, Layout
from tacit.proofs.dataset.placed import Placed
from tacit.proofs.dataset.ranges import RowRanges
from tacit.proofs.layers.layer import Planner

VERSION = "tacit.set-commitment/1"


class _Bytes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    description: SetDescription
    root: Annotated[bytes, msgspec.Meta(min_length=DIGEST, max_length=DIGEST)]
    uses: Annotated[int, msgspec.Meta(ge=0, le=MOST_USES)]


class SetCommitment:
    """root: of the committed vector; uses: how many proofs it is made for, 0 where it hides nothing."""

    def __init__(self, description: SetDescription, root: bytes, uses: int) -> None:
        self.description, self.root, self.uses = description.checked(), root, uses

    @classmethod
    def from_bytes(cls, data: bytes) -> SetCommitment:
        """What `to_bytes` wrote; FormatError or ProofError for anything else."""
        found = canonical.decode(data, _Bytes, "the set's commitment")
        if found.version != VERSION:
            raise ProofError(f"the set's commitment is of version {found.version!r}, not {VERSION!r}")
        return cls(found.description, found.root, found.uses)

    def to_bytes(self) -> bytes:
        """The commitment as canonical JSON."""
        return canonical.encode(_Bytes(VERSION, self.description, self.root, self.uses))

    @cached_property
    def source(self) -> Source:
        """The commitment as claims see it."""
        return Source("the set", code(Layout(self.description), self.uses), self.root)

    def said(self) -> dict[str, object]:
        """The set, in a statement's instance, which has its root too."""
        return {"committed": hashlib.sha256(self.to_bytes()).digest()}

    def place(self, planner: Planner, source: int = SET) -> Placed:
        """The set's tensors in a statement that has it as source number `source`."""
        layout = Layout(self.description, source)
        groups = layout.groups if self.description.grouped else None
        return Placed(layout.rows, layout.labels, groups, RowRanges(layout, planner))


def code(layout: Layout, uses: int) -> Code:
    """The code of a set's commitment."""
    return choose(layout.values, uses)

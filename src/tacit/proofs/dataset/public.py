"""A set that everybody may see: the verifier has it, and computes what it needs of it."""

from __future__ import annotations

import hashlib
from functools import cached_property

from tacit import canonical
from tacit.graph.fixed import Ints
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.placed import Placed
from tacit.proofs.layers.layer import Planner
from tacit.proofs.tensors import Axes, Tensor, public


class PublicSet:
    """rows: encoded (n, *shape); labels: (n,); groups: (n,), where there are any; all int64. Checked when made."""

    def __init__(self, description: SetDescription, rows: Ints, labels: Ints, groups: Ints | None = None) -> None:
        description.checked().check(rows, labels, groups)
        self.description, self.rows, self.labels, self.groups = description, rows, labels, groups

    @cached_property
    def parts(self) -> dict[str, Ints]:
        """The arrays by name."""
        parts = {"rows": self.rows, "labels": self.labels}
        return parts if self.groups is None else {**parts, "groups": self.groups}

    def said(self) -> dict[str, object]:
        """The set, in a statement's instance."""
        hashes = {name: hashlib.sha256(part.astype("<i8").tobytes()).digest() for name, part in self.parts.items()}
        return {"description": hashlib.sha256(canonical.encode(self.description)).digest(), **hashes}

    def place(self, planner: Planner) -> Placed:
        """The set's tensors in a statement."""
        column = Axes((self.description.rows,))
        labels, groups = (
            None if part is None else Tensor((), column, public=((1, part),)) for part in (self.labels, self.groups)
        )
        assert labels is not None
        return Placed(public(self.description.shape, self.rows), labels, groups)

"""A set inside a statement: its tensors, and the check of its rows where it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.ranges import RowRanges
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@dataclass(frozen=True)
class Placed:
    """rows (n, *shape); labels and groups (n,)."""

    rows: Tensor
    labels: Tensor
    groups: Tensor | None
    ranges: RowRanges | None = None

    def verify(self, verifying: Verifying) -> None:
        """Check that committed rows are in their range."""
        if self.ranges is not None:
            self.ranges.verify(verifying)

    def evaluate(self, values: Values) -> None:
        """What the check needs to be committed."""
        if self.ranges is not None:
            self.ranges.evaluate(values)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        if self.ranges is not None:
            self.ranges.prove(proving)

    def unsound(self) -> int:
        """The check's soundness error, in values of a challenge."""
        return 0 if self.ranges is None else self.ranges.unsound()


class DataSet(Protocol):
    """What a statement needs of a set, committed or public."""

    @property
    def description(self) -> SetDescription:
        """What is public of it."""

    def place(self, planner: Planner) -> Placed:
        """The set's tensors in a statement."""

    def said(self) -> dict[str, object]:
        """The set, in a statement's instance."""

"""Add: y = a + b, a sum of forms; the proof has nothing to show, and nothing is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.verifying import Verifying

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("add")
class Add(ProvableLayer):
    """Two inputs of the same axes."""

    arity: ClassVar[int] = 2

    def plan(self, planner: Planner) -> None:
        """The sum."""
        a, b = self.inputs
        if a.shape != b.shape or a.axes != b.axes:
            raise self.unfit(f"the tensors that are added have shapes {a.axes.sizes} and {b.axes.sizes} in the proof")
        self.output = a + b

    def verify(self, verifying: Verifying) -> None:
        """Nothing."""

    def reach(self) -> int:
        """The sum's own size: nothing is committed that would bound it."""
        return self.output.most

    def evaluate(self, values: Values) -> None:
        """The sum."""
        a, b = (values.tensors[name] for name in self.step.inputs)
        values.tensors[self.step.name] = a + b

    def prove(self, proving: Proving) -> None:
        """Nothing."""

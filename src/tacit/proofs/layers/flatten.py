"""Flatten and Unflatten: another shape for the same entries; the proof has nothing to show."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.verifying import Verifying

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("flatten")
class Flatten(ProvableLayer):
    """The axes stay, so that a Linear after it has its columns in their order."""

    def plan(self, planner: Planner) -> None:
        """The tensor under its new shape."""
        (x,) = self.inputs
        self.output = x.reshaped((prod(x.shape),))

    def verify(self, verifying: Verifying) -> None:
        """Nothing."""

    def evaluate(self, values: Values) -> None:
        """The entries."""
        x = values.tensors[self.step.inputs[0]]
        values.tensors[self.step.name] = x.reshape(len(x), *self.output.shape)

    def prove(self, proving: Proving) -> None:
        """Nothing."""

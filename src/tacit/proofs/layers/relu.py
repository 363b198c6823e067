"""ReLU: y = max(x, 0), the positive part of a split tensor.

Where the input was committed split, by the layer before, nothing is added. Where it was not (it is public, or a sum),
this layer commits to both parts, and shows that their difference is the input at a random point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.proofs.field import ZERO
from tacit.proofs.layers import committed
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("relu")
class ReLU(ProvableLayer):
    """No parameters."""

    def plan(self, planner: Planner) -> None:
        """Perhaps both parts of the input."""
        (x,) = self.inputs
        self.own: Tensor | None = None
        positive = x.positive
        if positive is None:
            bits = planner.bits(self.step.inputs[0])
            self.own = committed.split(planner, self.step.name, x.shape, x.axes, bits)
            positive = self.own.positive
        assert positive is not None
        self.output = positive

    def verify(self, verifying: Verifying) -> None:
        """The difference of the parts is the input, and one of them is zero."""
        if self.own is not None:
            tau = verifying.point(self.own.axes.variables)
            verifying.equal(self.own.at(tau) - self.inputs[0].at(tau), ZERO, f"layer {self.step.name!r}: input")
            committed.verify_split(verifying, self.own, self.step.name)

    def evaluate(self, values: Values) -> None:
        """max(x, 0)."""
        x = values.tensors[self.step.inputs[0]]
        values.tensors[self.step.name] = np.maximum(x, 0)
        if self.own is not None:
            committed.put(values, self.step.name, self.own, x, 0)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        if self.own is not None:
            tau = proving.point(self.own.axes.variables)
            proving.equal(self.own.at(tau) - self.inputs[0].at(tau))
            committed.prove_split(proving, self.own)

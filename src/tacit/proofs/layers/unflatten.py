"""Unflatten: another shape for the same entries.

A committed tensor keeps its axes, so only a shape that it had before can be had again; a public one is laid out anew.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tacit.proofs.layers.layer import Planner, ProvableLayer, provable, row
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Axes, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("unflatten")
class Unflatten(ProvableLayer):
    """The options channels, height and width say the shape."""

    def plan(self, planner: Planner) -> None:
        """The tensor under its new shape."""
        (x,) = self.inputs
        shape = tuple(self.step.number(name) for name in ("channels", "height", "width"))
        if prod(shape) != prod(x.shape):
            raise self.unfit(f"{x.shape} has not as many entries as {shape}")
        if row(x.axes) == shape:
            self.output = x.reshaped(shape)
        elif not x.hidden and not x.constant:
            self.output = Tensor(shape, Axes((x.axes.sizes[0], *shape)), public=x.public, ends=x.ends)
        else:
            raise self.unfit(f"a committed tensor of axes {row(x.axes)} cannot become {shape}; give the model images")

    def verify(self, verifying: Verifying) -> None:
        """Nothing."""

    def evaluate(self, values: Values) -> None:
        """The entries."""
        x = values.tensors[self.step.inputs[0]]
        values.tensors[self.step.name] = x.reshape(len(x), *self.output.shape)

    def prove(self, proving: Proving) -> None:
        """Nothing."""

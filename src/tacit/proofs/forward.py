"""A graph's evaluation on some rows, inside a statement: its layers, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tacit.errors import ProofError
from tacit.graph.layers import INPUT
from tacit.proofs import layers  # registers the kinds
from tacit.proofs.architecture import Architecture
from tacit.proofs.layers.committed import MOST_BITS
from tacit.proofs.layers.layer import Planner, class_of
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


class Forward:
    """The layers on an input tensor; ProofError, before any work, where one cannot be proved."""

    def __init__(self, architecture: Architecture, planner: Planner, rows: Tensor) -> None:
        tensors = {INPUT: replace(rows, ends=(int(architecture.low.min()), int(architecture.high.max())))}
        self.layers: list[layers.ProvableLayer] = []
        for step in architecture.steps:
            made = class_of(step)(step, [tensors[name] for name in step.inputs], planner)
            tensors[step.name] = made.output
            self.layers.append(made)
        self.output = self.layers[-1].output

    def verify(self, verifying: Verifying) -> None:
        """Check all layers, up to claims."""
        for layer in self.layers:
            layer.verify(verifying)

    def check_reach(self) -> None:
        """ProofError where parameters within their bits could pass 2^62 in an accumulator, or in a sum of tensors.

        Tensors count as what is proved of them, not as the architecture says that they are.
        """
        for layer in self.layers:
            if (bits := (layer.reach() - 1).bit_length()) > MOST_BITS:
                raise ProofError(
                    f"layer {layer.step.name!r} ({layer.step.kind}): weights and inputs of these bits could reach"
                    f" 2^{bits}, past 2^{MOST_BITS}; build the graph with fewer weight_bits"
                )

    def unsound(self) -> int:
        """The soundness error of all layers' lookups."""
        return sum(layer.unsound() for layer in self.layers)

    def evaluate(self, values: Values) -> None:
        """Compute all tensors and limbs from the input."""
        for layer in self.layers:
            layer.evaluate(values)

    def prove(self, proving: Proving) -> None:
        """Send what `verify` reads."""
        for layer in self.layers:
            layer.prove(proving)

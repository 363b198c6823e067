"""A well-formed model: the committed parameters are those of a fixed-point graph. Shown once for each commitment.

Every parameter is below 2^bits in size, with the bits that the architecture tells, and with no parameters of these bits
can an accumulator pass 2^62. So proofs about the model are about its evaluation over the integers. It says nothing else
of the parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tacit.graph.fixed import Ints
from tacit.proofs.argument.claims import Point
from tacit.proofs.field import ZERO
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.model.commitment import ModelCommitment, parameters
from tacit.proofs.plan import Planning
from tacit.proofs.statements.statement import Statement
from tacit.proofs.tensors import Form, Part, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


class WellFormed(Statement):
    """ProofError where parameters of the architecture's bits could pass 2^62."""

    kind: ClassVar[str] = "well-formed model"

    def __init__(self, model: ModelCommitment) -> None:
        super().__init__(Planning(), model)
        self._found = parameters(model.architecture, reach=True)
        steps = {step.name: step for step in model.architecture.steps}
        self._bits = {key: steps[key[0]].parameter_bits[key[1]] for key in self._found.axes}
        self._limbs: dict[tuple[str, str], Tensor] = self.planning.twice(self._plan)

    def said(self) -> dict[str, object]:
        """Nothing: the bits are the commitment's."""
        return {}

    def sentence(self) -> str:
        """The statement for people, with what it does not say."""
        root = self.committed[0].source.root or b""
        return (
            f"What was committed to as {root.hex()[:16]}... are the parameters of a fixed-point model of the stated "
            "layers and sizes, so that other proofs about it are about its exact evaluation. It does not say how the "
            "model was made, nor how good it is."
        )

    def gates(self) -> int:
        """One for each digit."""
        return self.planning.witness.values

    def check(self, verifying: Verifying) -> None:
        """Each parameter is its limbs less 2^bits, at a random point."""
        for key, limbs in self._limbs.items():
            tau = verifying.point(limbs.axes.variables)
            verifying.equal(self._difference(key, tau), ZERO, f"parameter {key[1]} of layer {key[0]!r}")

    def evaluate(self, values: Values) -> None:
        """The parameters, moved to be positive."""
        for (layer, name), axes in self._found.axes.items():
            parameter: Ints = getattr(values.layers[layer], name)
            values.put(f"{layer}/{name}", parameter.reshape(axes.sizes) + (1 << self._bits[layer, name]))

    def follow(self, proving: Proving) -> None:
        """What `check` reads."""
        for key, limbs in self._limbs.items():
            proving.equal(self._difference(key, proving.point(limbs.axes.variables)))

    def _plan(self) -> dict[tuple[str, str], Tensor]:
        return {
            (layer, name): Tensor(
                axes.sizes,
                axes,
                self.planning.limbs(f"{layer}/{name}", axes, self._bits[layer, name] + 1, exact=True),
                constant=-(1 << self._bits[layer, name]),
            )
            for (layer, name), axes in self._found.axes.items()
        }

    def _difference(self, key: tuple[str, str], tau: Point) -> Form:
        axes = self._found.axes[key]
        committed = Tensor(axes.sizes, axes, (Part(1, self._found.blocks[key]),))
        return self._limbs[key].at(tau) - committed.at(tau)

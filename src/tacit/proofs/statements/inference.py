"""Inference: on these rows the committed model gives these outputs, to the last bit.

It says nothing of how good the model is, nor where the rows come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.graph.layers import INPUT
from tacit.proofs.field import ZERO
from tacit.proofs.forward import Forward
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.plan import Planning
from tacit.proofs.statements.statement import TAKEN_FOR_GRANTED, Statement, digest
from tacit.proofs.tensors import Tensor, public

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

MOST_ROWS = 2**20


class Inference(Statement):
    """rows: encoded inputs (n, *input shape); outputs: (n, *output shape); both int64, and public."""

    kind: ClassVar[str] = "inference"

    def __init__(self, model: ModelCommitment, rows: Ints, outputs: Ints) -> None:
        architecture = self.architecture = model.architecture
        planning = Planning(architecture)
        super().__init__(planning, model)
        architecture.check_input(rows)
        given, self.count = public(architecture.input_shape, rows), len(rows)
        if not 1 <= self.count <= MOST_ROWS:
            raise ProofError(f"an inference is of 1 to {MOST_ROWS} rows, not {self.count}")
        self.model, self.rows, self.outputs = model, rows, outputs
        self.forward = planning.twice(lambda: Forward(architecture, planning, given))
        shape = (self.count, *self.forward.output.shape)
        if outputs.dtype != np.int64 or outputs.shape != shape:
            raise ProofError(f"the outputs must be int64 of shape {shape}, not {outputs.dtype} of {outputs.shape}")
        bits = architecture.steps[-1].bits
        if (np.abs(outputs) >> bits).any() or (outputs == np.iinfo(np.int64).min).any():
            raise ProofError(f"an output is over the {bits} bits that this model's outputs have")
        axes = self.forward.output.axes
        self._claimed = Tensor(shape[1:], axes, public=((1, outputs.reshape(axes.sizes)),))

    def said(self) -> dict[str, object]:
        """The rows and the outputs."""
        return {"rows": digest(self.rows), "outputs": digest(self.outputs)}

    def sentence(self) -> str:
        """The statement for people, with what it does not say."""
        return (
            f"The model committed to as {self.model.root.hex()[:16]}... gives exactly the stated outputs on the "
            f"{len(self.rows)} stated rows. It does not say that these outputs are right, nor where the rows come from."
            f" {TAKEN_FOR_GRANTED}"
        )

    def gates(self) -> int:
        """One for each product and each digit."""
        return self.count * self.architecture.parameters + self.planning.witness.values

    def own_lookups(self) -> int:
        """The layers' tables."""
        return self.forward.unsound()

    def check(self, verifying: Verifying) -> None:
        """The layers, and that the last one's tensor is the outputs."""
        self.forward.verify(verifying)
        output = self.forward.output
        tau = verifying.point(output.axes.variables)
        verifying.equal(output.at(tau) - self._claimed.at(tau), ZERO, "the outputs")

    def evaluate(self, values: Values) -> None:
        """All tensors; ProofError where the outputs are others."""
        values.tensors[INPUT] = self.rows
        self.forward.evaluate(values)
        last = values.tensors[self.architecture.steps[-1].name]
        if not np.array_equal(last, self.outputs):
            raise ProofError("the model gives other outputs on these rows")

    def follow(self, proving: Proving) -> None:
        """What `check` reads."""
        self.forward.prove(proving)
        output = self.forward.output
        tau = proving.point(output.axes.variables)
        proving.equal(output.at(tau) - self._claimed.at(tau))

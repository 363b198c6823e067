"""Layers checked without commitments: a prover may use any witness and any parameters, in the filling too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.errors import ProofError
from tacit.graph import Graph
from tacit.graph.fixed import Ints
from tacit.proofs import multilinear
from tacit.proofs.argument.claims import Block, Claims
from tacit.proofs.channel import ClearReceiver, ClearSender, Sender
from tacit.proofs.field import ZERO, Words
from tacit.proofs.layers import committed, digits
from tacit.proofs.layers.proving import Proving
from tacit.proofs.statements.inference import Inference
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript
from tacit.proofs.values import Values

from .. import models

SESSION, INSTANCE = bytes(32), b"unbound"


class Unbound:
    """A prover of one inference who holds its witness and the parameters in hand, to change as it likes."""

    def __init__(self, graph: Graph, rows: Ints, outputs: Ints | None = None) -> None:
        self.model = models.committed(graph, 0)
        self.claim: Inference = models.inference(self.model, rows, outputs)
        self.values = Values(self.claim.planning.witness, {layer.name: layer for layer in graph.layers}, 8)
        self.values.tensors["input"] = rows
        self.claim.forward.evaluate(self.values)
        self.parameters = self.model.opened.values.copy()
        self.changes: list[Callable[[Words], None]] = []

    def say(self, layer: str, output: Ints) -> None:
        """Commit to another output of a layer."""
        step = next(step for step in self.claim.model.architecture.steps if step.name == layer)
        made = next(each for each in self.claim.forward.layers if each.step.name == layer)
        committed.put(self.values, layer, made.output, output, step.bits)

    def table(self, vector: Words, block: Block) -> Words:
        """The part of a vector that a block is."""
        return vector[block.offset : block.offset + (1 << block.variables)]

    def parameter(self, layer: str, name: str) -> Words:
        """A parameter with its filling, to be written to."""
        planned = self.claim.planning.parameters
        key = layer, name
        return self.table(self.parameters, planned.blocks[key]).reshape(planned.axes[key].padded)

    def limbs(self, witness: Words, name: str, digit: int = 0) -> Words:
        """A digit of limbs with its filling, to be written to."""
        plan = self.claim.planning.witness
        axes = next(limbs.axes for limbs in plan.limbs() if limbs.name == name)
        return self.table(witness, plan.digits(name)[digit].block).reshape(axes.padded)

    def accepted(
        self, lying: Callable[[Sender], Sender] = lambda sender: sender, layers_of: Unbound | None = None
    ) -> bool:
        """Whether the verifier accepts, and all claims that it is left with hold of what the prover has.

        layers_of: whose messages it sends for the layers, all but those that follow from what is committed.
        """
        witness = self.values.vector()
        for change in self.changes:
            change(witness)
        models.recount(witness, self.claim)
        told = ProverTranscript(SESSION, INSTANCE)
        proving = Proving(lying(ClearSender(told)), self.values, [witness, self.parameters])
        other = layers_of or self
        other.claim.follow(
            proving
            if other is self
            else Proving(ClearSender(told), other.values, [other.values.vector(), self.parameters])
        )
        digits.prove(proving, self.claim.planning.witness)
        claims = Claims(2)
        try:
            heard = VerifierTranscript(SESSION, INSTANCE, told.proof())
            self.claim.core(ClearReceiver(heard), claims)
            heard.finish()
        except ProofError:
            return False
        return all(_holds(claims, source, vector) for source, vector in enumerate((witness, self.parameters)))


def _holds(claims: Claims, source: int, vector: Words) -> bool:
    for claim in claims.on(source):
        total = ZERO
        for term in claim.terms:
            size = 1 << term.block.variables
            part = np.zeros(size, dtype=np.uint64)
            known = vector[term.block.offset : term.block.offset + size]
            part[: len(known)] = known
            total = total + multilinear.evaluate(part, term.point) * term.factor
        if total != claim.value:
            return False
    return True

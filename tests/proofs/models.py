"""Small graphs with random weights, their commitments, and provers that cheat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from tacit.errors import ProofError
from tacit.graph import FloatLayer, Graph, Linear, ReLU
from tacit.graph.fixed import Ints
from tacit.proofs.argument import prover
from tacit.proofs.argument.prover import Opened
from tacit.proofs.channel import Sender
from tacit.proofs.field import Words
from tacit.proofs.layers import digits
from tacit.proofs.layers.proving import Proving
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements import proving, statement
from tacit.proofs.statements.inference import Inference
from tacit.proofs.transcript import ProverTranscript
from tacit.proofs.values import Values

MODES = (0, 3)  # uses of the commitment: in clear, in zero knowledge


def dense(sizes: Sequence[int], seed: int = 0, *, fraction_bits: int = 8, weight_bits: int | None = None) -> Graph:
    """Linear layers of these sizes with ReLUs between."""
    rng = np.random.default_rng(seed)
    layers: list[FloatLayer] = []
    for inputs, outputs in pairwise(sizes):
        layers += [ReLU.of()] if layers else []
        layers.append(Linear.of(rng.normal(size=(outputs, inputs)), rng.normal(size=outputs)))
    return graph_of(layers, (sizes[0],), fraction_bits=fraction_bits, weight_bits=weight_bits)


def graph_of(layers: Sequence[FloatLayer], shape: tuple[int, ...], **options: int | None) -> Graph:
    options.setdefault("fraction_bits", 8)
    return Graph.build(layers, -1.0, 1.0, input_shape=shape, **options)  # type: ignore[arg-type]


def rows_for(graph: Graph, count: int, seed: int = 0) -> Ints:
    rng = np.random.default_rng(seed)
    low, high = graph.bounds["input"].low, graph.bounds["input"].high
    return rng.integers(low, high + 1, (count, *graph.input_shape))


def committed(graph: Graph, uses: int) -> CommittedModel:
    return CommittedModel.new(graph, uses=uses)


@lru_cache(maxsize=8)
def small(uses: int) -> CommittedModel:
    """A committed model that many tests share; its uses are counted, so zero-knowledge tests make their own copies."""
    return committed(dense([5, 4, 3]), uses)


def inference(model: CommittedModel, rows: Ints, outputs: Ints | None = None) -> Inference:
    return Inference(model.commitment, rows, model.graph.evaluate(rows) if outputs is None else outputs)


def accepted(claim: statement.Statement, proof: bytes) -> bool:
    """Whether the proof is accepted; any error but ProofError is the verifier's own."""
    try:
        statement.verify(claim, proof)
    except ProofError:
        return False
    return True


def honest(graph: Graph, rows: Ints, uses: int) -> bool:
    """Whether an honest proof of what the graph gives on the rows is accepted."""
    model = committed(graph, uses)
    claim = inference(model, rows)
    return accepted(inference(model, rows), proving.prove(claim, model))


def cheat(
    claim: statement.Statement, model: CommittedModel, rows: Ints, alter: Callable[[Words, Inference], None]
) -> bytes:
    """A proof of an inference from a witness that `alter` has changed, made by a prover that makes no checks."""
    assert isinstance(claim, Inference)
    values = Values(claim.planning.witness, {layer.name: layer for layer in model.graph.layers}, 8)
    values.tensors["input"] = rows
    claim.forward.evaluate(values)
    witness = values.vector()
    alter(witness, claim)
    return prove_with(claim, model, values, witness)


def prove_with(claim: Inference, model: CommittedModel, values: Values, witness: Words) -> bytes:
    transcript = ProverTranscript(claim.session(b""), claim.instance())
    transcript.absorb_zeros(claim.zeros())

    def converse(sender: Sender) -> None:
        conversation = Proving(sender, values, [witness, model.opened.values])
        claim.follow(conversation)
        digits.prove(conversation, claim.planning.witness)

    prover.prove(transcript, claim.core, converse, claim.sources(), [Opened(witness), model.opened])
    return transcript.proof()


def recount(witness: Words, claim: Inference) -> None:
    """Make the multiplicities right again, as far as the digits are digits."""
    plan = claim.planning.witness
    region = witness[: 1 << plan.region.variables]
    size = 1 << plan.digit_bits
    inside = region[region < size].astype(np.int64)
    start = plan.multiplicities.offset
    witness[start : start + size] = np.bincount(inside, minlength=size).astype(np.uint64)

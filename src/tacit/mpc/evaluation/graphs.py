"""A graph on shares: the parties know its skeleton and the shape of the input; weights, input and result are shared.

At most one party is corrupt. The result is within `drift.drifts` of the graph's own evaluation: one unit in the last
place for each rescaling, and what the layers that follow make of it. Rounds and bytes are those of the layers, one
after another; each layer's file has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tacit.errors import GraphError
from tacit.mpc.evaluation.chunks import rows_at_once
from tacit.mpc.evaluation.layer import SHARED
from tacit.mpc.evaluation.skeleton import Skeleton
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import concatenate
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.verification import verify


def evaluate(party: Party, skeleton: Skeleton, weights: Sequence[Arithmetic], x: Arithmetic) -> Protocol[Arithmetic]:
    """The output (rows, *output_shape), with f fractional bits.

    A large batch goes through in chunks (`rows_at_once`), one after another. In active mode what a chunk leaves to
    be verified is verified before the next; what the last one leaves is the caller's to verify, before anything is
    opened.

    Args:
        party: one of the three.
        skeleton: the public part of the graph.
        weights: shares of `weights_of(graph)`, in its order.
        x: a share of the encoded input (rows, *input_shape), f fractional bits, within the graph's range: the parties
            cannot see whether it is, and outside of it the result is without meaning.

    Raises:
        GraphError: weights or input are not of the skeleton's shapes.
    """
    _check(skeleton, weights, x)
    step = rows_at_once(skeleton, active=party.active)
    outputs = []
    for start in range(0, len(x), step):
        if start and party.active:
            yield from verify(party)
        outputs.append((yield from _evaluate(party, skeleton, weights, x[start : start + step])))
    return outputs[0] if len(outputs) == 1 else concatenate(outputs)


def _evaluate(party: Party, skeleton: Skeleton, weights: Sequence[Arithmetic], x: Arithmetic) -> Protocol[Arithmetic]:
    given = iter(weights)
    last = {number: reader for reader, step in enumerate(skeleton.steps, 1) for number in step.inputs}
    readers = [sum(step.inputs.count(number) for step in skeleton.steps) for number in range(len(skeleton.steps) + 1)]
    tensors = {0: Tensor(x, skeleton.input_bits, skeleton.input_bits)}
    for number, step in enumerate(skeleton.steps, 1):
        inputs = [tensors[i] for i in step.inputs]
        for i in set(step.inputs):
            if last[i] == number:
                del tensors[i]
        own = [next(given) for _ in step.weights]
        result = yield from SHARED[step.kind].evaluate(party, skeleton.fraction_bits, step, inputs, own)
        if readers[number] != 1:  # what several layers read, or nobody, is settled once and here
            result = yield from settle(party, result)
        tensors[number] = result
    return tensors[len(skeleton.steps)].value


def _check(skeleton: Skeleton, weights: Sequence[Arithmetic], x: Arithmetic) -> None:
    if x.shape[1:] != skeleton.input_shape or x.ndim != 1 + len(skeleton.input_shape) or not len(x):
        raise GraphError(f"the shared input has shape {x.shape}, not (rows, *{skeleton.input_shape})")
    shapes = tuple(each.shape for each in weights)
    if shapes != skeleton.weight_shapes:
        raise GraphError(f"the shared weights have shapes {shapes}, not {skeleton.weight_shapes}")

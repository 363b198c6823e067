"""A graph on shares: the parties know its skeleton and the shape of the input; weights, input and result are shared.

At most one party is corrupt. The result is within `drift.drifts` of the graph's own evaluation: one unit in the last
place for each rescaling, and what the layers that follow make of it. Rounds and bytes are those of the layers, one
after another; each layer's file has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tacit.errors import GraphError
from tacit.mpc.evaluation.layer import SHARED
from tacit.mpc.evaluation.skeleton import Skeleton
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.verification import verify

MOST_PENDING = 2**24  # words that may wait for verification after a layer; a word takes 48 bytes or so, until verified


def evaluate(party: Party, skeleton: Skeleton, weights: Sequence[Arithmetic], x: Arithmetic) -> Protocol[Arithmetic]:
    """The output (rows, *output_shape), with f fractional bits.

    In active mode what is pending is verified on the way where there is much of it, which keeps memory within bounds;
    the rest is left for the caller to verify before anything is opened.

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
        if party.active and party.pending.size > MOST_PENDING:
            yield from verify(party)
    return tensors[len(skeleton.steps)].value


def _check(skeleton: Skeleton, weights: Sequence[Arithmetic], x: Arithmetic) -> None:
    if x.shape[1:] != skeleton.input_shape or x.ndim != 1 + len(skeleton.input_shape) or not len(x):
        raise GraphError(f"the shared input has shape {x.shape}, not (rows, *{skeleton.input_shape})")
    shapes = tuple(each.shape for each in weights)
    if shapes != skeleton.weight_shapes:
        raise GraphError(f"the shared weights have shapes {shapes}, not {skeleton.weight_shapes}")

"""How far shares may be from the reference evaluator: one unit for each rescaling, and what layers make of it.

Each rescaling on shares is within one unit of rounding half up. The layers after it carry such a unit on: a row of
weights times it, and so on. From these bounds follow the bits that every tensor and accumulator may take on shares, a
little more than in the reference.
"""

from __future__ import annotations

from tacit.errors import GraphError
from tacit.graph import Graph
from tacit.graph.layers import INPUT
from tacit.mpc.evaluation.layer import SHARED, Drift, Input

LIMIT = 2**61


def drifts(graph: Graph) -> list[Drift]:
    """For each layer how far its accumulators go on shares, and how far its tensor may be from the reference.

    Of an arg max this says only that it is one of the classes: where two inputs are almost equal either may win.
    """
    known = {INPUT: Input(graph.input_shape, graph.bounds[INPUT].magnitude, 0)}
    found = []
    for layer in graph.layers:
        inputs, bound = [known[name] for name in layer.inputs], graph.accumulator_bounds[layer.name]
        drift = SHARED[layer.kind].drift(layer, graph.fraction_bits, inputs, bound)
        known[layer.name] = Input(graph.shapes[layer.name], graph.bounds[layer.name].magnitude, drift.output)
        found.append(drift)
    return found


def reaches(graph: Graph) -> list[tuple[int, int]]:
    """For each layer the largest absolute values of accumulators and tensor on shares; GraphError from 2^61 on."""
    found = []
    for layer, drift in zip(graph.layers, drifts(graph), strict=True):
        accumulator, output = drift.reach, graph.bounds[layer.name].magnitude + drift.output
        largest = max(accumulator, output)
        if largest >= LIMIT:
            raise GraphError(
                f"layer {layer}: on shares an accumulator could pass 2**{largest.bit_length() - 1}, and must stay below"
                " 2**61: build the graph with fewer fraction_bits, or narrow low and high"
            )
        found.append((accumulator, output))
    return found

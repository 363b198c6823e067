"""Evaluation of a graph's layers in order, and how many rows it takes at once.

A tensor is dropped after the last layer that reads it. What one row takes while it passes through is known from the
shapes alone, so the rows of a large batch go through in chunks that keep the memory within a bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from tacit.graph.fixed import Ints, Shape
from tacit.graph.layers import INPUT, Layer

CHUNK = 2**23  # int64 values that a chunk of rows may take while it is evaluated


def run(layers: Sequence[Layer], x: Ints, fraction_bits: int, *, keep: bool) -> dict[str, Ints]:
    """The tensors by name, rows first, for encoded rows x: all of them if `keep`, else the last layer's alone."""
    tensors = {INPUT: x}
    for layer, done in zip(layers, _last_reads(layers), strict=True):
        tensors[layer.name] = layer.evaluate([tensors[name] for name in layer.inputs], fraction_bits)
        for name in () if keep else done:
            del tensors[name]
    return tensors


def rows_at_once(layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> int:
    """How many rows may go together, at least one, so that the tensors alive at one time stay within CHUNK values."""
    alive = most = prod(shapes[INPUT])
    for layer, done in zip(layers, _last_reads(layers), strict=True):
        alive += prod(shapes[layer.name])
        most = max(most, alive + layer.scratch([shapes[name] for name in layer.inputs]))
        alive -= sum(prod(shapes[name]) for name in done)
    return max(1, CHUNK // most)


def _last_reads(layers: Sequence[Layer]) -> list[set[str]]:
    """For each layer the tensors that no later one reads."""
    last = {name: number for number, layer in enumerate(layers) for name in layer.inputs}
    return [{name for name in layer.inputs if last[name] == number} for number, layer in enumerate(layers)]

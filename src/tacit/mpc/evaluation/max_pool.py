"""MaxPool on shares: a tournament in every window, before the rescaling and the ReLU where that is cheaper.

The greatest of accumulators, divided and rectified, is the greatest of the divided and rectified: all three never
fall as a number rises. Before, comparisons are on more bits; after, every element of the input has been divided and
rectified, not only the winners.

Rounds and bytes: `functions.maximum_along` of kh kw numbers for each window, and `tensor.settle` before or after.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tacit.graph import Layer
from tacit.graph.fixed import Shape
from tacit.graph.layers.windows import Pair, windows
from tacit.mpc.evaluation.layer import WORDS, Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import plus
from tacit.mpc.functions.maximum import maximum_along
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Words

COMPARISON = 4  # bits sent for each bit of two numbers that are compared, about
RESCALING = 80  # bits sent by the busiest party for a number that is divided
CHOICE = 128  # bits sent for a comparison's result as a number, and for the product with it


@shared("max_pool")
class SharedMaxPool(SharedLayer):
    """(rows, channels, height, width) to (rows, channels, rows of windows, columns of windows)."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The greatest of each window, exactly."""
        size, stride, padding = window(step)
        x = inputs[0]
        places = prod(windows(x.value.own[:1], size, stride, padding, 0).shape[1:4])
        if not is_cheaper_before(x, prod(x.value.shape[1:]), places, prod(size)):
            x = yield from settle(party, x)
        value = _padded(party, x.value, padding, -(1 << (x.bits - 1)))
        groups = value.map(lambda words: _by_place(words, size, stride))
        return x.having((yield from maximum_along(party, groups, x.bits)))

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """Of a difference twice that of the input."""
        return Drift(bound + 2 * inputs[0].drift, inputs[0].drift)

    def words(self, step: Step, before: Shape, after: Shape) -> int:
        """All windows, and what their comparisons take."""
        return WORDS * prod(window(step)[0]) * prod(after)


def window(step: Step) -> tuple[Pair, Pair, Pair]:
    """A pool's size, stride and padding."""
    return step.pair("size"), step.pair("stride"), step.pair("padding")


def is_cheaper_before(x: Tensor, elements: int, places: int, size: int) -> bool:
    """Whether fewer bytes are sent if the greatest of `size` numbers at each place is found before x is settled."""
    more = places * (size - 1) * COMPARISON * (x.bits - x.settled_bits)
    each = (RESCALING if x.shift else 0) + (COMPARISON * x.bits + CHOICE if x.rectified else 0)
    return more < (elements - places) * each


def _padded(party: Party, x: Arithmetic, padding: Pair, least: int) -> Arithmetic:
    """With `least` around: that never wins."""
    if padding == (0, 0):
        return x
    edges = [(0, 0), (0, 0), *((p, p) for p in padding)]
    outside = np.pad(np.zeros(x.shape[2:], dtype=np.uint64), edges[2:], constant_values=np.uint64(least % 2**64))
    return plus(party, x.map(lambda words: np.pad(words, edges)), outside)


def _by_place(words: Words, size: Pair, stride: Pair) -> Words:
    """(size, rows, channels, rows of windows, columns of windows): the elements of the windows by their place in it."""
    view = windows(words, size, stride, (0, 0), 0)
    rows, columns = view.shape[2:4]
    parts = [
        words[:, :, i : i + rows * stride[0] : stride[0], j : j + columns * stride[1] : stride[1]]
        for i in range(size[0])
        for j in range(size[1])
    ]
    return np.stack([part[:, :, :rows, :columns] for part in parts])

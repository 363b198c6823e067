"""Windows that slide over rows and columns, as sums with known weights.

For one axis, a window place k of a window that begins at r * stride - padding reads entry h = r * stride + k - padding.
At a random point tau of the windows' axis, entry h counts in the sums of place k with

    w_k[h] = sum over r of eq(tau, r) [h = r * stride + k - padding],     0 <= h < size, 0 <= r < windows,

whose extension at a point is a sum over r of two equalities. Two axes are a product of such weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.fixed import Shape
from tacit.proofs import field
from tacit.proofs.argument.claims import Point
from tacit.proofs.channel import Value
from tacit.proofs.field import ONE, ZERO, Element, Words
from tacit.proofs.layers.layer import ProvableLayer
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.multilinear import equality_table
from tacit.proofs.tensors import Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving

MOST_READ = 2**20  # entries of an axis, by all windows together: a verifier goes through them one by one

Pair = tuple[int, int]
Product = Callable[[Words, Words], Words]
Weight = Callable[[Point, Point], Element]


@dataclass(frozen=True)
class Sliding:
    """One axis: windows of `width` places over `size` entries."""

    size: int
    windows: int
    width: int
    stride: int
    padding: int

    def table(self, tau: Point, variables: int) -> Words:
        """w_k[h] as (width, 2^variables, 2)."""
        weights = equality_table(tau)
        result = np.zeros((self.width, 1 << variables, 2), dtype=np.uint64)
        for place in range(self.width):
            for window, entry in self._read(place):
                result[place, entry] = weights[window]
        return result

    def values(self, tau: Point, at: Point) -> list[Element]:
        """The extension of each w_k at a point of the entries' axis."""
        windows, entries = (field.to_elements(equality_table(point)) for point in (tau, at))
        return [
            sum((windows[window] * entries[entry] for window, entry in self._read(place)), ZERO)
            for place in range(self.width)
        ]

    def inside(self, tau: Point) -> list[Element]:
        """For each place, the extension at tau of: this window's place lies inside the entries."""
        windows = field.to_elements(equality_table(tau))
        return [sum((windows[window] for window, _ in self._read(place)), ZERO) for place in range(self.width)]

    def _read(self, place: int) -> list[tuple[int, int]]:
        found = ((window, window * self.stride + place - self.padding) for window in range(self.windows))
        return [(window, entry) for window, entry in found if 0 <= entry < self.size]


def outer(rows: Words, columns: Words, multiply: Product) -> Words:
    """rows[h] * columns[w] as a table (height * width, 2), for (height, 2) and (width, 2)."""
    left, right = np.repeat(rows, len(columns), axis=0), np.tile(columns, (len(rows), 1))
    return multiply(left, right)


def of_layer(layer: ProvableLayer, shape: Shape, size: Pair, stride: Pair, padding: Pair) -> tuple[Sliding, Sliding]:
    """The rows' and the columns' windows over a tensor (channels, height, width); ProofError where they do not fit."""
    if len(shape) != 3 or min(stride) < 1:
        raise layer.unfit(f"windows slide over (channels, height, width), not over {shape}")
    axes = []
    for side, width, step, pad in zip(shape[1:], size, stride, padding, strict=True):
        room = side + 2 * pad - width
        if room < 0 or not 0 <= pad < width:
            raise layer.unfit(f"windows of {size} with padding {padding} do not fit {shape}")
        count = room // step + 1
        if max(side, count * width) > MOST_READ:
            raise layer.unfit(f"windows of {size} over {shape} read more than {MOST_READ} entries of an axis")
        axes.append(Sliding(side, count, width, step, pad))
    return axes[0], axes[1]


def verify_sum(verifying: Verifying, x: Tensor, prefix: Point, total: Value, weight: Weight, check: str) -> None:
    """Check that sum over h, w of x(prefix, h, w) * weight(h, w) is the total. weight: its extension at two points."""
    height, width = x.axes.each[-2:]
    at, value = verifying.sumcheck(total, height + width, 2)
    entry = verifying.evaluation(x.at(prefix + at), check)
    verifying.receiver.require_zero(verifying.product(entry, weight(at[:height], at[height:])) - value, check)


def prove_sum(proving: Proving, x: Tensor, prefix: Point, weights: Words) -> None:
    """What `verify_sum` reads; weights: a table (height * width, 2)."""
    entries = proving.fold_leading(proving.table(x), prefix)
    at, _ = proving.sumcheck([(ONE, (0, 1))], [entries, weights])
    proving.evaluation(x.at(prefix + at))

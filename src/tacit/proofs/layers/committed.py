"""Tensors that a layer commits to, and their two forms.

*Offset*: y + 2^bits is in [0, 2^(bits+1)). *Split*: y = positive - negative, both in [0, 2^bits), and their product is
zero at every entry, so they are max(y, 0) and max(-y, 0), for y = 0 too. A ReLU behind a split tensor costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.fixed import Ints, Shape
from tacit.proofs.field import ZERO
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.plan import MOST_DIGIT_BITS
from tacit.proofs.tensors import Axes, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

SPLITTERS = frozenset({"relu"})  # kinds of layers that need their input split
MOST_BITS = 62  # that an accumulator may have


def signed(planner: Planner, name: str, shape: Shape, axes: Axes, bits: int, *, factor_bits: int = 0) -> Tensor:
    """A new tensor of values below 2^bits in size, split where a layer that reads it needs that.

    factor_bits: how many more bits the relation has that fixes the values. Ranges are rounded up to whole digits where
    neither that relation nor an accumulator of a layer that reads them (`planner.growth`) could pass 2^62 by it.
    """
    if SPLITTERS.intersection(planner.readers(name)):
        return split(planner, name, shape, axes, bits, factor_bits=factor_bits)
    exact = bits + 1 + MOST_DIGIT_BITS + max(factor_bits, planner.growth) > MOST_BITS
    parts = planner.limbs(f"{name}/value", axes, bits + 1, exact=exact)
    least = -(1 << bits)
    return Tensor(shape, axes, parts, constant=least, ends=(least, least + most(bits + 1, exact=exact)))


def split(planner: Planner, name: str, shape: Shape, axes: Axes, bits: int, *, factor_bits: int = 0) -> Tensor:
    """A new tensor as the difference of its positive and negative parts."""
    exact = bits + MOST_DIGIT_BITS + max(factor_bits, planner.growth) > MOST_BITS
    width = max(bits, 1)
    end = most(width, exact=exact)
    positive = Tensor(shape, axes, planner.limbs(f"{name}/positive", axes, width, exact=exact), ends=(0, end))
    negative = Tensor(shape, axes, planner.limbs(f"{name}/negative", axes, width, exact=exact), ends=(0, end))
    minus = tuple(-part for part in negative.parts)
    return Tensor(shape, axes, positive.parts + minus, positive=positive, negative=negative, ends=(-end, end))


def most(width: int, *, exact: bool) -> int:
    """What limbs of a width stay under: whole digits may add all but one of a digit's bits."""
    return 1 << (width if exact else width + MOST_DIGIT_BITS - 1)


def put(values: Values, name: str, tensor: Tensor, integers: Ints, bits: int) -> None:
    """The limbs of a tensor that `signed` or `split` made."""
    if tensor.positive is None:
        values.put(f"{name}/value", integers + (1 << bits))
    else:
        values.put(f"{name}/positive", np.maximum(integers, 0))
        values.put(f"{name}/negative", np.maximum(-integers, 0))


def verify_split(verifying: Verifying, tensor: Tensor, name: str) -> None:
    """Check that one of the two parts is zero at every entry: a sumcheck of eq(tau, x) positive(x) negative(x)."""
    if tensor.positive is None or tensor.negative is None:
        return
    check = f"layer {name!r}: signs"
    point, value = verifying.weighted(ZERO, verifying.point(tensor.axes.variables))
    positive = verifying.evaluation(tensor.positive.at(point), check)
    negative = verifying.evaluation(tensor.negative.at(point), check)
    verifying.receiver.require_zero(verifying.product(positive, negative) - value, check)


def prove_split(proving: Proving, tensor: Tensor) -> None:
    """What `verify_split` reads."""
    if tensor.positive is None or tensor.negative is None:
        return
    tau = proving.point(tensor.axes.variables)
    pair = proving.table(tensor.positive), proving.table(tensor.negative)
    point, _ = proving.weighted(ZERO, tau, [pair])
    proving.evaluation(tensor.positive.at(point))
    proving.evaluation(tensor.negative.at(point))

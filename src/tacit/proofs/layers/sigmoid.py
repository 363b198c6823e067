"""Sigmoid and Tanh: the sigmoid's table, of x and of 2x."""

from __future__ import annotations

from typing import ClassVar

from tacit.proofs.layers.layer import provable
from tacit.proofs.layers.pieces import SmoothLayer


@provable("sigmoid")
class Sigmoid(SmoothLayer):
    """y = rescale(acc(x), 2f)."""


@provable("tanh")
class Tanh(SmoothLayer):
    """y = rescale(acc(2x), 2f - 1) - 2^f."""

    scale: ClassVar[int] = 2
    lower_bits: ClassVar[int] = 1
    shift: ClassVar[int] = 1

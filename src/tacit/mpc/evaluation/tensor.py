"""A shared tensor on its way through a graph, which may not have been rescaled yet.

A ReLU, a pool and a reshape commute with rescaling, so what a linear layer makes stays an accumulator until a layer
reads it that needs the tensor itself: a ReLU then costs a comparison beside the division, and a pool leaves fewer
numbers to divide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.relu import relu, relu_rescaled
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import truncate


@dataclass(frozen=True)
class Tensor:
    """What stands for the tensor max(value, 0) / 2^shift if `rectified`, else value / 2^shift, (rows, ...).

    bits, settled_bits: k of the bound -2^(k-1) <= x < 2^(k-1), of the value and of the tensor.
    """

    value: Arithmetic
    bits: int
    settled_bits: int
    shift: int = 0
    rectified: bool = False

    @property
    def settled(self) -> bool:
        """Whether the value is the tensor."""
        return self.shift == 0 and not self.rectified

    def having(self, value: Arithmetic) -> Tensor:
        """The same with another value: for what commutes with rescaling and ReLU."""
        return replace(self, value=value)


def settle(party: Party, x: Tensor) -> Protocol[Tensor]:
    """The tensor itself: no message if it is there already, else a rescaling, a ReLU or both side by side."""
    if x.settled:
        return x
    if not x.rectified:
        value = yield from truncate(party, x.value, x.shift)
    elif x.shift:
        value = yield from relu_rescaled(party, x.value, x.shift, x.bits)
    else:
        value = yield from relu(party, x.value, x.bits)
    return Tensor(value, x.settled_bits, x.settled_bits)

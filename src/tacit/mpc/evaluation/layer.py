"""What a layer is on shares, and the one decorator that registers it for a kind of graph layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tacit.graph import Layer
from tacit.graph.fixed import Shape
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic

TABLE_WORDS = 100  # for each element that is looked up in a table
WORDS = 6  # for each element that is compared, chosen and divided: about what these protocols take
SHARED: dict[str, SharedLayer] = {}
_EXACT = 2.0**52  # below it no float of a whole number has been rounded
_C = TypeVar("_C", bound="type[SharedLayer]")


@dataclass(frozen=True)
class Drift:
    """What shares may do that the reference evaluator does not.

    reach: the largest absolute value of any accumulator of the layer on shares. output: how far its tensor may be from
    the reference, in units in the last place.
    """

    reach: int
    output: int


@dataclass(frozen=True)
class Input:
    """What is known of an input: shape, largest absolute value in the reference, and how far shares may be from it."""

    shape: Shape
    magnitude: int
    drift: int


class SharedLayer(ABC):
    """One kind of layer on shares."""

    @abstractmethod
    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The layer's tensor, rows first, from its inputs and its shared weights."""

    @abstractmethod
    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """How far the layer's results may be from those of the reference evaluator, on its inputs.

        bound: the largest absolute value of the layer's accumulators in the reference.
        """

    def words(self, step: Step, before: Shape, after: Shape) -> int:
        """About how many words of a share one row of the first input and of the output makes the layer take."""
        return WORDS * prod(after)


def shared(kind: str) -> Callable[[_C], _C]:
    """Registers a class for the graph's layers of this kind."""

    def register(cls: _C) -> _C:
        if kind in SHARED:
            raise ValueError(f"two classes on shares for layers of kind {kind!r}")
        SHARED[kind] = cls()
        return cls

    return register


def rescaled(bound: int, excess: int, bits: int) -> Drift:
    """Of an accumulator within the bound that may be off by so much and is rescaled: the division adds one unit."""
    return Drift(bound + excess, -(-excess >> bits) + 1)


def above(sums: npt.NDArray[np.float64]) -> int:
    """A whole number that the largest of these sums of whole numbers does not pass, tight where floats are exact."""
    largest = float(sums.max())
    return int(largest) if largest < _EXACT else int(np.ceil(largest * (1 + 2.0**-28)))

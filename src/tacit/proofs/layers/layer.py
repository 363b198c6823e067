"""What a provable layer is: a file, a class under `@provable(kind)`, and these methods.

It is made on both sides from what is public. `verify` reads messages and leaves claims; `prove` sends those messages;
`evaluate` computes the layer and the limbs that it committed to. No method imports a prover: what proving needs comes
with the `Proving` that is passed in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from tacit.errors import ProofError
from tacit.graph.fixed import Shape
from tacit.proofs.architecture import Step
from tacit.proofs.argument.claims import Block
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Axes, Part, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

PROVABLE: dict[str, type[ProvableLayer]] = {}

_L = TypeVar("_L", bound="type[ProvableLayer]")


class Planner(Protocol):
    """What a layer may ask for while a statement is planned."""

    fraction_bits: int
    growth: int  # by how many bits an accumulator may be over the tensor that it is of (`Architecture.growth`)

    def limbs(self, name: str, axes: Axes, width: int, *, exact: bool) -> tuple[Part, ...]:
        """Integers in [0, 2^width), or up to the next multiple of a digit's bits, to be committed."""

    def column(self, name: str, axes: Axes) -> Block:
        """A block of field elements to be committed, which the layer's own relations must fix."""

    def parameter(self, layer: str, name: str, axes: Axes) -> Block:
        """Where a parameter lies in the committed model."""

    def bits(self, name: str) -> int:
        """How many bits the values of a tensor have: each is below 2^bits in size."""

    def readers(self, name: str) -> Sequence[str]:
        """The kinds of the layers that read a tensor."""


class ProvableLayer(ABC):
    """One layer of one statement; `output` is its tensor."""

    kind: ClassVar[str]
    arity: ClassVar[int] = 1  # inputs
    output: Tensor

    def __init__(self, step: Step, inputs: Sequence[Tensor], planner: Planner) -> None:
        self.step, self.inputs = step, inputs
        if len(inputs) != self.arity:
            raise self.unfit(f"it takes {self.arity} tensors, not {len(inputs)}")
        self.plan(planner)

    @abstractmethod
    def plan(self, planner: Planner) -> None:
        """Check the step against the inputs' shapes, ask for limbs, and set `output`."""

    @abstractmethod
    def verify(self, verifying: Verifying) -> None:
        """Check the layer, up to claims."""

    @abstractmethod
    def evaluate(self, values: Values) -> None:
        """Compute the output's integers and all limbs from the inputs' integers."""

    @abstractmethod
    def prove(self, proving: Proving) -> None:
        """Send what `verify` reads."""

    def reach(self) -> int:
        """What no accumulator passes in size, whatever parameters are within their bits, and inputs within their ends.

        The output counts, where nothing is committed; 0 where there is no accumulator.
        """
        return 0

    def unsound(self) -> int:
        """Bad values of the layer's own lookups (`lookup.verifier.unsound`), and of challenges with more than 3."""
        return 0

    def unfit(self, why: str) -> ProofError:
        """The error for a step that does not fit."""
        return unfit(self.step, why)


def unfit(step: Step, why: str) -> ProofError:
    """The error for a step that does not fit."""
    return ProofError(f"layer {step.name!r} ({step.kind}) cannot be proved: {why}")


def provable(kind: str) -> Callable[[_L], _L]:
    """Registers a class as the proofs of this kind of layer."""

    def register(cls: _L) -> _L:
        if kind in PROVABLE:
            raise ValueError(f"two provable layers of kind {kind!r}")
        cls.kind = kind
        PROVABLE[kind] = cls
        return cls

    return register


def class_of(step: Step) -> type[ProvableLayer]:
    """The class for a step; ProofError where its kind cannot be proved."""
    found = PROVABLE.get(step.kind)
    if found is None:
        known = ", ".join(sorted(PROVABLE))
        raise ProofError(f"layer {step.name!r} ({step.kind}) cannot be proved; layers that can: {known}")
    return found


def row(axes: Axes) -> Shape:
    """The axes' sizes without the batch."""
    return axes.sizes[1:]

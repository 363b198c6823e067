"""Where everything lies: the committed parts of a statement's witness, and the model's parameters.

Both sides make the same plan from what is public. The layers ask for *limbs*: a tensor of integers in [0, 2^width),
committed as digits of c bits, each a block of its own, all in one region of the witness that one lookup shows to be
digits. A digit narrower than c bits is committed a second time, moved up to the top of c bits, which must be a digit
too. Whoever can bear a range up to the next multiple of c asks for `exact=False` and saves that.

A *column* is a block of any field elements, whose values a layer's relations fix, or a lookup of its own.

Blocks lie in order of their size, the largest first, so each is aligned to its size: the digits, how often each digit
is there, then the columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tacit.errors import ProofError
from tacit.graph.layers import INPUT
from tacit.proofs.architecture import Architecture
from tacit.proofs.argument.claims import Block
from tacit.proofs.argument.verifier import WITNESS
from tacit.proofs.commitment.parameters import MOST_VALUES
from tacit.proofs.tensors import Axes, Part

T = TypeVar("T")

MODEL = 1  # the source that holds the parameters

LEAST_DIGIT_BITS, MOST_DIGIT_BITS = 4, 16
MOST_WIDTH = 62  # bits of limbs: sums of a few stay below the field's modulus


@dataclass(frozen=True)
class Limbs:
    """Integers in [0, 2^width) with the axes given. width: as asked for, or the next multiple of a digit's bits."""

    name: str
    axes: Axes
    width: int
    exact: bool


@dataclass(frozen=True)
class Digit:
    """One digit of a limb tensor: its block, its bits, how far up it counts; and the block of it moved up, if any."""

    block: Block
    bits: int
    place: int
    moved: Block | None


class Witness:
    """What a statement asks to be committed, and, once `close`d, where it lies."""

    def __init__(self) -> None:
        self._asked: dict[str, Limbs] = {}
        self._columns: dict[str, Axes] = {}
        self._digits: dict[str, list[Digit]] = {}
        self._placed: dict[str, Block] = {}
        self.digit_bits = 0
        self.values = 0  # of the whole witness
        self.region = Block(WITNESS, 0, 0)
        self.multiplicities = Block(WITNESS, 0, 0)

    def ask(self, limbs: Limbs) -> None:
        """Ask for limbs; ProofError where the name is taken, or they could pass 2^62, and so the field's modulus.

        A range that would pass it when it is rounded up to whole digits is exact, whatever was asked for.
        """
        if not 1 <= limbs.width <= MOST_WIDTH:
            raise ProofError(f"{limbs.name}: {limbs.width} bits are needed, and at most {MOST_WIDTH} can be proved")
        if limbs.width + MOST_DIGIT_BITS - 1 > MOST_WIDTH:
            limbs = replace(limbs, exact=True)
        if limbs.name in self._asked:
            raise ProofError(f"two layers have limbs of the name {limbs.name!r}: name them apart")
        self._asked[limbs.name] = limbs

    def ask_column(self, name: str, axes: Axes) -> None:
        """Ask for a column. ProofError where the name is taken."""
        if name in self._columns:
            raise ProofError(f"two layers have a column of the name {name!r}: name them apart")
        self._columns[name] = axes

    def close(self) -> None:
        """Choose the digits' bits, and place all blocks. ProofError where the statement is too large."""
        choices = range(LEAST_DIGIT_BITS, MOST_DIGIT_BITS + 1)
        self.digit_bits = min(choices, key=lambda bits: self._entries(bits) + 2 * 2**bits)
        if self._entries(self.digit_bits) > MOST_VALUES // 4:
            raise ProofError(f"the statement has {self._entries(self.digit_bits)} digits to prove: too many")
        placed: dict[str, list[Block]] = {name: [] for name in self._asked}
        offset = 0
        for limbs in sorted(self._asked.values(), key=lambda limbs: -limbs.axes.variables):
            for _ in range(_blocks(limbs, self.digit_bits)):
                placed[limbs.name].append(Block(WITNESS, offset, limbs.axes.variables))
                offset += 1 << limbs.axes.variables
        self._digits = {name: self._place(limbs, placed[name]) for name, limbs in self._asked.items()}
        self.region = Block(WITNESS, 0, (max(offset, 1) - 1).bit_length())
        start = max(1 << self.region.variables, 1 << self.digit_bits)
        self.multiplicities = Block(WITNESS, start, self.digit_bits)
        self.values = start + (1 << self.digit_bits)
        for name, axes in sorted(self._columns.items(), key=lambda item: -item[1].variables):
            offset = -(-self.values >> axes.variables) << axes.variables
            self._placed[name] = Block(WITNESS, offset, axes.variables)
            self.values = offset + (1 << axes.variables)
        if self.values > MOST_VALUES // 4:
            raise ProofError(f"the statement has {self.values} values to commit to: too many")

    def limbs(self) -> list[Limbs]:
        """All that was asked for."""
        return list(self._asked.values())

    def columns(self) -> dict[str, Block]:
        """The block of every column."""
        return self._placed

    def digits(self, name: str) -> list[Digit]:
        """The digits of these limbs, the lowest first."""
        return self._digits[name]

    def parts(self, name: str) -> tuple[Part, ...]:
        """The limbs' integers, as a sum over digits."""
        return tuple(Part(1 << digit.place, digit.block) for digit in self._digits[name])

    def width(self, name: str) -> int:
        """How many bits the limbs' integers have, as proven."""
        return sum(digit.bits for digit in self._digits[name])

    def _entries(self, bits: int) -> int:
        return sum(_blocks(limbs, bits) << limbs.axes.variables for limbs in self._asked.values())

    def _place(self, limbs: Limbs, blocks: list[Block]) -> list[Digit]:
        bits = self.digit_bits
        whole, rest = divmod(limbs.width, bits)
        digits = [Digit(blocks[i], bits, i * bits, None) for i in range(whole)]
        if rest and limbs.exact:
            digits.append(Digit(blocks[whole], rest, whole * bits, blocks[whole + 1]))
        elif rest:
            digits.append(Digit(blocks[whole], bits, whole * bits, None))
        return digits


def _blocks(limbs: Limbs, bits: int) -> int:
    whole, rest = divmod(limbs.width, bits)
    return whole + ((2 if limbs.exact else 1) if rest else 0)


class Parameters:
    """The parameters of a model, and once `close`d, where each lies in its committed vector."""

    def __init__(self) -> None:
        self.axes: dict[tuple[str, str], Axes] = {}
        self.blocks: dict[tuple[str, str], Block] = {}
        self.values = 0

    def close(self) -> None:
        """Place the blocks: the largest first, in the order of the architecture among equals."""
        for key in sorted(self.axes, key=lambda key: -self.axes[key].variables):
            self.blocks[key] = Block(MODEL, self.values, self.axes[key].variables)
            self.values += 1 << self.axes[key].variables


class Planning:
    """The planner that layers ask: everything is built twice, once to hear what is asked for, once knowing where it is.

    A layer's tensors have no parts the first time.
    """

    def __init__(self, architecture: Architecture | None = None) -> None:
        self.fraction_bits = architecture.fraction_bits if architecture else 0
        self.growth = architecture.growth if architecture else 0
        self.witness = Witness()
        self.parameters = Parameters()
        self._steps = architecture.steps if architecture else ()
        self._bits = {step.name: step.bits for step in self._steps}
        if architecture:
            self._bits[INPUT] = int(max(abs(architecture.low).max(), abs(architecture.high).max())).bit_length()
        self._twice = False

    def twice(self, build: Callable[[], T]) -> T:
        """What `build` gives when it is called the second time."""
        build()
        self.witness.close()
        self.parameters.close()
        self._twice = True
        return build()

    def limbs(self, name: str, axes: Axes, width: int, *, exact: bool) -> tuple[Part, ...]:
        """The parts of limbs; see `layers.layer.Planner`."""
        if self._twice:
            return self.witness.parts(name)
        self.witness.ask(Limbs(name, axes, width, exact))
        return ()

    def column(self, name: str, axes: Axes) -> Block:
        """The block of a column."""
        if self._twice:
            return self.witness.columns()[name]
        self.witness.ask_column(name, axes)
        return Block(WITNESS, 0, axes.variables)

    def parameter(self, layer: str, name: str, axes: Axes) -> Block:
        """The block of a parameter."""
        if self._twice:
            return self.parameters.blocks[layer, name]
        self.parameters.axes[layer, name] = axes
        return Block(MODEL, 0, axes.variables)

    def bits(self, name: str) -> int:
        """The bits of a tensor's values."""
        return self._bits[name]

    def readers(self, name: str) -> list[str]:
        """The kinds of the layers that read a tensor."""
        return [step.kind for step in self._steps if name in step.inputs]

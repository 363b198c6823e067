"""Where committed things lie: blocks are aligned, apart, and the same on both sides."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.proofs.argument.claims import Block
from tacit.proofs.plan import Limbs, Parameters, Witness
from tacit.proofs.tensors import Axes

LIMBS = st.lists(
    st.tuples(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 44), st.booleans()),
    min_size=1,
    max_size=6,
)


def planned(asked: list[tuple[list[int], int, bool]], columns: int = 0) -> Witness:
    witness = Witness()
    for number, (sizes, width, exact) in enumerate(asked):
        witness.ask(Limbs(str(number), Axes(tuple(sizes)), width, exact))
    for number in range(columns):
        witness.ask_column(str(number), Axes((3**number,)))
    witness.close()
    return witness


def apart(blocks: list[Block]) -> bool:
    spans = sorted((block.offset, block.offset + (1 << block.variables)) for block in blocks)
    return all(end <= start for (_, end), (start, _) in pairwise(spans))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(asked=LIMBS, columns=st.integers(0, 3))
def test_blocks_are_aligned_and_apart_and_digits_lie_in_their_region(
    asked: list[tuple[list[int], int, bool]], columns: int
) -> None:
    witness = planned(asked, columns)
    digits = [digit for limbs in witness.limbs() for digit in witness.digits(limbs.name)]
    in_region = [digit.block for digit in digits] + [digit.moved for digit in digits if digit.moved]
    blocks = [*in_region, witness.multiplicities, *witness.columns().values()]
    assert apart(blocks)
    assert apart([witness.region, witness.multiplicities, *witness.columns().values()])
    assert all(block.offset % (1 << block.variables) == 0 for block in blocks)
    assert all(block.offset + (1 << block.variables) <= 1 << witness.region.variables for block in in_region)
    assert witness.values == max(block.offset + (1 << block.variables) for block in blocks)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(asked=LIMBS)
def test_digits_make_up_just_the_width_that_was_asked_for_or_less_than_a_digit_more(
    asked: list[tuple[list[int], int, bool]],
) -> None:
    witness = planned(asked)
    for number, (_, width, exact) in enumerate(asked):
        digits = witness.digits(str(number))
        found = witness.width(str(number))
        assert found == width if exact else width <= found < width + witness.digit_bits
        assert [digit.place for digit in digits] == [sum(d.bits for d in digits[:i]) for i in range(len(digits))]
        assert all((digit.moved is None) == (digit.bits == witness.digit_bits) for digit in digits)


@pytest.mark.parametrize("width", [51, 57, 62])
def test_ranges_near_the_modulus_are_never_rounded_up(width: int) -> None:
    witness = planned([([3], width, False), ([2**12], 16, True)])
    assert width % witness.digit_bits
    assert witness.width("0") == width


@pytest.mark.parametrize("width", [0, 63, 64])
def test_ranges_that_could_wrap_are_refused(width: int) -> None:
    with pytest.raises(ProofError, match="at most 62"):
        Witness().ask(Limbs("a", Axes((2,)), width, False))


def test_what_is_asked_for_twice_or_is_too_large_is_refused() -> None:
    witness = Witness()
    witness.ask(Limbs("a", Axes((2,)), 3, True))
    with pytest.raises(ProofError, match="name them apart"):
        witness.ask(Limbs("a", Axes((2,)), 3, True))
    witness.ask_column("a", Axes((2,)))
    with pytest.raises(ProofError, match="name them apart"):
        witness.ask_column("a", Axes((2,)))
    with pytest.raises(ProofError, match="too many"):
        planned([([2**24], 40, True)])
    large = Witness()
    large.ask_column("a", Axes((2**27,)))
    with pytest.raises(ProofError, match="too many"):
        large.close()


def test_parameters_lie_one_after_another_the_largest_first() -> None:
    parameters = Parameters()
    parameters.axes = {("a", "bias"): Axes((3,)), ("a", "weight"): Axes((3, 5)), ("b", "weight"): Axes((2, 3))}
    parameters.close()
    assert parameters.blocks["a", "weight"] == Block(1, 0, 5)
    assert parameters.blocks["b", "weight"] == Block(1, 32, 3)
    assert parameters.blocks["a", "bias"] == Block(1, 40, 2)
    assert parameters.values == 44

"""Field operations on words that are not canonical, which random canonical operands reach once in 2^32 times."""

from itertools import product

import numba
import numpy as np
import pytest

from tacit.kernels import goldilocks_lanes as field
from tacit.kernels import lanes
from tacit.kernels.arrays import address

P = field.MODULUS
ANY = sorted(
    {0, 1, 2, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**33 - 1, 2**48, 2**63 - 1, 2**63, 2**64 - 2**33}
    | {2**64 - 2**33 + 1, P - 2, P - 1, P, P + 1, P + 2**31, 2**64 - 2, 2**64 - 1}
)
BOUNDED = [word for word in ANY if word <= P]


def results(operation, operands: list[tuple[int, ...]], lanes_at_once: int) -> list[int]:
    """What an operation gives on each tuple of operands, computed on vectors of so many lanes."""
    arity = len(operands[0])
    padded = operands + [operands[0]] * (-len(operands) % lanes_at_once)
    columns = np.array(padded, dtype=np.uint64).T.copy()
    out = np.zeros(len(padded), dtype=np.uint64)
    stride = 8 * len(padded)

    @lanes.emitted(lanes.address_type, lanes.address_type)
    def write(builder, target, first):
        kind = lanes.vector(lanes_at_once)
        values = [lanes.load(builder, first, kind, offset=stride * i) for i in range(arity)]
        lanes.store(builder, operation(builder, *values), target)

    @numba.njit
    def run(target, first, count):
        for i in range(0, count, lanes_at_once):
            write(target + 8 * i, first + 8 * i)

    run(address(out), address(columns), len(padded))
    return out[: len(operands)].tolist()


CASES = {
    "multiply": (field.multiply, (ANY, ANY), lambda x, y: x * y, False),
    "reduce": (field.reduce, (ANY, ANY), lambda low, high: low + 2**64 * high, False),
    "add_bounded": (field.add_bounded, (ANY, BOUNDED), lambda x, y: x + y, False),
    "subtract_bounded": (field.subtract_bounded, (ANY, BOUNDED), lambda x, y: x - y, False),
    "times_fourth_root": (field.times_fourth_root, (ANY,), lambda x: x * 2**48, False),
    "canonical": (field.canonical, (ANY,), lambda x: x, True),
    "add": (field.add, (ANY, ANY), lambda x, y: x + y, False),
    "subtract": (field.subtract, (ANY, ANY), lambda x, y: x - y, False),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("lanes_at_once", [1, 8])
def test_every_operand_at_the_edges(name, lanes_at_once):
    operation, kinds, expected, is_canonical = CASES[name]
    operands = list(product(*kinds))
    for operand, result in zip(operands, results(operation, operands, lanes_at_once), strict=True):
        assert result % P == expected(*operand) % P, operand
        assert result < P or not is_canonical, operand


def test_random_words():
    rng = np.random.default_rng(0)
    operands = [tuple(pair) for pair in rng.integers(0, 2**64 - 1, (4000, 2), dtype=np.uint64, endpoint=True).tolist()]
    assert [word % P for word in results(field.multiply, operands, 8)] == [x * y % P for x, y in operands]

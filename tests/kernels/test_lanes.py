"""The pieces of LLVM that the kernels are written with."""

import numba
import numpy as np
import pytest

from tacit.kernels import lanes
from tacit.kernels.arrays import address


@pytest.mark.parametrize(("count", "bits"), [(2, 64), (4, 64), (8, 64), (8, 32), (16, 32)])
def test_transposed(count, bits):
    width = count * bits // 8

    @lanes.emitted(lanes.address_type, lanes.address_type)
    def write(builder, out, rows):
        kind = lanes.vector(count, bits)
        loaded = [lanes.load(builder, rows, kind, offset=width * i) for i in range(count)]
        for i, column in enumerate(lanes.transposed(builder, loaded)):
            lanes.store(builder, column, out, offset=width * i)

    @numba.njit
    def run(out, rows):
        write(out, rows)

    matrix = np.arange(count * count, dtype=f"u{bits // 8}").reshape(count, count)
    out = np.zeros_like(matrix)
    run(address(out), address(matrix))
    np.testing.assert_array_equal(out, matrix.T)


def test_pointers_see_their_types():
    @numba.njit
    def run(where):
        return lanes.words_at(where)[0], lanes.integers_at(where)[1], lanes.bytes_at(where)[8]

    words = np.array([2**64 - 1, 2**64 - 2], dtype=np.uint64)
    assert run(address(words)) == (2**64 - 1, -2, 254)


def test_features_of_another_machine(monkeypatch):
    monkeypatch.setattr(lanes.config, "CPU_FEATURES", "+avx2,-avx512dq")
    assert lanes.target_has("avx2")
    assert not lanes.target_has("avx512dq")
    assert not lanes.target_has("avx512f")

"""What importing the room costs, and that compiled code is kept."""

import os
import subprocess
import sys

import pytest

from tacit import kernels


def run(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return result.stdout


def test_importing_the_room_imports_no_numba():
    assert run("import sys, tacit.kernels; print('numba' in sys.modules)") == "False\n"


def test_masks_need_no_numba():
    code = "import sys, tacit.kernels as k; k.masks.expand(bytes(16), 3, 'u8'); print('numba' in sys.modules)"
    assert run(code) == "False\n"


def test_every_name_is_a_module():
    for name in kernels.__all__:
        assert getattr(kernels, name).__name__ == f"tacit.kernels.{name}"
    assert set(kernels.__all__) <= set(dir(kernels))
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = kernels.nothing_here


def test_a_second_process_compiles_nothing(tmp_path):
    code = """
import numpy as np
from tacit.kernels import elementwise, goldilocks, goldilocks_extension, merkle, ntt, ring
x = np.ones((6, 128), dtype=np.uint64)
ring.matmul(x, x.T); ring.matmul(x[:1], x.T); ring.matmul(x[:1], np.asfortranarray(x.T))
elementwise.multiply_replicated(x, x, x, x, x); elementwise.add_product(x, x, x)
elementwise.rescale(x.view(np.int64), 3)
for operation in (goldilocks.add, goldilocks.subtract, goldilocks.multiply):
    operation(x, x)
goldilocks.invert(x); goldilocks.dot(x[0], x[0]); goldilocks.powers(3, 100)
goldilocks_extension.multiply(x.reshape(-1, 2), x.reshape(-1, 2))
ntt.forward(x); ntt.forward(x[:, :8]); merkle.root(x.view(np.uint8))
functions = [f for m in (elementwise, goldilocks, goldilocks_extension, ring) for f in vars(m).values()]
functions += [ntt.ntt_panels.transform_few, ntt.ntt_panels.transform_row, merkle.hash_messages]
functions = [f for f in functions if hasattr(f, "stats")]
print(len(functions) > 10, sum(sum(f.stats.cache_misses.values()) for f in functions))
"""
    first, second = (run(code, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.split()[1] != "0"
    assert second == "True 0\n"

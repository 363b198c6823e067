"""What importing the room costs, and that compiled code is kept."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
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


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    code = """
import sys
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
rooms = [module for name, module in sys.modules.items() if name.startswith("tacit.kernels.")]
functions = {id(f): f for module in rooms for f in vars(module).values() if hasattr(f, "stats")}.values()
print(len(functions) > 20, sum(sum(f.stats.cache_misses.values()) for f in functions))
"""
    first, second = (run(code, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first.split()[1] != "0"
    assert second == "True 0\n"


def test_threads_do_not_mix(words):
    """The kernels let other threads run, and so may not share what they write on the way."""

    def work(seed: int) -> list[object]:
        x = words(seed, (4, 256), kernels.goldilocks.MODULUS)
        return [
            kernels.ntt.forward(x).tolist(),
            kernels.ntt.inverse(x[:, :8]).tolist(),
            kernels.goldilocks.invert(np.maximum(x, 1)).tolist(),
            kernels.ring.matmul(x, x.T).tolist(),
            kernels.merkle.root(x.view(np.uint8)[:, :1000]),
        ]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(8)))
    assert found == [work(seed) for seed in range(8)]

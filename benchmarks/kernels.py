"""The kernels, each beside a peer and its ceiling on this machine, in the same run, on one core.

Run: python benchmarks/kernels.py
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import hashlib
import json
import statistics
import time
from collections.abc import Callable

import blake3
import numba
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR
from rich.console import Console
from rich.table import Table

from tacit.kernels import elementwise, goldilocks, masks, merkle, ntt, ring

DRAW = np.random.default_rng(1)
MODULUS = 2**64 - 2**32 + 1
RUNS = 9


def median(work: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds that `work` takes: the median, after one run that compiles."""
    work()
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def words(*shape: int, below: int = 2**64) -> np.ndarray:
    return DRAW.integers(0, below, shape, dtype=np.uint64)


@numba.njit
def scalar_multiply(x, y, out):
    """The field's product by 32-bit limbs, as one would write it: the peer of the vector kernel."""
    low = np.uint64(0xFFFFFFFF)
    p = np.uint64(MODULUS)
    for i in range(x.size):
        a, b = x[i], y[i]
        al, ah, bl, bh = a & low, a >> np.uint64(32), b & low, b >> np.uint64(32)
        ll, hl, lh, hh = al * bl, ah * bl, al * bh, ah * bh
        middle = hl + (ll >> np.uint64(32))
        second = lh + (middle & low)
        lo = (second << np.uint64(32)) | (ll & low)
        hi = hh + (middle >> np.uint64(32)) + (second >> np.uint64(32))
        h1, h0 = hi >> np.uint64(32), hi & low
        t = lo - h1
        if lo < h1:
            t -= low
        u = (h0 << np.uint64(32)) - h0
        r = t + u
        if r < u:
            r += low
        out[i] = r - p if r >= p else r


@numba.njit
def scalar_ntt(values, roots, scratch):
    """A plain radix-2 transform (Stockham), the peer of the panelled one; `roots` are all n-th roots of unity."""
    n = values.size
    half = n // 2
    p = np.uint64(MODULUS)
    product = np.empty(1, np.uint64)
    x, y = values, scratch
    stride = 1
    while stride < n:
        for start in range(0, half, stride):
            w = roots[start : start + 1]
            for j in range(stride):
                a, b = x[start + j], x[start + j + half]
                s = a + b
                if s < a or s >= p:
                    s -= p
                d = a - b if a >= b else a + (p - b)
                scalar_multiply(np.array([d]), w, product)
                y[2 * start + j] = s
                y[2 * start + j + stride] = product[0]
        x, y = y, x
        stride *= 2
    return x


def aes_bytes(count: int) -> Callable[[], object]:
    zeros = bytes(count)
    return lambda: Cipher(AES128(b"k" * 16), CTR(bytes(16))).encryptor().update(zeros)


def matmul_rows() -> list[tuple]:
    rows = []
    for m, k, n in ((512, 512, 512), (128, 784, 128), (1, 784, 128)):
        a, b = words(m, k), words(k, n)
        x, y = DRAW.random((m, k)), DRAW.random((k, n))
        work = m * k * n / 1e9
        ours = work / median(lambda a=a, b=b: ring.matmul(a, b))
        peer = work / median(lambda a=a, b=b: a @ b, 5)
        ceiling = work / median(lambda x=x, y=y: x @ y)
        rows.append((f"ring matmul {m}x{k}x{n}", ours, peer, "numpy uint64 @", ceiling, "float64 dgemm", "GMAC/s"))
    return rows


def elementwise_row() -> tuple:
    n = 2**20
    x0, x1, y0, y1, mask, out = (words(n) for _ in range(6))
    moved = 6 * 8 * n / 1e9
    ours = moved / median(lambda: elementwise.multiply_replicated(x0, x1, y0, y1, mask, out))
    peer = moved / median(lambda: x0 * y0 + x0 * y1 + x1 * y0 + mask)
    source, target = words(8 * n), words(8 * n)
    ceiling = 2 * source.nbytes / 1e9 / median(lambda: np.copyto(target, source))
    return ("replicated product 2^20", ours, peer, "numpy", ceiling, "memcpy", "GB/s")


def mask_row() -> tuple:
    vector = np.zeros(2**24, np.uint32)
    size = vector.nbytes / 1e9
    ours = size / median(lambda: masks.add_mask(vector, b"s" * 16))
    generator = np.random.Generator(np.random.MT19937(1))
    peer = size / median(lambda: vector + generator.integers(0, 2**32, vector.size, dtype=np.uint32))
    ceiling = size / median(aes_bytes(vector.nbytes))
    return ("mask 64 MiB added", ours, peer, "Mersenne Twister", ceiling, "one-call AES-CTR", "GB/s")


def leaf_row() -> tuple:
    leaves = DRAW.integers(0, 256, (2**17, 256), dtype=np.uint8)
    size = leaves.nbytes / 1e9
    ours = size / median(lambda: merkle.hash_leaves(leaves))
    peer = size / median(lambda: [hashlib.sha256(leaf).digest() for leaf in leaves], 5)
    ceiling = size / median(lambda: blake3.blake3(leaves.data).digest())
    return ("Merkle leaves of 256 B", ours, peer, "hashlib.sha256 loop", ceiling, "one-call blake3", "GB/s")


def field_row() -> tuple:
    n = 2**20
    x, y, out = words(n, below=MODULUS), words(n, below=MODULUS), np.empty(n, np.uint64)
    ours = n / 1e6 / median(lambda: goldilocks.multiply(x, y, out), 51)
    expected = out.copy()
    peer = n / 1e6 / median(lambda: scalar_multiply(x, y, out), 51)
    assert (out == expected).all()
    ceiling = n / 1e6 / median(lambda: np.multiply(x, y, out), 51)
    return ("Goldilocks multiply 2^20", ours, peer, "scalar numba", ceiling, "numpy uint64 *", "M mul/s")


def transform_row() -> tuple:
    n = 2**20
    x = words(n, below=MODULUS)
    roots = goldilocks.powers(ntt.root_of_unity(n), n // 2)
    ours = 1e3 * median(lambda: ntt.forward(x))
    scratch = np.empty(n, np.uint64)
    assert (scalar_ntt(x.copy(), roots, scratch) == ntt.forward(x)).all()
    peer = 1e3 * median(lambda: scalar_ntt(x.copy(), roots, scratch), 5)
    passes = 1e3 * median(lambda: np.copyto(scratch, x))
    return ("NTT 2^20", ours, peer, "scalar radix-2 numba", passes, "one memcpy", "ms")


def main() -> None:
    rows = [*matmul_rows(), elementwise_row(), mask_row(), leaf_row(), field_row(), transform_row()]
    table = Table("case", "ours", "peer", "", "ratio", "ceiling", "", "unit", box=None)
    results = []
    for case, ours, peer, peer_name, ceiling, ceiling_name, unit in rows:
        ratio = peer / ours if unit == "ms" else ours / peer
        table.add_row(
            case, f"{ours:.3g}", f"{peer:.3g}", peer_name, f"{ratio:.2f}", f"{ceiling:.3g}", ceiling_name, unit
        )
        results.append({"case": case, "ours": ours, "peer": peer, "ratio": ratio, "unit": unit})
    Console(width=130).print(table)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

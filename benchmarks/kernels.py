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
from collections.abc import Callable, Iterator
from typing import NamedTuple

import blake3
import numpy as np
import scalar_field as scalar
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR
from rich.console import Console
from rich.table import Table

from tacit.kernels import (
    bits,
    combinations,
    elementwise,
    goldilocks,
    goldilocks_extension,
    masks,
    merkle,
    ntt,
    ring,
    sumcheck,
    weighting,
)

DRAW = np.random.default_rng(1)
MODULUS = goldilocks.MODULUS
MILLION = 2**20
Words = np.ndarray


class Row(NamedTuple):
    """One line of the table. Figures are rates, and a higher one is better, unless the unit is a time."""

    case: str
    ours: float
    peer: float
    peer_name: str
    ceiling: float
    ceiling_name: str
    unit: str

    @property
    def ratio(self) -> float:
        """Above 1 where ours is better."""
        return self.peer / self.ours if self.unit == "ms" else self.ours / self.peer


def median(work: Callable[[], object], runs: int = 9) -> float:
    """Seconds that `work` takes: the median, after one run that compiles."""
    work()
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def words(*shape: int, below: int = 2**64) -> Words:
    return DRAW.integers(0, below, shape, dtype=np.uint64)


def matrix_products() -> Iterator[Row]:
    for m, k, n in ((512, 512, 512), (128, 784, 128), (1, 784, 128)):
        a, b = words(m, k), words(k, n)
        x, y = DRAW.random((m, k)), DRAW.random((k, n))
        work = m * k * n / 1e9
        ours = work / median(lambda a=a, b=b: ring.matmul(a, b))
        peer = work / median(lambda a=a, b=b: a @ b, 5)
        ceiling = work / median(lambda x=x, y=y: x @ y)
        yield Row(f"ring matmul {m}x{k}x{n}", ours, peer, "numpy uint64 @", ceiling, "float64 dgemm", "GMAC/s")


def passes() -> Iterator[Row]:
    x0, x1, y0, y1, mask, out = (words(MILLION) for _ in range(6))
    integers, rounded = x0.view(np.int64), out.view(np.int64)
    half = np.int64(2**15)
    cases = [
        (
            "replicated product",
            6,
            lambda: elementwise.multiply_replicated(x0, x1, y0, y1, mask, out),
            lambda: x0 * y0 + x0 * y1 + x1 * y0 + mask,
        ),
        (
            "replicated conjunction",
            6,
            lambda: bits.multiply_replicated(x0, x1, y0, y1, mask, out),
            lambda: x0 & y0 ^ x0 & y1 ^ x1 & y0 ^ mask,
        ),
        ("add product", 4, lambda: elementwise.add_product(out, x0, y0), lambda: np.add(out, x0 * y0, out)),
        ("rescale", 2, lambda: elementwise.rescale(integers, 16, rounded), lambda: (integers + half) >> 16),
    ]
    for case, moved, work, peer in cases:
        size = moved * x0.nbytes / 1e9
        source, target = words(moved * MILLION // 2), words(moved * MILLION // 2)  # as many bytes, read and written
        ceiling = size / median(lambda source=source, target=target: np.copyto(target, source), 51)
        yield Row(f"{case} 2^20", size / median(work, 51), size / median(peer, 51), "numpy", ceiling, "memcpy", "GB/s")


def packed_bits() -> Iterator[Row]:
    x = words(MILLION)
    planes, size = bits.planes(x, 64), 2 * x.nbytes / 1e9
    check("planes", planes, planes_by_numpy(x))
    check("words", bits.words(planes, MILLION), x)
    target = np.empty_like(x)
    ceiling = size / median(lambda: np.copyto(target, x), 51)
    for case, ours in (
        ("bit planes of 2^20 words", lambda: bits.planes(x, 64)),
        ("words of 64 bit planes", lambda: bits.words(planes, MILLION)),
    ):
        peer = size / median(lambda: planes_by_numpy(x), 5)
        yield Row(case, size / median(ours), peer, "numpy packbits", ceiling, "memcpy", "GB/s")


def planes_by_numpy(x: Words) -> Words:
    each = np.unpackbits(x.view(np.uint8), bitorder="little").reshape(-1, 64)
    return np.packbits(np.ascontiguousarray(each.T), axis=1, bitorder="little").view(np.uint64)


def verification() -> Iterator[Row]:
    """What verifying products spends its time on, in steps of 64 bits."""
    a, b, matrix = words(1536, 256), words(32, 256), words(48, 1536) & np.uint64(1)
    vectors, weights, masks_of_bits = words(48, 4096), words(48, 64), words(48, 4096)
    coefficients = np.unpackbits(weights.view(np.uint8), axis=1, bitorder="little").astype(np.uint64)
    x = DRAW.random((512, 512))
    ceiling = 512**3 / 1e9 / median(lambda: x @ x)
    cases = [
        ("Gram matrix over Z_2", a.shape[0] * b.size, lambda: bits.gram(a, b), lambda: gram_by_numpy(a, b)),
        (
            "rows over Z_2 combined",
            matrix.size * 256,
            lambda: bits.combine(matrix, a),
            lambda: combined_by_numpy(matrix, a),
        ),
        (
            "weights over Z_2^64",
            48 * vectors.size,
            lambda: in_place(weighting.weigh, vectors, weights),
            lambda: weighed_by_numpy(vectors, coefficients, np.multiply, np.add, np.subtract),
        ),
        (
            "weights over Z_2",
            48 * vectors.size,
            lambda: in_place(weighting.weigh_bits, vectors, masks_of_bits),
            lambda: weighed_by_numpy(vectors, masks_of_bits, np.bitwise_and, np.bitwise_xor, np.bitwise_xor),
        ),
    ]
    for case, steps, ours, peer in cases:
        check(case, ours(), peer())
        rates = (steps / 1e9 / seconds for seconds in (median(ours, 51), median(peer, 5)))
        yield Row(case, *rates, "numpy", ceiling, "float64 dgemm", "G/s")


def gram_by_numpy(a: Words, b: Words) -> Words:
    return np.stack([np.bitwise_count(a & row).sum(axis=1, dtype=np.uint64) & np.uint64(1) for row in b], axis=1)


def combined_by_numpy(matrix: Words, rows: Words) -> Words:
    return np.stack([np.bitwise_xor.reduce(rows[chosen == 1], axis=0) for chosen in matrix])


def weighed_by_numpy(vectors: Words, weights: Words, times: np.ufunc, plus: np.ufunc, minus: np.ufunc) -> Words:
    places = np.zeros((weighting.PLACES, vectors.shape[1]), np.uint64)
    for i in range(weighting.DEGREE):
        part = places[i : i + weighting.DEGREE]
        plus(part, times(vectors, weights[i]), out=part)
    for place in range(weighting.PLACES - 1, weighting.DEGREE - 1, -1):
        for tap in weighting.TAPS:
            part = places[place - weighting.DEGREE + tap]
            minus(part, places[place], out=part)
    return places[: weighting.DEGREE]


def in_place(function: Callable[[Words, Words], None], vectors: Words, weights: Words) -> Words:
    changed = vectors.copy()
    function(changed, weights)
    return changed


def mask_expansion() -> Iterator[Row]:
    vector, zeros, room = np.zeros(2**24, np.uint32), bytes(2**18), bytearray(2**18)
    size = vector.nbytes / 1e9
    ours = size / median(lambda: masks.add_mask(vector, b"s" * 16))
    generator = np.random.Generator(np.random.MT19937(1))
    peer = size / median(lambda: vector + generator.integers(0, 2**32, vector.size, dtype=np.uint32))
    cipher = Cipher(AES128(b"k" * 16), CTR(bytes(16))).encryptor()
    ceiling = size / median(lambda: [cipher.update_into(zeros, room) for _ in range(vector.nbytes // len(zeros))])
    yield Row("mask 64 MiB added", ours, peer, "Mersenne Twister", ceiling, "AES-CTR in cache", "GB/s")


def hashing() -> Iterator[Row]:
    leaves = DRAW.integers(0, 256, (2**17, 256), dtype=np.uint8)
    digests = leaves.reshape(-1, merkle.DIGEST)[: 2**18]
    pairs = digests.reshape(-1, 2 * merkle.DIGEST)
    for case, work, messages in (
        ("Merkle leaves of 256 B", lambda: merkle.hash_leaves(leaves), leaves),
        ("Merkle nodes", lambda: merkle.parents(digests), pairs),
    ):
        size = messages.nbytes / 1e9
        peer = size / median(lambda messages=messages: [hashlib.sha256(each).digest() for each in messages], 5)
        ceiling = size / median(lambda messages=messages: blake3.blake3(messages.data).digest())
        yield Row(case, size / median(work), peer, "hashlib.sha256 loop", ceiling, "one-call blake3", "GB/s")


def field() -> Iterator[Row]:
    n, runs = MILLION, 51
    x, y, out, expected = (
        words(n, below=MODULUS),
        words(n, below=MODULUS),
        np.empty(n, np.uint64),
        np.empty(n, np.uint64),
    )
    pairs = x.reshape(-1, 2), y.reshape(-1, 2), out.reshape(-1, 2)
    other = expected.reshape(-1, 2)
    product = median(lambda: np.multiply(x, y, out), runs)
    total = median(lambda: np.add(x, y, out), runs)
    multiplied, added = "numpy uint64 *", "numpy uint64 +"
    extension = goldilocks_extension.multiply
    cases = [
        (
            "multiply",
            lambda: goldilocks.multiply(x, y, out),
            lambda: scalar.multiply(x, y, expected),
            product,
            multiplied,
        ),
        ("add", lambda: goldilocks.add(x, y, out), lambda: scalar.add(x, y, expected), total, added),
        ("dot", lambda: goldilocks.dot(x, y), lambda: scalar.dot(x, y), product, multiplied),
        ("invert", lambda: goldilocks.invert(x), lambda: scalar.invert(x), product, multiplied),
        (
            "extension multiply",
            lambda: extension(*pairs),
            lambda: scalar.extend(*pairs[:2], other),
            product,
            multiplied,
        ),
    ]
    for case, ours, peer, ceiling, name in cases:
        count = n / 2 if "extension" in case else n
        check(case, ours(), peer())
        rates = (count / 1e6 / seconds for seconds in (median(ours, runs), median(peer, runs)))
        yield Row(f"Goldilocks {case} 2^20", *rates, "scalar numba", count / 1e6 / ceiling, name, "M/s")


def check(case: str, ours: object, peer: object) -> None:
    """A peer that computes something else would say nothing."""
    assert np.array_equal(ours, peer), case


def transforms() -> Iterator[Row]:
    x = words(MILLION, below=MODULUS)
    roots = goldilocks.powers(ntt.root_of_unity(MILLION), MILLION // 2)
    values, scratch = x.copy(), np.empty_like(x)
    check("NTT", ntt.forward(x), scalar.transform(x.copy(), roots, scratch))
    ours = 1e3 * median(lambda: ntt.forward(x))
    peer = 1e3 * median(lambda: scalar.transform(values, roots, scratch), 5)
    copy = 1e3 * median(lambda: np.copyto(scratch, x))
    yield Row("NTT 2^20", ours, peer, "scalar radix-2 numba", copy, "one memcpy", "ms")


def sumchecks() -> Iterator[Row]:
    """Rates are of pairs, or of words of the matrix, each of which takes so many products of the field."""
    sumcheck.cores = lambda: 1
    half = MILLION // 2
    a, b, c, d = (words(MILLION, 2, below=MODULUS) for _ in range(4))
    base, weights, one = words(MILLION, below=MODULUS), words(half, 2, below=MODULUS), words(2, below=MODULUS)
    matrix, factors = base.reshape(1024, 1024), weights[:1024]
    out, other = np.empty((half, 2), np.uint64), np.empty((half, 2), np.uint64)
    cases = [
        ("fold", 3, half, lambda: sumcheck.fold(a, one, out), lambda: scalar.fold(a, one, other)),
        (
            "round, base x extension",
            4,
            half,
            lambda: sumcheck.round_values([base, a]),
            lambda: scalar.round_values(scalar.extended(base), a),
        ),
        (
            "round, two weighted products",
            18,
            half,
            lambda: sumcheck.weighted_round(weights, [(a, b), (c, d)]),
            lambda: scalar.weighted_round(weights, a, b, c, d),
        ),
        (
            "rows combined",
            2,
            MILLION,
            lambda: combinations.combine_rows(matrix, factors),
            lambda: scalar.combine_rows(matrix, factors),
        ),
    ]
    for case, products, count, ours, peer in cases:
        check(case, ours(), peer())
        rates = (count / 1e6 / seconds for seconds in (median(ours), median(peer, 5)))
        multiplied = words(count, below=MODULUS)
        ceiling = median(lambda multiplied=multiplied: goldilocks.multiply(multiplied, 3, multiplied))
        name = f"{products} x Goldilocks multiply"
        yield Row(f"Sumcheck {case} 2^20", *rates, "scalar numba", count / 1e6 / ceiling / products, name, "M/s")


def main() -> None:
    table = Table("case", "ours", "peer", "", "ratio", "ceiling", "", "unit", box=None)
    results = []
    for group in (
        matrix_products,
        passes,
        packed_bits,
        verification,
        mask_expansion,
        hashing,
        field,
        transforms,
        sumchecks,
    ):
        for row in group():
            ours, peer, ceiling = (f"{figure:.3g}" for figure in (row.ours, row.peer, row.ceiling))
            table.add_row(row.case, ours, peer, row.peer_name, f"{row.ratio:.2f}", ceiling, row.ceiling_name, row.unit)
            results.append({key: getattr(row, key) for key in ("case", "ours", "peer", "ratio", "unit")})
    Console(width=130).print(table)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

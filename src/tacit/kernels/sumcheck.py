"""Sumcheck over Goldilocks and its quadratic extension: round polynomials, folding, trees of fractions.

A table has 2 * half values, over the base field `(n,)` or over the extension `(n, 2)`; values i and half + i are the
values at 0 and at 1 of a line, so the first variable of the table is the most significant bit of the index. An element
of the extension by itself, such as a challenge, is two words `(2,)`.

Words in and out are as in `goldilocks`: any words in, canonical words out. Long tables are shared out among the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np

from tacit.kernels import sumcheck_loops as loops
from tacit.kernels import sumcheck_products
from tacit.kernels.arrays import Array, address, readable, writable
from tacit.kernels.goldilocks import MODULUS, Words
from tacit.kernels.lanes import LANES
from tacit.kernels.masks import cores

SHARE = 2**13  # pairs that are worth a thread
_ROUNDS: dict[str, Callable[..., None]] = {
    "be": loops.round_be,
    "ee": loops.round_ee,
    "ebb": loops.round_ebb,
    "eee": loops.round_eee,
}


def round_values(tables: Sequence[Words], *, reverse: bool = False) -> Words:
    """The polynomial of one round: sum over all pairs of the product of their lines, at 0, 2, ..., d, as `(d, 2)`.

    Two or three tables d of one length. Every combination of base tables and others is taken; one and two tables over
    the extension beside base ones are fastest. reverse: the lines run from 1 to 0, so the first is the value at 1.
    """
    given = [_table(f"table {place}", table) for place, table in enumerate(tables)]
    half = _half_of(given)
    given, loop = _kind(given)
    starts, step = _starts(given, half, reverse)
    return _summed(len(given), half, lambda sums, begin, end: loop(sums, step, begin, end, *starts))


def weighted_round(weights: Words, products: Sequence[tuple[Words, Words]], *, reverse: bool = False) -> Words:
    """The sum over all pairs of weight * sum of products of two lines: value at 0, and leading coefficient, `(2, 2)`.

    `weights` `(half, 2)`, one for each pair; one or two products of tables `(2 * half, 2)`. reverse: as above.
    """
    given = [_table("a factor", table, extension=True) for product in products for table in product]
    half = _half_of(given)
    each = _table("weights", weights, extension=True)
    if len(each) != half or len(given) not in (2, 4):
        raise ValueError(f"{len(each)} weights and {len(products)} products do not fit tables of {2 * half}")
    loop: Callable[..., None] = loops.weighted if len(given) == 2 else loops.weighted_two
    starts, step = _starts(given, half, reverse)
    return _summed(2, half, lambda sums, begin, end: loop(sums, step, begin, end, address(each), *starts))


def weighted_values(weights: Words, tables: Sequence[Words], places: int) -> Words:
    """The sum over all pairs of weight * product of any number of lines, at 0, 1, ..., places - 1: `(places, 2)`.

    `weights` `(half, 2)`; tables `(2 * half, 2)`.
    """
    given = [_table("a factor", table, extension=True) for table in tables]
    half = _half_of(given)
    each = _table("weights", weights, extension=True)
    if len(each) != half:
        raise ValueError(f"{len(each)} weights do not fit tables of {2 * half}")
    starts = np.array([address(table) for table in given], dtype=np.int64)

    def add(sums: int, begin: int, end: int) -> None:
        room = np.empty(2 * LANES, dtype=np.uint64)
        sumcheck_products.weighted_many(
            sums, half, begin, end, address(each), address(starts), len(given), places, address(room)
        )

    return _summed(places, half, add)


def fold(table: Words, challenge: Words, out: Words | None = None) -> Words:
    """Each pair's line at the challenge: `(n,)` or `(n, 2)` to `(n / 2, 2)`.

    `out`, where given, receives the result; it may be the first half of a table over the extension.
    """
    given = _table("table", table)
    half = _half_of([given])
    result = np.empty((half, 2), dtype=np.uint64) if out is None else writable("out", out, np.uint64, (half, 2))
    if np.may_share_memory(result, given) and (given.ndim == 1 or address(result) != address(given)):
        given = given.copy()
    loop = loops.fold_base if given.ndim == 1 else loops.fold
    factor = _factor(challenge)
    shared(half, lambda begin, end: loop(address(result), half, begin, end, address(given), address(factor)))
    return result


def add_fractions(numerators: Words, denominators: Words) -> tuple[Words, Words]:
    """The sums of pairs of fractions: numerators `(n,)` or `(n, 2)`, denominators `(n, 2)`, to both `(n / 2, 2)`."""
    p, q = _table("numerators", numerators), _table("denominators", denominators, extension=True)
    half = _half_of([p, q])
    above, below = np.empty((half, 2), dtype=np.uint64), np.empty((half, 2), dtype=np.uint64)
    loop = loops.add_base_fractions if p.ndim == 1 else loops.add_fractions
    where = address(above), address(below), half
    shared(half, lambda begin, end: loop(*where, begin, end, address(p), address(q)))
    return above, below


def scaled_sum(x: Words, factor: Words, y: Words) -> Words:
    """x + factor * y, for `(n, 2)`, one element, and `(n, 2)`."""
    left, right = _table("x", x, extension=True), _table("y", y, extension=True)
    if left.shape != right.shape:
        raise ValueError(f"x and y must be of one length, not {len(left)} and {len(right)}")
    result, each = np.empty_like(left), _factor(factor)
    where = address(left), address(right), address(each)
    shared(len(left), lambda begin, end: loops.scaled_sum(address(result), begin, end, *where))
    return result


def equality_table(point: Words, scale: Words | None = None) -> Words:
    """scale * eq(point, x) for each x in {0, 1}^m: point `(m, 2)`, to `(2^m, 2)`; the scale is one unless given."""
    coordinates = readable("point", point, np.uint64, 2)
    result = np.empty((1 << len(coordinates), 2), dtype=np.uint64)
    result[0] = (1, 0) if scale is None else _element(scale)
    for place, coordinate in enumerate(coordinates[::-1]):
        _split(result, 1 << place, _factor(coordinate))
    return result


def _split(table: Words, size: int, factor: Words) -> None:
    """The first `size` elements times one less the factor, and beside them times the factor."""
    where = address(table), address(table) + 16 * size
    shared(size, lambda begin, end: loops.split_by(*where, begin, end, address(factor)))


def _table(name: str, table: Array, extension: bool | None = None) -> Words:
    words = readable(name, table, np.uint64)
    if not (words.ndim == 1 or (words.ndim == 2 and words.shape[1] == 2)) or (extension and words.ndim == 1):
        raise ValueError(f"{name} must have shape {'(n, 2)' if extension else '(n,) or (n, 2)'}, not {words.shape}")
    return words


def _half_of(tables: Sequence[Words]) -> int:
    sizes = {len(table) for table in tables}
    size = sizes.pop() if len(sizes) == 1 else -1
    if size < 2 or size % 2:
        raise ValueError(f"tables must be of one even length above zero, not {[len(table) for table in tables]}")
    return size // 2


def _starts(tables: Sequence[Words], half: int, reverse: bool) -> tuple[list[int], int]:
    """Where the tables' first elements lie, and how many elements on their partners do."""
    if not reverse:
        return [address(table) for table in tables], half
    return [address(table) + half * table.itemsize * (table.size // len(table)) for table in tables], -half


def _kind(tables: list[Words]) -> tuple[list[Words], Callable[..., None]]:
    """Tables in the order that a loop expects, and the loop; base tables are extended where there is none for them."""
    base = [table for table in tables if table.ndim == 1]
    others = [table for table in tables if table.ndim == 2]
    if len(tables) not in (2, 3):
        raise ValueError(f"a round takes two or three tables, not {len(tables)}")
    if len(tables) == 2 and len(base) == 1:
        return base + others, _ROUNDS["be"]
    if len(base) == 2 and len(others) == 1:
        return others + base, _ROUNDS["ebb"]
    extended = [np.stack([table, np.zeros_like(table)], axis=1) for table in base]
    return others + extended, _ROUNDS["e" * len(tables)]


def _summed(count: int, half: int, work: Callable[[int, int, int], None]) -> Words:
    """The sums that `work(address of sums, begin, end)` adds up, over all pairs."""
    parts: list[Words] = []

    def share(begin: int, end: int) -> None:
        sums = np.zeros((count, loops.SUM_WORDS), dtype=np.uint64)
        parts.append(sums)
        work(address(sums), begin, end)

    shared(half, share)
    result = []
    for words in zip(*(part.tolist() for part in parts), strict=True):
        real = sum(sum(each[:LANES]) + each[-2] for each in words)
        other = sum(sum(each[LANES:-2]) + each[-1] for each in words)
        result.append((real % MODULUS, other % MODULUS))
    return np.array(result, dtype=np.uint64)


def shared(count: int, work: Callable[[int, int], None], worth: int | None = None) -> None:
    """Do the work on 0 to `count`, shared out among the cores in parts of at least `worth`, `SHARE` unless given."""
    threads = min(cores(), count // (worth or SHARE))
    if threads <= 1:
        work(0, count)
        return
    edges = [count * i // threads // LANES * LANES for i in range(threads)] + [count]
    futures = [_pool().submit(work, *edge) for edge in pairwise(edges[1:])]
    work(edges[0], edges[1])
    for future in futures:
        future.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="sumcheck")


def _element(value: Array) -> tuple[int, int]:
    element = readable("an element", value, np.uint64).reshape(-1).tolist()
    if len(element) != 2:
        raise ValueError(f"an element has two words, not {len(element)}")
    return element[0] % MODULUS, element[1] % MODULUS


def _factor(value: Array) -> Words:
    """An element as the loops want it: either word eight times."""
    return _repeated(*_element(value))


@lru_cache(maxsize=8)
def _repeated(real: int, other: int) -> Words:
    return np.array([real] * LANES + [other] * LANES, dtype=np.uint64)

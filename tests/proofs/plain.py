"""A second verifier of sumchecks and lookups in plain Python integers: slow, and written apart from the first.

Elements are pairs of integers; tables are lists; extensions are evaluated by their definition; the hash starts anew
for every challenge. It knows the tables and so checks the claims that the first one leaves open.
"""

from __future__ import annotations

import hashlib
from itertools import product as cartesian

P = 2**64 - 2**32 + 1
Pair = tuple[int, int]


class Refused(Exception):
    """The proof is not accepted."""


def plus(*pairs: Pair) -> Pair:
    return sum(x for x, _ in pairs) % P, sum(y for _, y in pairs) % P


def times(*pairs: Pair) -> Pair:
    real, other = 1, 0
    for x, y in pairs:
        real, other = (real * x + 7 * other * y) % P, (real * y + other * x) % P
    return real, other


def minus(x: Pair, y: Pair) -> Pair:
    return (x[0] - y[0]) % P, (x[1] - y[1]) % P


def inverse(x: Pair) -> Pair:
    norm = pow(x[0] * x[0] - 7 * x[1] * x[1], -1, P)
    return x[0] * norm % P, -x[1] * norm % P


def base(number: int) -> Pair:
    return number % P, 0


ONE = base(1)


def weight(point: list[Pair], bits: tuple[int, ...]) -> Pair:
    return times(*(c if bit else minus(ONE, c) for c, bit in zip(point, bits, strict=True)))


def evaluate(values: list[Pair], point: list[Pair]) -> Pair:
    """The extension at a point, by its definition; the first variable is the most significant bit."""
    corners = cartesian((0, 1), repeat=len(point))
    return plus(*(times(value, weight(point, bits)) for value, bits in zip(values, corners, strict=True)))


class Listener:
    """Reads elements from a proof and draws challenges from the hash of all that was read."""

    def __init__(self, session: bytes, instance: bytes, proof: bytes) -> None:
        self.heard = session + bytes(168 - 32) + len(instance).to_bytes(4, "little") + instance
        self.proof, self.taken = proof, 0

    def read(self, count: int) -> list[Pair]:
        if len(self.proof) < 16 * count:
            raise Refused
        data, self.proof = self.proof[: 16 * count], self.proof[16 * count :]
        if count:
            self.heard, self.taken = self.heard + data, 0
        words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
        if any(word >= P for word in words):
            raise Refused
        return list(zip(words[::2], words[1::2], strict=True))

    def challenge(self) -> Pair:
        data = hashlib.shake_128(self.heard).digest(self.taken + 48)[self.taken :]
        self.taken += 48
        return int.from_bytes(data[:24], "little") % P, int.from_bytes(data[24:], "little") % P

    def finish(self) -> None:
        if self.proof:
            raise Refused


def through(values: list[Pair], at: Pair) -> Pair:
    """The polynomial with these values at 0, 1, 2, ..., by Lagrange's formula."""
    total = (0, 0)
    for i, value in enumerate(values):
        for j in range(len(values)):
            if j != i:
                value = times(value, minus(at, base(j)), inverse(base(i - j)))
        total = plus(total, value)
    return total


def sumcheck(listener: Listener, claim: Pair, variables: int, degree: int) -> tuple[list[Pair], Pair]:
    point = []
    for _ in range(variables):
        message = listener.read(degree)
        values = [message[0], minus(claim, message[0]), *message[1:]]
        point.append(listener.challenge())
        claim = through(values, point[-1])
    return point, claim


def weighted(listener: Listener, claim: Pair, at: list[Pair]) -> tuple[list[Pair], Pair]:
    """The claim is (1 - z) h(0) + z h(1), for h of which the two upper coefficients are said."""
    point = []
    for z in at:
        linear, leading = listener.read(2)
        start = minus(claim, times(z, plus(linear, leading)))
        values = [start, plus(start, linear, leading), plus(start, times(base(2), linear), times(base(4), leading))]
        assert plus(times(minus(ONE, z), values[0]), times(z, values[1])) == claim
        point.append(listener.challenge())
        claim = through(values, point[-1])
    return point, claim


def lookup(
    listener: Listener, table: list[tuple[int, ...]], rows: list[tuple[int, ...]], multiplicities: list[int]
) -> None:
    """Refuse unless the proof shows that all rows are in the table; the claims at the end are checked as well."""
    alpha = listener.challenge()
    beta = listener.challenge() if len(table[0]) > 1 else ONE
    (p, q), (r, s) = listener.read(2), listener.read(2)
    for denominator, inverted in zip((q, s), listener.read(2), strict=True):
        _require(times(denominator, inverted) == ONE)
    repeated = rows * 2 if len(rows) == 1 else rows
    _require(times(p, s, base(len(rows))) == times(r, q, base(len(repeated))))
    point = _leaves(listener, (p, q), [ONE] * len(repeated), _denominators(repeated, alpha, beta), "rows")
    numerators, denominators = [base(m) for m in multiplicities], _denominators(table, alpha, beta)
    _leaves(listener, (r, s), numerators, denominators, "table")
    others = listener.read(len(table[0]) - 1)
    for place, other in enumerate(others, start=1):
        _require(other == evaluate([base(row[place]) for row in repeated], point))


def _leaves(listener: Listener, root: tuple[Pair, Pair], p: list[Pair], q: list[Pair], side: str) -> list[Pair]:
    (at_p, at_q), point, levels = root, [], (len(q) - 1).bit_length()
    for level in range(levels):
        mix = listener.challenge()
        claim, last = plus(at_p, times(mix, at_q)), level == levels - 1
        if last and side == "rows":
            claim = plus(ONE, times(mix, claim))
        point, value = weighted(listener, claim, point)
        said = listener.read(2 if last else 4)
        if last and side == "rows":
            p0, p1, (q0, q1) = ONE, ONE, said
        elif last:
            (p0, p1), half = said, len(q) // 2
            q0, q1 = evaluate(q[:half], point), evaluate(q[half:], point)
        else:
            p0, p1, q0, q1 = said
        total = plus(times(p0, q1), times(p1, q0), times(mix, q0, q1))
        _require(value == (plus(ONE, times(mix, total)) if last and side == "rows" else total))
        c = listener.challenge()
        at_p, at_q = (plus(low, times(c, minus(high, low))) for low, high in ((p0, p1), (q0, q1)))
        point = [c, *point]
    _require(at_p == evaluate(p, point))
    _require(at_q == evaluate(q, point))
    return point


def _denominators(rows: list[tuple[int, ...]], alpha: Pair, beta: Pair) -> list[Pair]:
    result = []
    for row in rows:
        scale, total = ONE, (0, 0)
        for value in row:
            total, scale = plus(total, times(base(value), scale)), times(scale, beta)
        result.append(minus(alpha, total))
    return result


def _require(holds: bool) -> None:
    if not holds:
        raise Refused

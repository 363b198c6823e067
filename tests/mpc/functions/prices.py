"""Rounds and bytes as docs/protocols/mpc-functions.md has them: formulas, not measurements."""

from __future__ import annotations

from dataclasses import dataclass

from tacit.mpc.truncation import narrowest


@dataclass(frozen=True)
class Price:
    """Rounds, and bytes sent by P0, P1 and P2. `+` is one after another, `|` side by side."""

    rounds: int = 0
    sent: tuple[int, int, int] = (0, 0, 0)

    def __add__(self, other: Price) -> Price:
        return Price(self.rounds + other.rounds, self._bytes(other))

    def __or__(self, other: Price) -> Price:
        return Price(max(self.rounds, other.rounds), self._bytes(other))

    def _bytes(self, other: Price) -> tuple[int, int, int]:
        return tuple(a + b for a, b in zip(self.sent, other.sent, strict=True))  # type: ignore[return-value]


def each(rounds: int, sent: int) -> Price:
    return Price(rounds, (sent, sent, sent))


def log(n: int) -> int:
    """ceil(log2 n) for n >= 1."""
    return (n - 1).bit_length()


def planes(n: int, count: int) -> int:
    """Bytes of so many planes of n bits."""
    return 8 * -(-n // 64) * count


def products(n: int) -> Price:
    return each(1, 8 * n)


def words(n: int) -> Price:
    """Bits to words."""
    return each(2, 8 * n)


def rescaling(n: int, d: int, security: str) -> Price:
    if security == "passive":
        short = narrowest(d).itemsize * n
        return Price(2, (8 * n + short, short, short))
    return each(3, planes(n, 2) + 8 * n + 2 * narrowest(d + 1).itemsize * n)


def negative(n: int, k: int) -> Price:
    """The sign: majority, generate, and a tree in which the pair that reaches the lowest place lets nothing through."""
    if k == 2:
        return each(1, planes(n, 1))
    count, places = (k - 1) + (k - 2), k - 2
    while places > 1:
        count += 2 * (places // 2) - (1 - places % 2)
        places = (places + 1) // 2
    return each(2 + log(k - 2), planes(n, count))


def below_zero(n: int, k: int) -> Price:
    return negative(n, k) + words(n)


def bit_products(n: int, m: int = 1) -> Price:
    return Price(2, (8 * n * (1 + m), 16 * n * m, 16 * n * m))


def relu(n: int, k: int) -> Price:
    return negative(n, k) + bit_products(n)


def relu_rescaled(n: int, k: int, d: int, security: str) -> Price:
    return (negative(n, k) | rescaling(n, d, security)) + bit_products(n)


def addition(n: int, last: int) -> Price:
    m = last - 2
    joined = sum(1 for d in range(log(m)) for i in range(m) if i >> d & 1)
    further = sum(1 for d in range(log(m)) for i in range(m) if i >> d & 1 and i >= 2 << d)
    return each(2 + log(m), planes(n, last - 1 + m + joined + further))


def monomials(n: int, k: int) -> Price:
    return each(log(k), planes(n, 2**k - 1 - k))


def maximum(n: int, k: int) -> Price:
    return relu(n, k + 1)


def maximum_along(m: int, n: int, k: int) -> Price:
    price = Price()
    while m > 1:
        price += maximum(m // 2 * n, k)
        m = (m + 1) // 2
    return price


def argmax(m: int, n: int, k: int) -> Price:
    price, first = Price(), True
    while m > 1:
        matches = m // 2 * n
        price += negative(matches, k + 1)
        if first:
            price += words(matches) | (bit_products(matches) if m > 2 else Price())
        else:
            price += bit_products(matches, 2 if m > 2 else 1)
        first, m = False, (m + 1) // 2
    return price


def piecewise(n: int, width: int, comparisons: list[int]) -> Price:
    """comparisons: the bits of those that the interval leaves open."""
    found = addition(n, width + 7)
    for k in comparisons:
        found |= negative(n, k)
    o = len(comparisons)
    place = words(2 * n) + products(n)
    first = monomials(n, 4) if o else monomials(n, 3)
    groups = (first | monomials(n, 4)) + words(n * ((8 if o else 7) + 15 + o))
    return found + (place | groups) + products(3 * n) + products(n)


def normalisation(n: int, low: int, high: int) -> Price:
    c = high - low
    joined = sum(1 for d in range(log(c - 1)) for i in range(c - 1) if i >> d & 1)
    return addition(n, high) + each(log(c - 1), planes(n, joined)) + words(n * (c - 1))


def scaled_product(n: int, d: int, security: str) -> Price:
    return products(n) + rescaling(n, d, security)


def to_precision(n: int, have: int, want: int, security: str) -> Price:
    return rescaling(n, have - want, security) if have > want else Price()


def inverse(n: int, security: str) -> Price:
    once, twice = scaled_product(n, 28, security), scaled_product(2 * n, 28, security)
    return once + twice + twice + once


def reciprocal(n: int, f: int, k: int, security: str) -> Price:
    price = normalisation(n, 0, k - 1) + products(n) + to_precision(n, k - 1, 28, security)
    return price + inverse(n, security) + products(n) + to_precision(n, k - 1 + 28, 2 * f, security)


def inverse_root(n: int, security: str) -> Price:
    price = Price()
    for d in (31, 30, 29, 30, 27, 30, 28):
        price += scaled_product(n, d, security)
    return price


def rsqrt(n: int, f: int, k: int, security: str) -> Price:
    price = normalisation(n, 0, k - 1) + products(n) + to_precision(n, k - 1, 28, security)
    price += inverse_root(n, security) + scaled_product(n, 28, security) + products(n)
    return price + to_precision(n, 28, (3 * f - k + 1) // 2, security)


def softmax(m: int, n: int, f: int, k: int, security: str) -> Price:
    below = (-((1 << k) - (127 << (f - 3)))).bit_length() + 1  # of x - max - low of the table
    table = piecewise(m * n, f - 3, [max(below, (127 << (f - 3)).bit_length() + 1)])
    top = 2 * f + m.bit_length()
    price = maximum_along(m, n, k) + table + rescaling(m * n, f, security) + normalisation(n, 2 * f - 1, top)
    price += products((m + 1) * n)
    price += to_precision(m * n, top, f + 3, security) | to_precision(n, top, 28, security)
    return price + inverse(n, security) + scaled_product(m * n, 31, security)

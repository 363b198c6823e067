"""Shamir's secret sharing of 16-byte secrets, t of n, over the integers modulo the prime 2^130 - 5.

A share is the value of a random polynomial of degree t - 1 at a point from 1 on; the secret is its value at 0.
Fewer than t shares say nothing about the secret (Shamir 1979). Any t numbers give *some* value at 0: whoever combines
shares has to check the result against a commitment. Python integers take time that depends on their values; a party
shares fresh secrets once and a server combines what it may know, so there is nothing to measure twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

PRIME = 2**130 - 5
SECRET_BYTES = 16
SHARE_BYTES = 17


def split(secret: bytes, threshold: int, points: Iterable[int]) -> list[bytes]:
    """Return the shares of `secret` for distinct `points` above 0, 17 bytes each; any `threshold` give it back."""
    places = list(points)
    if len(secret) != SECRET_BYTES or not 1 <= threshold <= len(set(places)) == len(places):
        raise ValueError("a secret of 16 bytes is shared, and the threshold lies between 1 and the number of shares")
    if min(places) < 1:
        raise ValueError("shares are for points from 1 on: at 0 lies the secret itself")
    coefficients = [secrets.randbelow(PRIME) for _ in range(threshold - 1)]
    coefficients.append(int.from_bytes(secret, "little"))
    return [_evaluate(coefficients, point).to_bytes(SHARE_BYTES, "little") for point in places]


def combine(shares: Mapping[int, bytes]) -> bytes | None:
    """Return the secret that the shares, keyed by point, lie on, or None if that is not a secret of 16 bytes.

    The value is meaningless unless there are at least as many shares as the threshold and all are right.
    """
    secret = 0
    for point, share in shares.items():
        numerator = denominator = 1  # of Lagrange's weight at 0: small integers until they are reduced
        for other in shares:
            if other != point:
                numerator *= other
                denominator *= other - point
        weight = numerator * pow(denominator, -1, PRIME)
        secret = (secret + weight * int.from_bytes(share, "little")) % PRIME
    return secret.to_bytes(SECRET_BYTES, "little") if secret < 1 << (8 * SECRET_BYTES) else None


def is_share(share: bytes) -> bool:
    """Return whether `share` is a share's only encoding: 17 bytes of a number below the prime."""
    return len(share) == SHARE_BYTES and int.from_bytes(share, "little") < PRIME


def _evaluate(coefficients: list[int], point: int) -> int:
    # Horner's rule, highest coefficient first.
    value = 0
    for coefficient in coefficients:
        value = (value * point + coefficient) % PRIME
    return value

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.federated.secagg import shamir

SECRETS = st.binary(min_size=16, max_size=16) | st.sampled_from([bytes(16), b"\xff" * 16])


@st.composite
def dealings(draw: st.DrawFn) -> tuple[bytes, int, int]:
    parties = draw(st.integers(1, 20))
    return draw(SECRETS), draw(st.integers(1, parties)), parties


@given(dealings(), st.randoms(use_true_random=False))
def test_any_t_shares_give_the_secret(dealing, random) -> None:
    secret, threshold, parties = dealing
    shares = dict(enumerate(shamir.split(secret, threshold, range(1, parties + 1)), start=1))
    chosen = random.sample(sorted(shares), threshold)
    assert shamir.combine({point: shares[point] for point in chosen}) == secret
    assert shamir.combine(shares) == secret
    assert all(map(shamir.is_share, shares.values()))


@given(SECRETS, SECRETS)
def test_fewer_than_t_shares_fit_every_secret(secret: bytes, other: bytes) -> None:
    shares = shamir.split(secret, 4, range(1, 6))[:3]
    # The points 0 (any secret) and 1 to 3 determine a cubic: its value at 4 completes the three shares to that secret.
    known = [(0, int.from_bytes(other, "little")), *((p, int.from_bytes(s, "little")) for p, s in enumerate(shares, 1))]
    fourth = sum(_term(known, k, 4) for k in range(4)) % shamir.PRIME
    completed = {**dict(enumerate(shares, 1)), 4: fourth.to_bytes(shamir.SHARE_BYTES, "little")}
    assert shamir.combine(completed) == other


def _term(known: list[tuple[int, int]], k: int, at: int) -> int:
    numerator = denominator = 1
    for j, (point, _) in enumerate(known):
        if j != k:
            numerator, denominator = numerator * (at - point), denominator * (known[k][0] - point)
    return known[k][1] * numerator * pow(denominator, -1, shamir.PRIME)


def test_the_prime_is_prime_by_fermat_and_exceeds_every_secret() -> None:
    assert shamir.PRIME > 2**128
    assert all(pow(a, shamir.PRIME - 1, shamir.PRIME) == 1 for a in (2, 3, 5, 7, 11, 13))


def test_shares_are_drawn_anew() -> None:
    assert shamir.split(bytes(16), 3, range(1, 6)) != shamir.split(bytes(16), 3, range(1, 6))


def test_coefficients_are_any_number_below_the_prime() -> None:
    """With t = 2 the first share is the coefficient itself; that none of 200 is large has a chance below 10^-24."""
    first = [int.from_bytes(shamir.split(bytes(16), 2, range(1, 4))[0], "little") for _ in range(200)]
    assert any(value >= 2**129 for value in first)
    assert any(value < 2**129 for value in first)


def test_all_coefficients_are_random() -> None:
    # With t = n = 3, a constant or linear polynomial would put three shares of zero on a line.
    first, second, third = (int.from_bytes(s, "little") for s in shamir.split(bytes(16), 3, range(1, 4)))
    assert (first - 2 * second + third) % shamir.PRIME != 0


def test_a_value_that_is_no_secret_is_none() -> None:
    large = (2**128).to_bytes(17, "little")
    assert shamir.combine({1: large}) is None
    assert shamir.combine({1: (2**128 - 1).to_bytes(17, "little")}) == b"\xff" * 16


@pytest.mark.parametrize(
    "share", [b"", bytes(16), bytes(18), b"\xff" * 17, shamir.PRIME.to_bytes(17, "little")], ids=len
)
def test_what_is_not_a_share(share: bytes) -> None:
    assert not shamir.is_share(share)


def test_the_largest_share_is_one() -> None:
    assert shamir.is_share((shamir.PRIME - 1).to_bytes(17, "little"))


@pytest.mark.parametrize(("secret", "t", "n"), [(bytes(15), 2, 3), (bytes(16), 0, 3), (bytes(16), 4, 3)])
def test_wrong_arguments_are_refused(secret: bytes, t: int, n: int) -> None:
    with pytest.raises(ValueError):
        shamir.split(secret, t, range(1, n + 1))


@pytest.mark.parametrize("points", [(0, 1, 2), (-1, 1, 2), (1, 1, 2)])
def test_a_point_where_the_secret_lies_or_that_is_given_twice_is_refused(points: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        shamir.split(bytes(16), 2, points)


def test_shares_at_scattered_points() -> None:
    points = (3, 977, 12, 10_000)
    shares = dict(zip(points, shamir.split(b"s" * 16, 3, points), strict=True))
    for left_out in points:
        assert shamir.combine({point: shares[point] for point in points if point != left_out}) == b"s" * 16

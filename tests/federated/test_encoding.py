"""Encoding: exact sensitivity, words as narrow as they may be, and never a sum that wraps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tacit.errors import AgreementError
from tacit.federated.encoding import EXACT_UNITS, PRIVATE_UNITS, Encoding

unhurried = settings(deadline=None)

finite = st.floats(allow_nan=False, allow_infinity=False)
bounds = st.floats(1e-6, 1e6)
unit_counts = st.sampled_from((10, 50, PRIVATE_UNITS, EXACT_UNITS))


def make_encoding(length: int = 4, norm_bound: float = 1.0, units: int = PRIVATE_UNITS, **changes) -> Encoding:
    options = {"noise_scale": 0.0, "contributions": 100, "parties": 3, **changes}
    return Encoding.fit(length=length, norm_bound=norm_bound, units=units, **options)


def squared_norms(integers: np.ndarray) -> list[int]:
    """Exact, in Python's integers."""
    return [sum(int(value) ** 2 for value in row) for row in integers]


@unhurried
@given(rows=arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=finite), bound=bounds)
@example(rows=np.array([[1.7e308, -1.7e308]]), bound=1e-6)
@example(rows=np.array([[1e300, 0.0]]), bound=1.0)
@example(rows=np.array([[5e-324, -5e-324]]), bound=1e6)
def test_no_contribution_is_longer_than_the_units(rows: np.ndarray, bound: float) -> None:
    integers = make_encoding(rows.shape[1], bound).quantise(rows)
    assert all(norm <= PRIVATE_UNITS**2 for norm in squared_norms(integers))


@unhurried
@given(
    direction=arrays(np.float64, st.integers(1, 40), elements=st.floats(-1, 1)),
    bound=bounds,
    units=unit_counts,
    hair=st.sampled_from((0.0, 1e-16, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0)),
)
def test_a_contribution_a_hair_above_the_bound_is_shortened(
    direction: np.ndarray, bound: float, units: int, hair: float
) -> None:
    norm = float(np.linalg.norm(direction))
    assume(norm > 1e-3)
    rows = (direction * (bound * (1 + hair) / norm))[None, :]
    [squared] = squared_norms(make_encoding(len(direction), bound, units).quantise(rows))
    assert squared <= units**2
    assert math.sqrt(squared) >= units * (1 - 1e-8) - 2 * math.sqrt(len(direction))


def test_one_unit_too_long_is_noticed() -> None:
    encoding = make_encoding(2, 5.0, units=50)
    assert encoding.quantise([[3.0, 4.0]]).tolist() == [[30, 40]]
    assert encoding.quantise([[3.1, 4.0]]).tolist() == [[30, 39]]


@pytest.mark.parametrize("units", [PRIVATE_UNITS, EXACT_UNITS])
def test_the_least_excess_that_integers_can_have_is_noticed(units: int) -> None:
    """(U, 1) is too long by a part in 2 U^2; (U, 0) is as long as allowed."""
    encoding = make_encoding(2, 1.0, units)
    [long], [right] = encoding.quantise([[1.0, 1 / units]]), encoding.quantise([[1.0, 0.0]])
    assert long.tolist() == [units - 1, 0]
    assert right.tolist() == [units, 0]


@unhurried
@given(rows=arrays(np.float64, (3, 4), elements=st.floats(-0.5, 0.5)), bound=bounds, units=unit_counts)
def test_numbers_are_truncated_towards_zero(rows: np.ndarray, bound: float, units: int) -> None:
    rows = rows * bound
    exact = rows * (units / bound)
    integers = make_encoding(4, bound, units).quantise(rows)
    assert (np.abs(integers) <= np.abs(exact)).all()
    assert (np.abs(exact) - np.abs(integers) < 1).all()
    assert (np.sign(integers) * np.sign(exact) >= 0).all()


@pytest.mark.parametrize("rows", [np.zeros(4), np.zeros((2, 3)), np.zeros((1, 2, 4))])
def test_contributions_of_another_shape_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"of shape \(any, 4\)"):
        make_encoding(4).quantise(rows)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        make_encoding(2).quantise([[0.0, 0.1], [0.2, value]])


@unhurried
@given(
    rows=arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(-0.5, 0.5)),
    units=unit_counts,
    cut=st.integers(0, 30),
)
def test_sums_of_words_decode_to_sums_of_reals(rows: np.ndarray, units: int, cut: int) -> None:
    encoding = make_encoding(3, 1.0, units)
    parts = [encoding.to_words(encoding.total([part])) for part in (rows[:cut], rows[cut:])]
    total = encoding.to_reals(parts[0] + parts[1])
    assert (np.abs(total - rows.sum(axis=0)) <= len(rows) / units + 1e-12).all()
    integers = sum(np.array(encoding.quantise(rows[i : i + 1])[0]) for i in range(len(rows)))
    assert (encoding.to_reals(encoding.to_words(integers)) == total).all()


@unhurried
@given(rows=arrays(np.float64, st.tuples(st.integers(0, 20), st.just(3)), elements=finite), size=st.integers(1, 7))
def test_a_total_does_not_depend_on_its_chunks(rows: np.ndarray, size: int) -> None:
    encoding = make_encoding(3)
    chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
    assert encoding.total(chunks).tolist() == encoding.quantise(rows).sum(axis=0).tolist()


@unhurried
@given(
    rows=arrays(np.float64, st.tuples(st.integers(1, 12), st.just(4)), elements=finite),
    place=st.integers(0, 11),
    units=unit_counts,
)
def test_neighbouring_tables_differ_by_the_units_at_most(rows: np.ndarray, place: int, units: int) -> None:
    place %= len(rows)
    encoding = make_encoding(4, 1.0, units)
    difference = encoding.total([rows]) - encoding.total([np.delete(rows, place, axis=0)])
    assert squared_norms([difference])[0] <= units**2


def test_the_sensitivity_is_reached() -> None:
    encoding = make_encoding(1)
    assert encoding.total([np.array([[1.0]])]).tolist() == [PRIVATE_UNITS]


@pytest.mark.parametrize(
    ("contributions", "units", "bits"),
    [
        (1, 3, 8),
        (1, 2**15 - 1, 16),
        (1, 2**15, 17),
        (2**15 - 1, 2**16, 32),
        (2**15, 2**16, 33),
        (1000, EXACT_UNITS, 35),
        (2**38, EXACT_UNITS, 64),
    ],
)
def test_words_are_the_narrowest_that_fit(contributions: int, units: int, bits: int) -> None:
    encoding = make_encoding(units=units, contributions=contributions)
    held = min(size for size in (16, 32, 64) if size >= bits)
    assert (encoding.word_bits, encoding.dtype.itemsize * 8) == (bits, held)


@given(word=st.integers(-(2**26), 2**26 - 1))
def test_a_sum_of_any_width_keeps_its_sign_whatever_is_above_the_word(word: int) -> None:
    encoding = Encoding(1, 1.0, 1, 0.0, 27)
    for above in (0, 31 << 27):
        words = np.array([(word % 2**27) + above], np.uint32)
        assert encoding.to_reals(words).tolist() == [word]


@unhurried
@given(
    contributions=st.integers(1, 10**9), units=unit_counts, scale=st.floats(1, 1e9), length=st.sampled_from((1, 10**6))
)
def test_words_leave_room_for_the_noise_but_with_probability_under_2_to_minus_40(
    contributions: int, units: int, scale: float, length: int
) -> None:
    parties = 10
    encoding = make_encoding(length, units=units, noise_scale=scale, contributions=contributions, parties=parties)

    def may_wrap(bits: int) -> bool:
        room = 2 ** (bits - 1) - contributions * units
        # A sum of discrete Gaussians is sub-Gaussian (Canonne, Kamath, Steinke 2020, corollary 17).
        return room <= 0 or math.log(2 * length) - room**2 / (2 * parties * scale**2) > math.log(2.0**-40) + 1e-9

    assert not may_wrap(encoding.word_bits)
    assert encoding.word_bits == 16 or may_wrap(encoding.word_bits // 2)


@pytest.mark.parametrize("units", [100, PRIVATE_UNITS, EXACT_UNITS])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_does_not_wrap(units: int, sign: int) -> None:
    encoding = make_encoding(1, 1.0, units, contributions=300)
    words = encoding.to_words(np.full(1, sign * units, np.int64))
    total = np.zeros(1, encoding.dtype)
    for _ in range(300):
        total += words
    assert encoding.to_reals(total).tolist() == [300.0 * sign]


def test_sums_that_would_wrap_are_refused() -> None:
    with pytest.raises(AgreementError, match=r"2\^64 and would wrap: lower data.max_rows, or raise privacy.epsilon"):
        make_encoding(units=EXACT_UNITS, contributions=2**40)
    with pytest.raises(AgreementError, match="would wrap"):
        make_encoding(noise_scale=2.0**62, contributions=1)

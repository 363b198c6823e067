"""Rounds, folds and fractions on arrays, against Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import sumcheck

unhurried = settings(deadline=None, max_examples=25)  # a first call compiles
P = 2**64 - 2**32 + 1
HALVES = st.one_of(st.integers(1, 40), st.sampled_from([63, 64, 257]))
SEEDS = st.integers(0, 2**32)
Pair = tuple[int, int]


def plus(x: Pair, y: Pair) -> Pair:
    return (x[0] + y[0]) % P, (x[1] + y[1]) % P


def times(x: Pair, y: Pair) -> Pair:
    return (x[0] * y[0] + 7 * x[1] * y[1]) % P, (x[0] * y[1] + x[1] * y[0]) % P


def minus(x: Pair, y: Pair) -> Pair:
    return (x[0] - y[0]) % P, (x[1] - y[1]) % P


def pairs(table) -> list[Pair]:
    return [(int(row) % P, 0) if table.ndim == 1 else (int(row[0]) % P, int(row[1]) % P) for row in table]


def lines(table) -> list[tuple[Pair, Pair]]:
    values = pairs(table)
    half = len(values) // 2
    return list(zip(values[:half], values[half:], strict=True))


def at(line: tuple[Pair, Pair], x: Pair) -> Pair:
    return plus(line[0], times(x, minus(line[1], line[0])))


def summed(terms) -> Pair:
    result = (0, 0)
    for term in terms:
        result = plus(result, term)
    return result


def product(factors) -> Pair:
    result = (1, 0)
    for factor in factors:
        result = times(result, factor)
    return result


KINDS = ["be", "eb", "ee", "bb", "ebb", "beb", "eee", "eeb", "bbb"]


@pytest.mark.parametrize("kind", KINDS)
@unhurried
@given(half=HALVES, seed=SEEDS)
def test_round_values(words, kind, half, seed):
    tables = [words(seed + i, (2 * half, 2)[: 1 + (each == "e")]) for i, each in enumerate(kind)]
    places = [0, *range(2, len(kind) + 1)]
    expected = [
        summed(product(at(line, (x, 0)) for line in each) for each in zip(*map(lines, tables), strict=True))
        for x in places
    ]
    assert pairs(sumcheck.round_values(tables)) == expected
    turned = [np.roll(table, half, axis=0) for table in tables]
    assert pairs(sumcheck.round_values(turned, reverse=True)) == expected


@pytest.mark.parametrize("products", [1, 2])
@unhurried
@given(half=HALVES, seed=SEEDS)
def test_weighted_round(words, products, half, seed):
    weights = words(seed, (half, 2))
    tables = [words(seed + 1 + i, (2 * half, 2)) for i in range(2 * products)]
    low, leading = [], []
    for weight, *each in zip(pairs(weights), *map(lines, tables), strict=True):
        starts = [line[0] for line in each]
        slopes = [minus(line[1], line[0]) for line in each]
        for sums, factors in ((low, starts), (leading, slopes)):
            total = summed(times(*factors[i : i + 2]) for i in range(0, len(factors), 2))
            sums.append(times(weight, total))
    result = sumcheck.weighted_round(weights, list(zip(tables[::2], tables[1::2], strict=True)))
    assert pairs(result) == [summed(low), summed(leading)]
    turned = [np.roll(table, half, axis=0) for table in tables]
    products = list(zip(turned[::2], turned[1::2], strict=True))
    np.testing.assert_array_equal(sumcheck.weighted_round(weights, products, reverse=True), result)


@unhurried
@given(half=HALVES, count=st.integers(1, 5), places=st.integers(1, 7), seed=SEEDS)
def test_weighted_values(words, half, count, places, seed):
    weights = words(seed, (half, 2))
    tables = [words(seed + 1 + i, (2 * half, 2)) for i in range(count)]
    every = list(zip(pairs(weights), *map(lines, tables), strict=True))
    expected = [
        summed(times(weight, product(at(line, (x, 0)) for line in each)) for weight, *each in every)
        for x in range(places)
    ]
    assert pairs(sumcheck.weighted_values(weights, tables, places)) == expected


@pytest.mark.parametrize("kind", ["b", "e"])
@unhurried
@given(half=HALVES, seed=SEEDS)
def test_fold(words, kind, half, seed):
    table, challenge = words(seed, (2 * half, 2)[: 1 + (kind == "e")]), words(seed + 1, 2)
    before = table.copy()
    expected = [at(line, pairs(challenge[None])[0]) for line in lines(table)]
    result = sumcheck.fold(table, challenge)
    assert [tuple(row) for row in result.tolist()] == expected
    np.testing.assert_array_equal(table, before)
    if kind == "e":
        assert sumcheck.fold(table, challenge, out=table[:half]).tolist() == result.tolist()
        np.testing.assert_array_equal(table[half:], before[half:])


@pytest.mark.parametrize("kind", ["b", "e"])
@unhurried
@given(half=HALVES, seed=SEEDS)
def test_add_fractions(words, kind, half, seed):
    p, q = words(seed, (2 * half, 2)[: 1 + (kind == "e")]), words(seed + 1, (2 * half, 2))
    above, below = sumcheck.add_fractions(p, q)
    both = list(zip(lines(p), lines(q), strict=True))
    assert pairs(above) == [plus(times(p0, q1), times(p1, q0)) for (p0, p1), (q0, q1) in both]
    assert pairs(below) == [times(q0, q1) for _, (q0, q1) in both]


@unhurried
@given(length=st.integers(0, 40), seed=SEEDS)
def test_scaled_sum(words, length, seed):
    x, factor, y = words(seed, (length, 2)), words(seed + 1, 2), words(seed + 2, (length, 2))
    (scale,) = pairs(factor[None])
    expected = [plus(a, times(scale, b)) for a, b in zip(pairs(x), pairs(y), strict=True)]
    assert [tuple(row) for row in sumcheck.scaled_sum(x, factor, y).tolist()] == expected


@unhurried
@given(variables=st.integers(0, 6), seed=SEEDS)
def test_equality_table(words, variables, seed):
    point, scale = words(seed, (variables, 2)), words(seed + 1, 2)
    coordinates = pairs(point)
    weights = [
        product(c if index >> (variables - 1 - i) & 1 else minus((1, 0), c) for i, c in enumerate(coordinates))
        for index in range(2**variables)
    ]
    assert pairs(sumcheck.equality_table(point)) == weights
    assert pairs(sumcheck.equality_table(point, scale)) == [times(pairs(scale[None])[0], each) for each in weights]


def test_long_tables_are_shared_out_and_add_up_alike(words, monkeypatch):
    a, b, weights = words(1, (3000, 2)), words(2, 3000), words(3, (1500, 2))
    challenge, point = words(4, 2), words(5, (11, 2))

    def everything():
        return [
            sumcheck.round_values([a, b]),
            sumcheck.weighted_round(weights, [(a, a)]),
            sumcheck.weighted_values(weights, [a, a, a], 3),
            sumcheck.fold(a, challenge),
            sumcheck.fold(b, challenge),
            *sumcheck.add_fractions(b, a),
            sumcheck.equality_table(point),
        ]

    alone = everything()
    monkeypatch.setattr(sumcheck, "SHARE", 100)
    for cores in (2, 5):
        monkeypatch.setattr(sumcheck, "cores", lambda cores=cores: cores)
        for expected, result in zip(alone, everything(), strict=True):
            np.testing.assert_array_equal(result, expected)


def test_any_layout(words, disguises):
    table, challenge = words(1, (12, 2)), words(2, 2)
    expected, rounds = sumcheck.fold(table, challenge), sumcheck.round_values([table, table])
    for each in disguises(table):
        np.testing.assert_array_equal(sumcheck.fold(each, challenge), expected)
        np.testing.assert_array_equal(sumcheck.round_values([each, table]), rounds)


def test_refusals(words):
    table, base, challenge = words(1, (8, 2)), words(2, 8), words(3, 2)
    with pytest.raises(TypeError, match="uint64"):
        sumcheck.fold(table.astype(np.float64), challenge)
    with pytest.raises(ValueError, match="one even length"):
        sumcheck.fold(table[:7], challenge)
    with pytest.raises(ValueError, match="one even length"):
        sumcheck.fold(table[:0], challenge)
    with pytest.raises(ValueError, match="one even length"):
        sumcheck.round_values([table, base[:6]])
    for count in (1, 4):
        with pytest.raises(ValueError, match="two or three"):
            sumcheck.round_values([table] * count)
    with pytest.raises(ValueError, match="must have shape"):
        sumcheck.fold(words(1, (8, 3)), challenge)
    with pytest.raises(ValueError, match="must have shape \\(n, 2\\)"):
        sumcheck.weighted_round(table[:4], [(base, table)])
    with pytest.raises(ValueError, match="do not fit"):
        sumcheck.weighted_round(table, [(table, table)])
    with pytest.raises(ValueError, match="do not fit"):
        sumcheck.weighted_round(table[:4], [(table, table)] * 3)
    with pytest.raises(ValueError, match="do not fit"):
        sumcheck.weighted_values(table, [table], 2)
    with pytest.raises(ValueError, match="two words"):
        sumcheck.fold(table, base)
    with pytest.raises(ValueError, match="out must have shape"):
        sumcheck.fold(table, challenge, out=table)
    with pytest.raises(ValueError, match="one length"):
        sumcheck.scaled_sum(table, challenge, table[:4])
    with pytest.raises(ValueError, match="shape"):
        sumcheck.add_fractions(base, base)

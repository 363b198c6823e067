"""The numbers of the sparse graph, held against exact fractions and against graphs that are drawn."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from math import comb, inf, log2
from pathlib import Path

import pytest

from tacit.federated.secagg import regular_graph as module
from tacit.federated.secagg.regular_graph import RegularGraph, log2_exposure, log2_failure, quorum, regular_graph

LIMIT = Fraction(1, 2**40)
SIZES = [(12, 0, 1), (12, 1, 1), (24, 2, 2), (60, 1, 5), (101, 1, 4), (101, 0, 31), (120, 2, 12), (150, 10, 20)]


@cache
def tail(population: int, marked: int, drawn: int, least: int) -> Fraction:
    """P[X >= least] for X the marked among `drawn` of `population`, counted out."""
    ways = (comb(marked, x) * comb(population - marked, drawn - x) for x in range(max(least, 0), drawn + 1))
    return Fraction(sum(ways), comb(population, drawn))


def log2_of(value: Fraction) -> float:
    return log2(value.numerator) - log2(value.denominator) if value else -inf


def close(n: int, c: int, k: int, t: int, size: int) -> Fraction:
    """On sets of `size` honest parties each with t - 1 picks or more within the set and the corrupt."""
    return comb(n - c, size) * tail(n - 1, size - 1 + c, k, t - 1) ** size


def closed(n: int, c: int, d: int, k: int, size: int) -> Fraction:
    """On sets of `size` honest parties that pick among themselves, the corrupt and d others."""
    others = n - c - size
    room = min(d + c + size - 1, n - 1)
    return comb(n - c, size) * comb(others, min(d, others)) * Fraction(comb(room, k), comb(n - 1, k)) ** size


def left_out(n: int, c: int, d: int, k: int, size: int) -> Fraction:
    """On sets of `size` honest parties that few enough other honest ones pick: at most d, more than half staying."""
    honest, others = n - c, n - c - size
    misses = Fraction(comb(n - 1 - size, k), comb(n - 1, k))
    most = min(d, others - honest // 2 - 1)
    ways = (comb(others, x) * (1 - misses) ** x * misses ** (others - x) for x in range(most + 1))
    return comb(honest, size) * sum(ways, Fraction(0))


def exposure(n: int, c: int, d: int, k: int, t: int) -> Fraction:
    parts = (min(close(n, c, k, t, a), closed(n, c, d, k, a)) for a in range(1, (n - c) // 2 + 1))
    return (n - c) * tail(n - 1, c, k, t) + sum(parts)


def failure(n: int, d: int, graph: RegularGraph) -> Fraction:
    shares = n * tail(n - 1, d, graph.degree, graph.degree - graph.threshold + 1)
    return shares + tail(n, d, graph.committee, graph.committee - graph.quorum + 1)


# --- the tail and the bounds that it gives


def test_the_tail_is_the_hypergeometric_one() -> None:
    for population in range(1, 11):
        for marked in range(population + 1):
            for drawn in range(population + 1):
                for least in range(-1, drawn + 2):
                    exact = log2_of(tail(population, marked, drawn, least))
                    assert module._log2_tail(population, marked, drawn, least) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("case", [(999, 10, 58, 12), (999, 300, 58, 47), (999, 100, 116, 42), (9999, 300, 60, 30)])
def test_the_tail_of_many_parties(case: tuple[int, int, int, int]) -> None:
    assert module._log2_tail(*case) == pytest.approx(log2_of(tail(*case)), abs=1e-7)


@pytest.mark.parametrize("case", [(8, 3, 4, 2), (12, 5, 6, 4), (20, 10, 3, 3)])
def test_the_tail_is_how_often_it_happens(case: tuple[int, int, int, int]) -> None:
    population, marked, drawn, least = case
    coins, rounds = random.Random(1), 20_000
    hits = sum(sum(x < marked for x in coins.sample(range(population), drawn)) >= least for _ in range(rounds))
    chance = 2 ** module._log2_tail(*case)
    assert abs(hits / rounds - chance) < 5 * (chance * (1 - chance) / rounds) ** 0.5


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_exposure_and_failure_stay_below_the_limit_in_exact_fractions(size: tuple[int, int, int]) -> None:
    n, c, d = size
    graph = regular_graph(n, c, d)
    assert exposure(n, c, d, graph.degree, graph.threshold) <= LIMIT
    assert failure(n, d, graph) <= LIMIT
    stated = log2_exposure(n, c, d, graph.degree, graph.threshold), log2_failure(n, d, graph)
    exact = exposure(n, c, d, graph.degree, graph.threshold), failure(n, d, graph)
    assert stated == pytest.approx(tuple(map(log2_of, exact)), abs=1e-6)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_two_survivor_sets_share_an_honest_signer(size: tuple[int, int, int]) -> None:
    n, c, d = size
    graph = regular_graph(n, c, d)
    corrupt = min(c, graph.committee)
    # However the honest of the committee are split, the corrupt sign both.
    for first in range(graph.committee - corrupt + 1):
        second = graph.committee - corrupt - first
        assert first + corrupt < graph.quorum or second + corrupt < graph.quorum
    assert 2 * (graph.quorum - 1) <= graph.committee + corrupt


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_more_than_the_cut_off_are_left_out(size: tuple[int, int, int]) -> None:
    n, c, d = size
    graph = regular_graph(n, c, d)
    more = range(graph.cut_off + 1, (n - c - 1) // 2 + 1)
    assert sum(left_out(n, c, d, graph.degree, a) for a in more) <= LIMIT
    every = range(max(graph.cut_off, 1), (n - c - 1) // 2 + 1)
    assert graph.cut_off == 0 or sum(left_out(n, c, d, graph.degree, a) for a in every) > LIMIT
    for a in (1, graph.cut_off + 1):
        exact = log2_of(left_out(n, c, d, graph.degree, a))
        assert module._log2_left_out(n, c, d, graph.degree, a) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("size", [(12, 1, 1), (24, 2, 2), (60, 1, 5)], ids=str)
def test_fewer_neighbours_would_not_do(size: tuple[int, int, int]) -> None:
    n, c, d = size
    graph = regular_graph(n, c, d)
    for k in range(1, graph.degree):
        fails = [t for t in range(1, k + 1) if n * tail(n - 1, d, k, k - t + 1) > LIMIT / 2]
        exposes = [t for t in range(1, k + 1) if t < 2 or exposure(n, c, d, k, t) > LIMIT]
        assert {*fails, *exposes} == set(range(1, k + 1))
    higher = graph.threshold + 1
    assert n * tail(n - 1, d, graph.degree, graph.degree - higher + 1) > LIMIT / 2


# --- graphs that are drawn: the bounds are no less than what happens


def draw(coins: random.Random, n: int, k: int) -> list[set[int]]:
    return [set(coins.sample([other for other in range(n) if other != i], k)) for i in range(n)]


def groups(members: Iterable[int], size: int) -> list[set[int]]:
    return [set(group) for group in itertools.combinations(members, size)]


@pytest.mark.parametrize(
    ("n", "c", "d", "k", "t"), [(9, 1, 1, 4, 4), (6, 0, 1, 3, 3), (8, 2, 1, 4, 4), (9, 3, 2, 4, 3)]
)
def test_the_bounds_are_above_what_happens_on_drawn_graphs(n: int, c: int, d: int, k: int, t: int) -> None:
    """Corrupt are the last c of n; every set of honest parties, with every d others, is looked at in each graph."""
    coins, rounds, honest = random.Random(2), 300, range(n - c)
    corrupt, sizes = set(range(n - c, n)), range(1, (n - c) // 2 + 1)
    exposed, near, cut, both, out = 0, Counter(), Counter(), Counter(), Counter()
    for _ in range(rounds):
        picks = draw(coins, n, k)
        exposed += any(len(picks[i] & corrupt) >= t for i in honest)
        for size in sizes:
            opened = [own for own in groups(honest, size) if all(len(picks[i] & (own | corrupt)) >= t - 1 for i in own)]
            alone = [
                own
                for own in groups(honest, size)
                if len(set().union(*(picks[i] for i in own)) - own - corrupt) <= d  # the others that would have to drop
            ]
            without = [
                own
                for own in groups(honest, size)
                if sum(bool(picks[i] & own) for i in honest if i not in own)  # the honest who would have to drop
                <= min(d, n - c - size - (n - c) // 2 - 1)
            ]
            out[size] += bool(without)
            near[size] += bool(opened)
            cut[size] += bool(alone)
            both[size] += any(own in alone for own in opened)
    assert exposed <= above((n - c) * float(tail(n - 1, c, k, t)), rounds)
    for size in sizes:
        assert near[size] <= above(float(close(n, c, k, t, size)), rounds)
        assert cut[size] <= above(float(closed(n, c, d, k, size)), rounds)
        assert cut[size] <= above(2 ** module._log2_closed(n, c, d, k, size), rounds)
        assert out[size] <= above(2 ** module._log2_left_out(n, c, d, k, size), rounds)
        assert both[size] <= above(2 ** module._log2_component(n, c, d, k, t, size), rounds)
    assert any(0 < near[size] < rounds for size in sizes)
    assert any(0 < cut[size] < rounds for size in sizes)


def above(bound: float, rounds: int) -> float:
    """No count of something this likely, or less, is above it but with a chance of one in a million."""
    return rounds * bound + 5 * (rounds * bound) ** 0.5


# --- what there is, and what there is not


@pytest.mark.parametrize("size", [*SIZES, (200, 0, 40), (200, 2, 50), (333, 2, 66), (333, 5, 83)], ids=str)
def test_the_committee_is_the_smallest(size: tuple[int, int, int]) -> None:
    """Of even and odd sizes alike: the chance that it falls short does not fall with every party more."""
    n, c, d = size

    def short(committee: int) -> Fraction:
        return tail(n, d, committee, committee - quorum(committee, c) + 1)

    found = regular_graph(n, c, d).committee
    assert short(found) <= LIMIT / 2
    assert all(short(smaller) > LIMIT / 2 for smaller in range(1, found))


def test_where_agreement_is_impossible_there_is_no_graph() -> None:
    for n in range(3, 40):
        for c in range(n):
            for d in range(n):
                assert n >= c + 2 * d + 1 or regular_graph(n, c, d) is None


@pytest.mark.parametrize("size", [(3, 0, 1), (5, 4, 0), (30, 29, 0), (101, 100, 0)], ids=str)
def test_some_combinations_have_none_though_agreement_is_possible(size: tuple[int, int, int]) -> None:
    n, c, d = size
    assert n >= c + 2 * d + 1
    assert regular_graph(n, c, d) is None
    # Not even the most neighbours do: every threshold exposes or fails too often.
    k = n - 1
    for t in range(2, k + 1):
        assert n * tail(n - 1, d, k, k - t + 1) > LIMIT / 2 or exposure(n, c, d, k, t) > LIMIT


@pytest.mark.parametrize("size", [(4, 1, 1), (5, 0, 0), (60, 0, 29), (101, 60, 0), (101, 40, 30)], ids=str)
def test_few_parties_and_many_corrupt_or_dropping_ones_have_one(size: tuple[int, int, int]) -> None:
    n, c, d = size
    graph = regular_graph(n, c, d)
    assert 2 <= graph.threshold <= graph.degree < n
    assert exposure(n, c, d, graph.degree, graph.threshold) <= LIMIT
    assert failure(n, d, graph) <= LIMIT


@pytest.mark.parametrize("n", [20, 60, 101, 200])
def test_more_corrupt_or_more_dropping_parties_need_no_fewer_neighbours(n: int) -> None:
    degrees = {(c, d): graph.degree for c in range(6) for d in range(8) if (graph := regular_graph(n, c, d))}
    assert len(degrees) > 20
    for (c, d), degree in degrees.items():
        assert degree <= degrees.get((c + 1, d), n)
        assert degree <= degrees.get((c, d + 1), n)


@pytest.mark.parametrize("committee", range(1, 9))
@pytest.mark.parametrize("corrupt", range(10))
def test_the_quorum_is_the_least_that_two_sets_cannot_both_have(committee: int, corrupt: int) -> None:
    both = min(corrupt, committee)
    enough = [u for u in range(committee + 2) if 2 * u > committee + both]
    assert quorum(committee, corrupt) == enough[0]


def test_the_table_on_the_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "protocols" / "secure-aggregation.md"
    rows = re.findall(r"^\| (\d+) " + r"\| (\d+) " * 7 + r"\|$", page.read_text(), re.MULTILINE)
    assert len(rows) == 6
    for row in rows:
        n, c, d, *stated = map(int, row)
        graph = regular_graph(n, c, d)
        assert stated == [graph.degree, graph.threshold, graph.committee, graph.quorum, graph.cut_off]

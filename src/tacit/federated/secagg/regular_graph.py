"""The sparse graph for more than a hundred parties: how many neighbours, shares and signers, so that 2^-40 holds.

Each party picks k others at random, with its own coins, and deals shares of its secrets to them alone; whom it picked
and who picked it are its neighbours, and only with them does it exchange masks (Bell et al. 2020, section 4). Every
number here follows from n parties, c corrupt and d dropping; docs/protocols/secure-aggregation.md has the proof.

*One survivor set, always.* A committee of q parties, named by the sum's instance, signs the survivor set, and
2 u > q + min(c, q) of them are needed: two sets cannot both be confirmed, whoever the corrupt are (as in `thresholds`).

*Secrecy.* The shares of an honest party for the secret that stays hidden are with its corrupt neighbours alone:
c_i >= t with probability P[Hyp(n-1, c, k) >= t] for each.

*No splitting.* A component L of the honest survivors that is unmasked by itself has t neighbours of each member within
L and the corrupt, and all that its members picked within L, the corrupt and the d that dropped. Both are unlikely for
each size a, over all sets of that size; the smaller of both bounds, summed over a, is what can be lost.

*Progress.* k - t or more of a party's picks fail, or q - u or more of the committee.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache

LOG2_FAILURE = -40.0
_PART = -1.0  # each of two causes gets half


@dataclass(frozen=True)
class RegularGraph:
    """The numbers of one sparse graph.

    Attributes:
        degree: k, the others that each party picks.
        threshold: t, the shares that open a secret, of k + 1 (a party keeps one of its own).
        committee: q, the parties that confirm the survivors.
        quorum: u, the confirmations that a survivor set needs.
        cut_off: the most honest survivors that a malicious server may list and leave out all the same, by dropping
            whoever picked them: the sum that it learns has so many honest vectors fewer.
    """

    degree: int
    threshold: int
    committee: int
    quorum: int
    cut_off: int


@cache
def regular_graph(parties: int, corrupt: int, dropping: int) -> RegularGraph | None:
    """Return the sparsest graph on which exposure and failure each stay under 2^-40, or None where there is none."""
    committee = _smallest_committee(parties, corrupt, dropping)
    if committee is None:
        return None
    low, high = 1, parties - 1
    if _threshold_for(parties, corrupt, dropping, high) is None:
        return None
    while low < high:
        middle = (low + high) // 2
        if _threshold_for(parties, corrupt, dropping, middle) is None:
            low = middle + 1
        else:
            high = middle
    threshold = _threshold_for(parties, corrupt, dropping, low)
    assert threshold is not None
    cut_off = _cut_off(parties, corrupt, dropping, low)
    return RegularGraph(low, threshold, committee, quorum(committee, corrupt), cut_off)


def quorum(committee: int, corrupt: int) -> int:
    """Return u, the least number of signers of which two sets share an honest one."""
    return (committee + min(corrupt, committee)) // 2 + 1


def log2_failure(parties: int, dropping: int, graph: RegularGraph) -> float:
    """Return log2 of the chance that `dropping` parties, whoever they are, leave some secret or the quorum short."""
    shares = math.log2(parties) + _log2_tail(parties - 1, dropping, graph.degree, graph.degree - graph.threshold + 1)
    signers = _log2_tail(parties, dropping, graph.committee, graph.committee - graph.quorum + 1)
    return _log2_sum([shares, signers])


def log2_exposure(parties: int, corrupt: int, dropping: int, degree: int, threshold: int) -> float:
    """Return log2 of the chance that the adversary can do more than learn the one sum."""
    honest = parties - corrupt
    both = math.log2(honest) + _log2_tail(parties - 1, corrupt, degree, threshold)
    parts = [_log2_component(parties, corrupt, dropping, degree, threshold, size) for size in range(1, honest // 2 + 1)]
    return _log2_sum([both, *parts])


def _smallest_committee(parties: int, corrupt: int, dropping: int) -> int | None:
    """Return the least q of which the quorum fails seldom enough, or None.

    From q to q + 1 the chance can rise, as the quorum grows every other time. From q to q + 2 it never does: of X of q
    failing, with l = q - u + 1, it falls where P[X = l] P[none of two more] >= P[X = l - 1] P[both], which holds for
    n >= c + 2d + 1. So each parity is bisected by itself.
    """

    def works(size: int) -> bool:
        return _log2_tail(parties, dropping, size, size - quorum(size, corrupt) + 1) <= LOG2_FAILURE + _PART

    if parties - dropping < quorum(parties, corrupt):
        return None
    by_parity = [range(first, parties + 1, 2) for first in (1, 2)]
    places = [bisect_left(sizes, True, key=works) for sizes in by_parity]
    return min(sizes[place] for sizes, place in zip(by_parity, places, strict=True) if place < len(sizes))


def _threshold_for(parties: int, corrupt: int, dropping: int, degree: int) -> int | None:
    """Return the largest threshold that progress allows at this degree, or None if it exposes too much."""
    allowed = LOG2_FAILURE + _PART - math.log2(parties)
    low, high = 0, degree
    while low < high:  # the largest t with P[Hyp >= k - t + 1] small enough
        middle = (low + high + 1) // 2
        if _log2_tail(parties - 1, dropping, degree, degree - middle + 1) <= allowed:
            low = middle
        else:
            high = middle - 1
    if low < 2 or log2_exposure(parties, corrupt, dropping, degree, low) > LOG2_FAILURE:
        return None
    return low


def _log2_component(parties: int, corrupt: int, dropping: int, degree: int, threshold: int, size: int) -> float:
    sets = _log2_binomial(parties - corrupt, size)
    close = sets + size * _log2_tail(parties - 1, size - 1 + corrupt, degree, threshold - 1)
    return min(close, _log2_closed(parties, corrupt, dropping, degree, size))


def _log2_closed(parties: int, corrupt: int, dropping: int, degree: int, size: int) -> float:
    """Return log2 of a bound on the chance that `size` honest parties pick among themselves, the corrupt and d more."""
    room = min(dropping + corrupt + size - 1, parties - 1)
    inside = _log2_binomial(room, degree) - _log2_binomial(parties - 1, degree)
    others = parties - corrupt - size
    choices = _log2_binomial(others, min(dropping, others)) if dropping < others else 0.0
    return _log2_binomial(parties - corrupt, size) + choices + size * inside


def _cut_off(parties: int, corrupt: int, dropping: int, degree: int) -> int:
    sizes = range(1, (parties - corrupt - 1) // 2 + 1)
    largest, sum_of_larger = len(sizes), -math.inf
    while largest:
        sum_of_larger = _log2_sum([sum_of_larger, _log2_left_out(parties, corrupt, dropping, degree, largest)])
        if sum_of_larger > LOG2_FAILURE:
            break
        largest -= 1
    return largest


def _log2_left_out(parties: int, corrupt: int, dropping: int, degree: int, size: int) -> float:
    """Return log2 of a bound on the chance that some `size` honest parties are picked by few enough honest others.

    Those have to be dropped: at most d, and so few that more than half of the honest are left, since no fewer than that
    are unmasked together (`_log2_component`). Each of the others picks one of the set by its own coins.
    """
    others = parties - corrupt - size
    most = min(dropping, others - (parties - corrupt) // 2 - 1)
    if most < 0:
        return -math.inf
    misses = _log2_binomial(parties - 1 - size, degree) - _log2_binomial(parties - 1, degree)
    hits = math.log2(-math.expm1(misses * math.log(2))) if misses < 0 else -math.inf
    terms = [_log2_binomial(others, x) + (x * hits if x else 0.0) + (others - x) * misses for x in range(most + 1)]
    return _log2_binomial(parties - corrupt, size) + min(0.0, _log2_sum(terms))


def _log2_tail(population: int, marked: int, drawn: int, least: int) -> float:
    """Return log2 P[X >= least], X the marked among `drawn` from `population` without putting back."""
    low, high = max(least, drawn + marked - population, 0), min(drawn, marked)
    if least <= max(0, drawn + marked - population):
        return 0.0
    total = _log2_binomial(population, drawn)
    terms = [
        _log2_binomial(marked, x) + _log2_binomial(population - marked, drawn - x) - total for x in range(low, high + 1)
    ]
    return min(0.0, _log2_sum(terms))


def _log2_binomial(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -math.inf
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)


def _log2_sum(logs: list[float]) -> float:
    most = max(logs, default=-math.inf)
    if most == -math.inf:
        return most
    return most + math.log2(math.fsum(2 ** (log - most) for log in logs))

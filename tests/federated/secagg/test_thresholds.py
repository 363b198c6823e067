from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tacit.errors import AgreementError
from tacit.federated.secagg import thresholds
from tacit.federated.secagg.regular_graph import regular_graph

SIZES = [(n, c, d) for n in range(3, 101) for c in range(n) for d in range(n)]


def fits(n: int, c: int, d: int) -> bool:
    try:
        thresholds.check(n, c, d)
    except AgreementError:
        return False
    return True


def test_what_fits_is_one_inequality() -> None:
    assert all(fits(n, c, d) == (n >= c + 2 * d + 1) for n, c, d in SIZES)


def test_every_accepted_setting_keeps_the_four_promises() -> None:
    for n, c, d in SIZES:
        if fits(n, c, d):
            t = thresholds.threshold(n, c)
            assert 2 * t > (n - c) + 2 * c  # agreement: two sets cannot both be confirmed
            assert t > c  # secrecy
            assert 2 * t > n
            assert t <= thresholds.minimum_survivors(n, d)  # progress
            assert (n - d) + t - n >= c + 1  # no splitting: an honest peer among the confirmers
            assert thresholds.minimum_honest_survivors(n, c, d) >= max(1, t - c)


def test_the_threshold_is_the_least_that_gives_agreement() -> None:
    assert all(2 * (thresholds.threshold(n, c) - 1) <= n + c for n, c, _ in SIZES)


@pytest.mark.parametrize("n", range(3, 11))
def test_no_two_survivor_sets_are_confirmed_however_honest_parties_are_split(n: int) -> None:
    for c in range(n):
        t = thresholds.threshold(n, c)
        for first in range(n - c + 1):  # honest parties that are shown the first set; the others see the second
            assert first + c < t or (n - c - first) + c < t


def test_the_largest_numbers_that_fit_are_the_largest() -> None:
    for n, c in itertools.product(range(3, 101), range(100)):
        d = thresholds.most_dropping(n, c)
        assert d < 0 or (fits(n, c, d) and not fits(n, c, d + 1))
        c_most = thresholds.most_corrupt(n, c)
        assert c_most < 0 or (fits(n, c_most, c) and not fits(n, c_most + 1, c))


@pytest.mark.parametrize("n", range(3, 11))
def test_the_table_on_the_page(n: int) -> None:
    page = Path(__file__).parents[3] / "docs" / "protocols" / "secure-aggregation.md"
    (row,) = [
        line for line in page.read_text().splitlines() if line.startswith(f"| {n} | {thresholds.threshold(n, 0)}, ")
    ]
    stated = [cell.strip() for cell in row.split("|")[2:-1]]
    most = [thresholds.most_dropping(n, c) for c in range(10)]
    assert stated == [f"{thresholds.threshold(n, c)}, {d}" if d >= 0 else "" for c, d in enumerate(most)]


def test_a_refusal_says_what_would_fit() -> None:
    with pytest.raises(AgreementError) as caught:
        thresholds.check(10, 4, 3)
    text = str(caught.value)
    assert "with 4 corrupt at most 2 may drop" in text
    assert "with 3 dropping at most 3 may be corrupt" in text
    assert "11 parties would bear both" in text


def test_a_refusal_offers_nothing_that_is_refused() -> None:
    for n, c, d in ((3, 3, 0), (3, 0, 2), (100, 100, 100)):
        with pytest.raises(AgreementError) as caught:
            thresholds.check(n, c, d)
        assert "-" not in str(caught.value)
        assert "301 parties" not in str(caught.value)


def test_too_few_and_too_many_parties_are_refused() -> None:
    with pytest.raises(AgreementError, match="needs 3 or more"):
        thresholds.check(2, 0, 0)
    thresholds.check(100, 33, 33)
    with pytest.raises(AgreementError, match="101 parties: at most 100 can take part on a complete graph"):
        thresholds.check(101, 0, 0)
    thresholds.check(101, 0, 0, sparse=True)
    with pytest.raises(AgreementError, match="10001 parties: at most 10000 can take part"):
        thresholds.check(10_001, 0, 0, sparse=True)


def test_a_sparse_graph_that_cannot_keep_its_promises_is_refused() -> None:
    with pytest.raises(AgreementError, match="on no sparse graph do exposure and failure each stay under"):
        thresholds.check(101, 100, 0, sparse=True)


def test_who_takes_the_sparse_graph() -> None:
    assert [thresholds.needs_sparse(n) for n in (3, 100, 101)] == [False, False, True]
    assert thresholds.least_in_sum(100, 3, 10) == 90
    cut_off = regular_graph(1000, 10, 300).cut_off
    assert cut_off > 0
    assert thresholds.least_in_sum(1000, 10, 300) == 700 - cut_off


@pytest.mark.parametrize(("c", "d"), [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused(c: int, d: int) -> None:
    with pytest.raises(AgreementError, match="negative"):
        thresholds.check(5, c, d)

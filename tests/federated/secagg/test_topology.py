"""Who picks whom, who holds whose shares, and who masks against whom."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tacit.federated.secagg import Advertisement
from tacit.federated.secagg.setting import Setting
from tacit.federated.secagg.topology import Topology, pick, picks_fault

from .driver import make_setting

SPARSE = make_setting(n=24, corrupt=1, dropping=2, sparse=True)
COMPLETE = make_setting(n=5, dropping=1)
DEGREE = SPARSE.graph.degree
OWN = 3
RIGHT = (0, 1, 2, 4, 5, 6, 7)


def advertised(setting: Setting, picks: dict[int, tuple[int, ...]]) -> list[Advertisement]:
    return [Advertisement(setting.names[place], b"", b"", b"", chosen, b"") for place, chosen in picks.items()]


def drawn(absent: tuple[int, ...] = ()) -> tuple[Topology, dict[str, set[str]]]:
    """A graph that was drawn, without who did not advertise; and who picked whom, by name."""
    names = SPARSE.names
    ads = [
        Advertisement(name, b"", b"", b"", pick(SPARSE, name), b"")
        for place, name in enumerate(names)
        if place not in absent
    ]
    return Topology(SPARSE, ads), {ad.party: {names[position] for position in ad.picks} for ad in ads}


@pytest.mark.parametrize("absent", [(), (0, 23), (5, 6, 7)])
def test_neighbours_are_those_whom_one_picked_and_those_who_picked_it(absent: tuple[int, ...]) -> None:
    topology, picked = drawn(absent)
    for name in picked:
        expected = {other for other in picked if other in picked[name] or name in picked[other]}
        assert topology.neighbours(name) == SPARSE.in_order(expected)
        assert name not in expected
        assert all(name in topology.neighbours(other) for other in expected)


@pytest.mark.parametrize("absent", [(), (0, 23), (5, 6, 7)])
def test_holders_are_those_whom_one_picked_and_itself(absent: tuple[int, ...]) -> None:
    topology, picked = drawn(absent)
    among = tuple(picked)
    for owner in picked:
        assert topology.holders(owner, among) == SPARSE.in_order((picked[owner] | {owner}) & set(among))
        assert topology.holders(owner, among[4:9]) == tuple(n for n in among[4:9] if n in picked[owner] | {owner})
        for holder in picked:
            deals = holder == owner or holder in picked[owner]
            assert topology.deals(owner, holder) == deals
            assert (owner in topology.held(holder, among)) == deals
            assert (holder in topology.holders(owner, among)) == deals


def test_what_is_held_is_in_the_order_that_was_asked() -> None:
    topology, picked = drawn()
    backwards = SPARSE.names[::-1]
    held = topology.held("party-04", backwards)
    assert held == tuple(name for name in backwards if name == "party-04" or "party-04" in picked[name])
    assert topology.held("party-04", ("party-04",)) == ("party-04",)
    assert topology.held("party-04", ()) == ()


def test_a_pick_who_did_not_advertise_is_a_holder_and_no_neighbour() -> None:
    topology = Topology(SPARSE, advertised(SPARSE, {OWN: RIGHT, 0: (1, 2, 4, 5, 6, 7, 8)}))
    assert topology.neighbours("party-03") == ("party-00",)
    assert topology.deals("party-03", "party-07")
    assert topology.neighbours("party-00") == ("party-03",)


def test_on_the_complete_graph_everyone_on_the_roster_is_everything() -> None:
    topology = Topology(COMPLETE, advertised(COMPLETE, dict.fromkeys((0, 1, 3, 4), ())))
    others = ("party-00", "party-03", "party-04")
    assert topology.neighbours("party-01") == others
    assert topology.held("party-01", COMPLETE.names) == COMPLETE.names
    assert topology.holders("party-01", others) == others
    assert topology.deals("party-01", "party-02")


# --- picks


def test_picks_are_as_many_others_as_the_degree_in_order() -> None:
    for name in SPARSE.names:
        picks = pick(SPARSE, name)
        assert len(set(picks)) == DEGREE
        assert list(picks) == sorted(picks)
        assert set(picks) <= set(range(24)) - {SPARSE.positions[name]}
        assert picks_fault(SPARSE, name, picks) is None


def test_nobody_is_picked_more_than_others() -> None:
    """2,400 draws of 7 of 23: a count is binomial, of 730 in the mean and 22.5 in its deviation."""
    counts = Counter(position for _ in range(2400) for position in pick(SPARSE, "party-03"))
    assert set(counts) == set(range(24)) - {OWN}
    assert all(abs(count - 2400 * DEGREE / 23) < 6 * 22.5 for count in counts.values())


def test_picks_are_not_those_of_a_seed() -> None:
    drawn = set()
    for _ in range(8):
        random.seed(7)
        drawn.add(pick(SPARSE, "party-03"))
    assert len(drawn) > 1


def test_on_the_complete_graph_nobody_is_picked() -> None:
    assert pick(COMPLETE, "party-03") == ()
    assert picks_fault(COMPLETE, "party-03", ()) is None
    assert "does not pick 0 others" in picks_fault(COMPLETE, "party-03", (1,))


@pytest.mark.parametrize(
    "picks",
    [
        (),
        RIGHT[:-1],
        (*RIGHT, 8),
        (0, 1, 2, 3, 4, 5, 6),
        (0, 1, 2, 4, 4, 5, 6),
        (1, 0, 2, 4, 5, 6, 7),
        RIGHT[::-1],
        (-1, 1, 2, 4, 5, 6, 7),
        (0, 1, 2, 4, 5, 6, 24),
    ],
    ids=["none", "fewer", "more", "itself", "twice", "order", "descending", "below", "above"],
)
def test_what_are_not_picks(picks: tuple[int, ...]) -> None:
    assert picks_fault(SPARSE, "party-03", picks) == (
        "'party-03' does not pick 7 others, each once, in the agreement's order"
    )
    assert picks_fault(SPARSE, "party-03", RIGHT) is None
    assert picks_fault(SPARSE, "party-03", (17, 18, 19, 20, 21, 22, 23)) is None

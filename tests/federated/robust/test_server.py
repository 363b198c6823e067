"""The server of all groups is each group's server, and lets nothing cross from one group to another."""

from __future__ import annotations

import pytest

from tacit.errors import ProtocolError
from tacit.federated.robust.server import GroupedServer
from tacit.federated.secagg import AggregationParty, Setting

from ..secagg.driver import identity, make_vectors, plain_sum

GROUPS = ((0, 2, 4), (1, 3, 5, 6), (7, 8, 9))


def settings() -> list[Setting]:
    return [
        Setting(tuple(identity(place).public for place in group), 0, 1, bytes([number]) * 32, 6, 32)
        for number, group in enumerate(GROUPS)
    ]


class Sums:
    """All groups' parties and one server; whoever is in `lost` says nothing from that step on."""

    def __init__(self, lost: dict[str, int] | None = None) -> None:
        self.settings, self.lost = settings(), lost or {}
        self.server = GroupedServer(self.settings)
        self.vectors = {name: vector for each in self.settings for name, vector in make_vectors(each, 3).items()}
        self.parties = {
            name: AggregationParty(each, identity(int(name[-2:]))) for each in self.settings for name in each.names
        }

    def go(self) -> list:
        answers = self.said(0, {name: party.advertise() for name, party in self.parties.items()})
        rosters = self.server.roster(answers)
        self.rosters = rosters
        answers = self.said(1, {name: self.parties[name].share(roster) for name, roster in rosters.items()})
        inboxes = self.server.inboxes(answers)
        masked = {name: self.parties[name].mask(inbox, self.vectors[name]) for name, inbox in inboxes.items()}
        survivors = self.server.survivors(self.said(2, masked))
        answers = self.said(3, {name: self.parties[name].confirm(told) for name, told in survivors.items()})
        confirmed = self.server.confirmations(answers)
        there = {name: reply for name, reply in confirmed.items() if self.lost.get(name, 9) > 3}
        return self.server.result(self.said(4, {name: self.parties[name].unmask(r) for name, r in there.items()}))

    def said(self, step: int, messages: dict) -> dict:
        return {name: message for name, message in messages.items() if self.lost.get(name, 9) > step}


def test_each_group_has_the_sum_of_its_own() -> None:
    sums = Sums()
    for setting, total in zip(sums.settings, sums.go(), strict=True):
        assert (total == plain_sum(setting, sums.vectors, setting.names)).all()
    assert sums.server.excluded == {}
    assert sums.server.surviving == tuple(setting.names for setting in sums.settings)


def test_nobody_hears_of_another_group() -> None:
    sums = Sums()
    sums.go()
    for setting in sums.settings:
        for name in setting.names:
            assert {each.party for each in sums.rosters[name].advertisements} == set(setting.names)


@pytest.mark.parametrize("step", range(5))
def test_every_group_bears_as_many_lost_as_agreed_on(step: int) -> None:
    lost = {"party-02": step, "party-06": step, "party-09": step}
    sums = Sums(lost)
    totals = sums.go()
    for setting, total, surviving in zip(sums.settings, totals, sums.server.surviving, strict=True):
        assert surviving == tuple(name for name in setting.names if name not in lost or step > 2)
        assert (total == plain_sum(setting, sums.vectors, surviving)).all()
    assert set(sums.server.excluded) == set(lost)


def test_a_group_that_fails_stops_all_and_its_lost_are_named() -> None:
    with pytest.raises(ProtocolError) as caught:
        Sums({"party-02": 2, "party-04": 2}).go()
    assert caught.value.culprit == "party-02, party-04"


def test_whoever_is_in_no_group_is_told_apart() -> None:
    sums = Sums()
    server = GroupedServer(sums.settings)
    advertisements = {name: party.advertise() for name, party in sums.parties.items()}
    rosters = server.roster({**advertisements, "stranger": advertisements["party-00"]})
    assert "stranger" not in rosters
    assert "no part in this step" in server.excluded["stranger"]


def test_a_message_in_another_groups_name_is_left_out() -> None:
    sums = Sums()
    server = GroupedServer(sums.settings)
    advertisements = {name: party.advertise() for name, party in sums.parties.items()}
    server.roster({**advertisements, "party-02": advertisements["party-07"]})
    assert "in another party's name" in server.excluded["party-02"]

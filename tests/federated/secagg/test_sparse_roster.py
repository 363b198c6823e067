"""A malicious server and the roster of a neighbourhood: whom a party picks is its own affair, and signed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tacit.federated.secagg import Advertisement, AggregationParty, Roster
from tacit.federated.secagg.advertisement import advertisement_fault, roster_digest, sign_advertisement
from tacit.federated.secagg.seeds import KemKeys

from .driver import Session, identity, make_setting
from .sparse import DEGREE, THRESHOLD, VICTIM, drawn, pickers_of, picks_of, refused, sparse_setting, strangers_of


def start() -> tuple[Session, dict[str, Advertisement]]:
    """A session, and the advertisements on the victim's roster by party."""
    session = drawn()
    return session, {ad.party: ad for ad in session.replies["advertise"][VICTIM].advertisements}


def roster(session: Session, ads: dict[str, Advertisement]) -> Roster:
    return Roster(tuple(ads[name] for name in session.setting.in_order(ads)))


def a_picker(session: Session) -> str:
    """One who picked the victim and was not picked by it."""
    return next(name for name in pickers_of(session, VICTIM) if name not in picks_of(session, VICTIM))


def test_the_honest_roster_is_accepted_and_the_picks_are_dealt_shares() -> None:
    session, ads = start()
    assert len(ads) < session.setting.minimum_survivors
    message = session.parties[VICTIM].share(roster(session, ads))
    others = [name for name in ads if name != VICTIM]
    dealt = {name for name, piece in zip(others, message.pieces, strict=True) if piece.dealing is not None}
    assert dealt == set(picks_of(session, VICTIM))


def test_a_stranger_on_the_roster() -> None:
    session, ads = start()
    stranger = strangers_of(session, VICTIM)[0]
    ads[stranger] = session.messages["advertise"][stranger]
    assert f"has '{stranger}', which 'party-01' neither picked nor was picked by" in refused(
        session, "share", roster(session, ads)
    )


def test_the_roster_of_everyone() -> None:
    session, _ = start()
    assert "neither picked nor was picked by" in refused(
        session, "share", roster(session, session.messages["advertise"])
    )


def test_a_pick_may_be_missing_but_as_many_must_be_there_as_open_a_secret() -> None:
    session, ads = start()
    picked = picks_of(session, VICTIM)
    for name in picked[THRESHOLD - 1 :]:
        del ads[name]
    assert len(session.parties[VICTIM].share(roster(session, ads)).pieces) == len(ads) - 1
    session, ads = start()
    for name in picks_of(session, VICTIM)[THRESHOLD - 2 :]:
        del ads[name]
    assert f"4 holders of shares of 'party-01' are on the roster, fewer than {THRESHOLD}" in refused(
        session, "share", roster(session, ads)
    )


def test_others_who_picked_us_are_no_holders_of_ours() -> None:
    """However many neighbours are there: what counts is who holds shares of ours."""
    session, ads = start()
    for name in picks_of(session, VICTIM):
        del ads[name]
    assert "1 holders of shares" in refused(session, "share", roster(session, ads))


@pytest.mark.parametrize("change", ["removed", "exchanged", "added"])
def test_changed_picks_of_another(change: str) -> None:
    session, ads = start()
    name = a_picker(session)
    picks = list(ads[name].picks)
    unpicked = next(p for p in range(20) if p not in picks and p != session.setting.positions[name])
    picks = {"removed": picks[:-1], "exchanged": sorted([*picks[:-1], unpicked]), "added": sorted([*picks, unpicked])}[
        change
    ]
    ads[name] = replace(ads[name], picks=tuple(picks))
    assert f"'{name}' is not signed by the identity" in refused(session, "share", roster(session, ads))


def test_a_stranger_whom_the_server_lets_pick_us() -> None:
    session, ads = start()
    name = strangers_of(session, VICTIM)[0]
    ad = session.messages["advertise"][name]
    ads[name] = replace(ad, picks=tuple(sorted((1, *ad.picks[1:]))))
    assert f"'{name}' is not signed by the identity" in refused(session, "share", roster(session, ads))


def signed(session: Session, name: str, picks: tuple[int, ...]) -> Advertisement:
    """What a corrupt party may sign: fresh keys and any picks."""
    keys = KemKeys.fresh().public, KemKeys.fresh().public
    own = session.setting.positions[name]
    return sign_advertisement(session.setting, identity(own), *keys, bytes(32), picks)


@pytest.mark.parametrize(
    "change",
    [
        lambda picks, own: picks[1:],
        lambda picks, own: (),
        lambda picks, own: tuple(sorted({*picks, *range(20)} - {own})),
        lambda picks, own: tuple(sorted((own, *picks[1:]))),
        lambda picks, own: (picks[0], *picks[:-1]),
        lambda picks, own: picks[::-1],
        lambda picks, own: (*picks[:-1], 20),
    ],
    ids=["fewer", "none", "everyone", "itself", "twice", "order", "nobody"],
)
def test_a_neighbour_that_signs_what_are_no_picks(change: Callable[[tuple[int, ...], int], tuple[int, ...]]) -> None:
    session, ads = start()
    name = picks_of(session, VICTIM)[0]
    ads[name] = signed(session, name, change(ads[name].picks, session.setting.positions[name]))
    reason = refused(session, "share", roster(session, ads))
    assert f"'{name}' does not pick {DEGREE} others, each once, in the agreement's order" in reason


def test_picks_on_the_complete_graph() -> None:
    session = Session(make_setting(n=5, dropping=1)).go("advertise")
    ads = {ad.party: ad for ad in session.replies["advertise"][VICTIM].advertisements}
    ads["party-03"] = signed(session, "party-03", (1,))
    assert "'party-03' does not pick 0 others" in refused(session, "share", roster(session, ads))


def test_keys_that_two_neighbours_share() -> None:
    session, ads = start()
    first, second = (name for name in list(ads)[-2:])
    own = session.setting.positions[second]
    ads[second] = sign_advertisement(
        session.setting, identity(own), ads[first].channel_key, KemKeys.fresh().public, bytes(32), ads[second].picks
    )
    assert "two keys on the roster are the same" in refused(session, "share", roster(session, ads))


@pytest.mark.parametrize("change", ["order", "twice", "unknown"])
def test_names_that_are_not_the_agreements(change: str) -> None:
    session, ads = start()
    listed = list(roster(session, ads).advertisements)
    listed = {
        "order": [listed[1], listed[0], *listed[2:]],
        "twice": [*listed, listed[-1]],
        "unknown": [*listed, replace(listed[-1], party="zz")],
    }[change]
    assert "each once, in its order" in refused(session, "share", Roster(tuple(listed)))


def test_its_own_advertisement_with_other_picks_or_none() -> None:
    session, ads = start()
    ads[VICTIM] = AggregationParty(session.setting, identity(1)).advertise()
    assert "does not have the advertisement that 'party-01' sent" in refused(session, "share", roster(session, ads))
    session, ads = start()
    del ads[VICTIM]
    assert "does not have the advertisement that 'party-01' sent" in refused(session, "share", roster(session, ads))


@pytest.mark.parametrize(
    "change", [{"instance": bytes(32)}, {"dropping": 1}, {"length": 9}], ids=lambda c: next(iter(c))
)
def test_an_advertisement_for_another_sum(change: dict[str, Any]) -> None:
    session, ads = start()
    name = a_picker(session)
    other = dataclasses.replace(session.setting, **change)
    keys = KemKeys.fresh().public, KemKeys.fresh().public
    own = identity(session.setting.positions[name])
    ads[name] = sign_advertisement(other, own, *keys, bytes(32), ads[name].picks)
    assert f"'{name}' is not signed by the identity" in refused(session, "share", roster(session, ads))


def test_the_graph_is_part_of_what_is_signed() -> None:
    sparse = sparse_setting()
    complete = dataclasses.replace(sparse, sparse=False)
    assert sparse.digest != complete.digest
    for here, there in ((sparse, complete), (complete, sparse)):
        ad = AggregationParty(there, identity(3)).advertise()
        assert "not signed by the identity" in advertisement_fault(here, ad)
        assert advertisement_fault(there, ad) is None


def test_the_roster_digest_is_the_settings_since_rosters_differ() -> None:
    session, _ = start()
    rosters = session.replies["advertise"]
    assert len({message.advertisements for message in rosters.values()}) > 1
    digests = {roster_digest(session.setting, message) for message in rosters.values()}
    assert len(digests) == 1
    elsewhere = dataclasses.replace(session.setting, instance=bytes(32))
    assert roster_digest(elsewhere, rosters[VICTIM]) not in digests

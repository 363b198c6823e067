"""The server on the sparse graph: a bad party is left out and named, the sum goes on while enough are left."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import AggregationParty, Confirmation, Setting
from tacit.federated.secagg.advertisement import sign_advertisement
from tacit.federated.secagg.messages import Dealing
from tacit.federated.secagg.seeds import KemKeys

from .driver import STEPS, Hook, Session, identity, make_setting, plain_sum
from .sparse import CORRUPT, drawn, picks_of, sparse_setting

BAD = "party-03"


def cheat(at: str, change: Any) -> Hook:
    """BAD's message in step `at` is replaced by change(message)."""
    return lambda step, name, message: change(message) if (step, name) == (at, BAD) else message


def with_picks(setting: Setting, picks: tuple[int, ...]) -> Any:
    keys = KemKeys.fresh().public, KemKeys.fresh().public
    return sign_advertisement(setting, identity(3), *keys, bytes(32), picks)


def unasked(message: Any) -> Any:
    """Shares for one who was not picked: those of another piece, which it cannot open."""
    dealing = next(piece.dealing for piece in message.pieces if piece.dealing)
    place = next(place for place, piece in enumerate(message.pieces) if piece.dealing is None)
    return changed(message, place, dealing)


def lacking(message: Any) -> Any:
    return changed(message, next(place for place, piece in enumerate(message.pieces) if piece.dealing), None)


def changed(message: Any, place: int, dealing: Dealing | None) -> Any:
    pieces = list(message.pieces)
    pieces[place] = replace(pieces[place], dealing=dealing)
    return replace(message, pieces=tuple(pieces))


# What BAD does: in which step, how (given the setting and its right message), and the reason that is recorded.
CHEATS = {
    "fewer picks": ("advertise", lambda s, m: with_picks(s, m.picks[1:]), "does not pick 7 others"),
    "no picks": ("advertise", lambda s, m: with_picks(s, ()), "does not pick 7 others"),
    "itself": ("advertise", lambda s, m: with_picks(s, (0, 1, 2, 3, 4, 5, 6)), "does not pick 7 others"),
    "out of range": ("advertise", lambda s, m: with_picks(s, (*m.picks[:-1], 20)), "does not pick 7 others"),
    "changed picks": ("advertise", lambda s, m: replace(m, picks=m.picks[1:]), "not signed by the identity"),
    "complete": (
        "advertise",
        lambda s, m: AggregationParty(dataclasses.replace(s, sparse=False), identity(3)).advertise(),
        "not signed by the identity",
    ),
    "instance": (
        "advertise",
        lambda s, m: AggregationParty(dataclasses.replace(s, instance=bytes(32)), identity(3)).advertise(),
        "not signed by the identity",
    ),
    "fewer pieces": ("share", lambda s, m: replace(m, pieces=m.pieces[:-1]), "others on its roster"),
    "more pieces": ("share", lambda s, m: replace(m, pieces=(*m.pieces, m.pieces[0])), "others on its roster"),
    "shares unasked": ("share", lambda s, m: unasked(m), "has shares that it should not have, or lacks them"),
    "lacking shares": ("share", lambda s, m: lacking(m), "has shares that it should not have, or lacks them"),
    "fewer tags": ("mask", lambda s, m: replace(m, tags=m.tags[:-1]), "it sent 6 tags for 7 holders"),
    "more tags": ("mask", lambda s, m: replace(m, tags=(*m.tags, m.tags[0])), "it sent 8 tags for 7 holders"),
    "no tags": ("mask", lambda s, m: replace(m, tags=()), "it sent 0 tags for 7 holders"),
    "short vector": ("mask", lambda s, m: replace(m, vector=m.vector[:-1]), "26 bytes is not one of 27"),
    "fewer shares": ("unmask", lambda s, m: replace(m, seed_shares=m.seed_shares[:-1]), "one share for each"),
    "both shares": ("unmask", lambda s, m: replace(m, root_shares=m.seed_shares[:1]), "one share for each"),
    "rubbish": ("unmask", lambda s, m: replace(m, seed_shares=(b"\xff" * 17,) * len(m.seed_shares)), "not the one"),
}


@pytest.fixture(scope="module")
def setting() -> Setting:
    return sparse_setting(word_bits=27)


@pytest.mark.parametrize("case", CHEATS)
def test_a_bad_party_is_left_out_with_the_reason(case: str, setting: Setting) -> None:
    step, change, reason = CHEATS[case]
    while True:
        session = Session(setting, up=cheat(step, lambda message: change(setting, message)))
        session.collect("advertise")
        picked = set(session.messages["advertise"][BAD].picks)
        pickers = {setting.positions[name] for name, ad in session.messages["advertise"].items() if 3 in ad.picks}
        if step != "share" or pickers - picked:  # there are some that it does not owe shares
            break
    session.serve("advertise")
    session.go()
    assert set(session.server.excluded) == {BAD}
    assert session.server.excluded[BAD].startswith(f"step {step}: ")
    assert reason in session.server.excluded[BAD]
    assert (BAD in session.server.surviving) == (STEPS.index(step) > STEPS.index("mask"))
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, session.server.surviving))


def test_two_parties_with_one_key_are_both_left_out_neighbours_or_not(setting: Setting) -> None:
    stolen: list[bytes] = []

    def steal(step: str, name: str, message: Any) -> Any:
        if step == "advertise" and name == "party-01":
            stolen.append(message.mask_key)
        if step == "advertise" and name == BAD:
            return sign_advertisement(setting, identity(3), message.channel_key, stolen[0], bytes(32), message.picks)
        return message

    session = Session(setting, up=steal).go()
    assert set(session.server.excluded) == {"party-01", BAD}


# --- the committee


def test_a_member_of_the_committee_that_signs_something_else_is_left_out() -> None:
    session = drawn("mask")
    member = session.setting.in_order(session.setting.committee)[0]
    session.up = lambda step, name, message: Confirmation(name, bytes(3373)) if name == member else message
    session.go("confirm")
    assert "not its signature" in session.server.excluded[member]
    assert member not in {item.party for item in session.replies["confirm"]["party-01"].confirmations}


def test_a_signature_that_does_not_count_is_not_looked_at_and_not_passed_on() -> None:
    """A survivor outside the committee may unmask whatever it signed."""
    session = drawn("mask")
    outside = next(name for name in session.setting.names if name not in session.setting.committee)
    session.up = lambda step, name, message: (
        Confirmation(name, bytes(3373)) if (step, name) == ("confirm", outside) else message
    )
    session.go()
    assert session.server.excluded == {}
    for message in session.replies["confirm"].values():
        signers = [item.party for item in message.confirmations]
        assert len(signers) == session.setting.quorum
        assert set(signers) <= session.setting.committee
    np.testing.assert_array_equal(session.total, plain_sum(session.setting, session.vectors, session.setting.names))


def test_a_committee_short_of_its_quorum_stops_the_sum_and_is_named() -> None:
    session = drawn("mask")
    members = session.setting.in_order(session.setting.committee)
    silent = members[: len(members) - session.setting.quorum + 1]
    session.absent = dict.fromkeys(silent, "confirm")
    with pytest.raises(ProtocolError, match="3 of the committee confirmed the survivors, 4 needed") as caught:
        session.go()
    assert (caught.value.culprit, caught.value.step) == (", ".join(silent), "confirm")
    assert session.total is None


def test_a_member_that_dropped_out_earlier_is_named_too() -> None:
    session = drawn("share")
    members = session.setting.in_order(session.setting.committee)
    session.absent = {members[0]: "mask", members[1]: "confirm", members[2]: "confirm"}
    with pytest.raises(ProtocolError, match="3 of the committee confirmed") as caught:
        session.go()
    assert caught.value.culprit == ", ".join(members[:3])


# --- shares that are withheld


def test_a_party_does_not_withhold_the_share_of_its_own_seed(setting: Setting) -> None:
    def own(message: Any) -> Any:
        held = [name for name in setting.names if name == BAD or BAD in picks_of(session, name)]
        shares = (None if name == BAD else share for name, share in zip(held, message.seed_shares, strict=True))
        return replace(message, seed_shares=tuple(shares))

    session = Session(setting, up=cheat("unmask", own)).go("confirm")
    session.go()
    assert session.server.excluded == {
        BAD: f"step unmask: it does not reveal its share of the self-mask seed of '{BAD}'"
    }
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, setting.names))


@pytest.mark.parametrize("place", [0, 3])
def test_on_the_complete_graph_nothing_is_withheld(place: int) -> None:
    complete = make_setting(n=5, dropping=1)

    def withhold(message: Any) -> Any:
        shares = list(message.seed_shares)
        shares[place] = None
        return replace(message, seed_shares=tuple(shares))

    session = Session(complete, up=cheat("unmask", withhold)).go()
    assert session.server.excluded == {
        BAD: f"step unmask: it does not reveal its share of the self-mask seed of 'party-0{place}'"
    }


def test_a_wrong_share_is_found_and_done_without(setting: Setting) -> None:
    """The dealer's hash for that holder says so; its own share of its own seed is the last that is used."""
    session = Session(setting, up=cheat("unmask", lambda m: replace(m, seed_shares=(bytes(17), *m.seed_shares[1:]))))
    session.go("advertise")
    first = next(name for name in setting.names if name == BAD or BAD in picks_of(session, name))
    session.go()
    if first == BAD:  # its own: nobody else's hash is on it
        assert session.server.excluded == {}
    else:
        assert f"self-mask seed of '{first}' is not the one it was dealt" in session.server.excluded[BAD]
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, setting.names))


def test_a_wrong_share_of_its_own_seed_is_not_used_while_t_others_are_there(setting: Setting) -> None:
    def wrong(message: Any) -> Any:
        held = [name for name in setting.names if name == BAD or BAD in picks_of(session, name)]
        shares = (bytes(17) if name == BAD else share for name, share in zip(held, message.seed_shares, strict=True))
        return replace(message, seed_shares=tuple(shares))

    session = Session(setting, up=cheat("unmask", wrong)).go("confirm")
    session.go()
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, setting.names))


def test_a_dealer_of_shares_of_another_seed_is_named() -> None:
    """All its picks hold shares of zero, as they were promised."""
    session = drawn("advertise")
    party = session.parties[BAD]
    honest = party._deal

    def deal(*arguments: Any) -> Any:
        dealt = honest(*arguments)
        return {
            name: dataclasses.replace(one, seed_share=None if one.seed_share is None else bytes(17))
            for name, one in dealt.items()
        }

    party._deal = deal
    with pytest.raises(ProtocolError, match="do not give the self-mask seed that it committed to") as caught:
        session.go()
    assert (caught.value.culprit, caught.value.step) == (BAD, "unmask")


def test_up_to_c_that_withhold_stop_nothing() -> None:
    session = drawn("confirm")
    holders = picks_of(session, "party-01")[:CORRUPT]

    def withhold(step: str, name: str, message: Any) -> Any:
        if step != "unmask" or name not in holders:
            return message
        held = [other for other in session.setting.names if other == name or name in picks_of(session, other)]
        shares = (None if o != name else share for o, share in zip(held, message.seed_shares, strict=True))
        return replace(message, seed_shares=tuple(shares))

    session.up = withhold
    session.go()
    np.testing.assert_array_equal(session.total, plain_sum(session.setting, session.vectors, session.setting.names))

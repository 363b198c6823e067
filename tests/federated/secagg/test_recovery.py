"""Parties that deal or reveal wrong values: the sum is right, or the right one is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Advertisement, Shares, seeds, shamir
from tacit.federated.secagg.advertisement import sealing_keys
from tacit.federated.secagg.pieces import Dealt, Route, open_contribution, seal_piece

from .driver import Session, make_setting, plain_sum

BAD = "party-03"
SETTING = make_setting(n=5, corrupt=0, dropping=2)
T = SETTING.threshold


def redeal(session_of: Callable[[], Session], change: Callable[[str, Dealt], Dealt]) -> Callable[..., Any]:
    """BAD deals change(recipient, what it should deal) instead, sealed and committed to as it should be."""

    def hook(step: str, name: str, message: Any) -> Any:
        if (step, name) != ("share", BAD):
            return message
        session = session_of()
        known = session.parties[BAD]._memory._known
        honest = session.parties[BAD]._deal(known.secrets, known.roster_digest, known.topology, ())
        ads = [ad for ad in session.replies["advertise"][BAD].advertisements if ad.party != BAD]
        return Shares(
            BAD,
            tuple(
                seal_piece(
                    change(ad.party, honest[ad.party]), Route(known.roster_digest, BAD, ad.party), sealing_keys(ad)
                )
                for ad in ads
            ),
        )

    return hook


def dealt(root_share: bytes | None = None, seed_share: bytes | None = None, contribution: bytes | None = None) -> Any:
    def change(recipient: str, right: Dealt) -> Dealt:
        return Dealt(
            right.contribution if contribution is None else contribution,
            right.root_share if root_share is None else root_share,
            right.seed_share if seed_share is None else seed_share,
        )

    return change


def run(change: Any, absent: dict[str, str]) -> Session:
    session: Session = Session(SETTING, absent=absent, up=lambda *message: hook(*message))
    hook = redeal(lambda: session, change)
    return session.go()


def blamed(change: Any, absent: dict[str, str]) -> str:
    with pytest.raises(ProtocolError) as caught:
        run(change, absent)
    assert (caught.value.culprit, caught.value.step) == (BAD, "unmask")
    return str(caught.value)


def test_a_dealer_of_shares_of_another_seed() -> None:
    assert "do not give the self-mask seed" in blamed(dealt(seed_share=bytes(17)), {})


def test_a_dealer_of_shares_of_another_root_when_it_drops_out() -> None:
    assert "do not give the mask root" in blamed(dealt(root_share=bytes(17)), {BAD: "mask"})


def test_shares_of_another_root_do_not_matter_while_it_stays() -> None:
    session = run(dealt(root_share=bytes(17)), {})
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, SETTING.names))


def test_shares_that_lie_on_no_secret() -> None:
    # A constant polynomial of a value above every secret: `combine` gives None.
    above = (shamir.PRIME - 1).to_bytes(17, "little")
    assert "do not give the self-mask seed" in blamed(dealt(seed_share=above), {})
    assert "do not give the mask root" in blamed(dealt(root_share=above), {BAD: "mask"})


def test_a_contribution_that_does_not_follow_from_the_root_when_it_drops_out() -> None:
    assert "does not follow from its mask root" in blamed(dealt(contribution=bytes(32)), {BAD: "mask"})


def test_a_contribution_that_does_not_follow_from_the_root_shifts_only_its_own_vector_while_it_stays() -> None:
    session = run(dealt(contribution=bytes(32)), {})
    assert session.errors == {}
    assert (session.total != plain_sum(SETTING, session.vectors, SETTING.names)).any()


def test_a_seal_that_the_dropped_party_could_not_have_opened() -> None:
    """BAD seals rubbish for party-01, which drops out before it notices: the server does, and BAD is named."""

    def rubbish(step: str, name: str, message: Any) -> Any:
        if (step, name) != ("share", BAD):
            return message
        pieces = list(message.pieces)
        pieces[1] = replace(pieces[1], contribution=os.urandom(len(pieces[1].contribution)))
        return Shares(BAD, tuple(pieces))

    with pytest.raises(ProtocolError, match="what it sealed for 'party-01'") as caught:
        Session(SETTING, absent={"party-01": "mask"}, up=rubbish).go()
    assert caught.value.culprit == BAD


@pytest.mark.parametrize(
    ("contribution", "good"), [(bytes(32), True), (bytes(31), False), (bytes(33), False), (b"", False)]
)
def test_a_contribution_of_another_length_is_not_opened(contribution: bytes, good: bool) -> None:
    keys, route = seeds.KemKeys.fresh(), Route(bytes(32), BAD, "party-01")
    ad = Advertisement("party-01", keys.public, keys.public, b"", (), b"")
    piece = seal_piece(Dealt(contribution, bytes(17), bytes(17)), route, sealing_keys(ad))
    assert open_contribution(piece, route, keys) == (contribution if good else None)


def test_a_commitment_that_is_not_to_the_contribution_for_a_dropped_party() -> None:
    def uncommitted(step: str, name: str, message: Any) -> Any:
        if (step, name) != ("share", BAD):
            return message
        pieces = list(message.pieces)
        pieces[1] = replace(pieces[1], contribution_commitment=bytes(32))
        return Shares(BAD, tuple(pieces))

    with pytest.raises(ProtocolError, match="what it sealed for 'party-01'") as caught:
        Session(SETTING, absent={"party-01": "mask"}, up=uncommitted).go()
    assert caught.value.culprit == BAD


# --- wrong shares at the end


def reveal(change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda step, name, message: change(message) if (step, name) == ("unmask", BAD) else message


def wrong_at(field: str, place: int) -> Callable[[Any], Any]:
    def change(message: Any) -> Any:
        shares = list(getattr(message, field))
        shares[place] = bytes(17)
        return replace(message, **{field: tuple(shares)})

    return change


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_wrong_seed_share_is_found_and_done_without(place: int) -> None:
    session = Session(SETTING, up=reveal(wrong_at("seed_shares", place))).go()
    assert f"self-mask seed of 'party-0{place}' is not the one" in session.server.excluded[BAD]
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, SETTING.names))


def test_a_wrong_root_share_is_found_and_done_without() -> None:
    session = Session(SETTING, absent={"party-01": "mask"}, up=reveal(wrong_at("root_shares", 0))).go()
    assert "mask root of 'party-01' is not the one" in session.server.excluded[BAD]
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, session.server.surviving))


@pytest.mark.parametrize("place", [0, 4])
def test_a_wrong_share_of_its_own_seed_is_not_used_while_t_others_are_there(place: int) -> None:
    def wrong(step: str, name: str, message: Any) -> Any:
        own = step == "unmask" and name == SETTING.names[place]
        return wrong_at("seed_shares", place)(message) if own else message

    session = Session(SETTING, up=wrong).go()
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, SETTING.names))


def test_a_wrong_share_of_its_own_seed_names_it_when_it_is_needed() -> None:
    absent = {"party-00": "unmask", "party-01": "unmask"}
    Session(SETTING, absent=absent).go()
    with pytest.raises(ProtocolError, match="do not give the self-mask seed") as caught:
        Session(SETTING, absent=absent, up=reveal(wrong_at("seed_shares", 3))).go()
    assert caught.value.culprit == BAD


def test_a_share_of_its_own_seed_that_is_no_share_is_refused() -> None:
    def change(message: Any) -> Any:
        return replace(message, seed_shares=(*message.seed_shares[:3], b"\xff" * 17, *message.seed_shares[4:]))

    session = Session(SETTING, up=reveal(change)).go()
    assert "'party-03' is not the one" in session.server.excluded[BAD]


def test_too_many_wrong_shares_name_those_who_sent_them() -> None:
    def wrong(step: str, name: str, message: Any) -> Any:
        return wrong_at("seed_shares", 0)(message) if step == "unmask" and name in SETTING.names[1:4] else message

    with pytest.raises(ProtocolError) as caught:
        Session(SETTING, up=wrong).go()
    assert caught.value.culprit == "party-01, party-02, party-03"


def test_the_dropped_partys_mask_key_follows_from_the_root_that_is_put_together() -> None:
    session = Session(SETTING, absent={"party-01": "mask"}).go("advertise")
    secrets = session.parties["party-01"]._memory._known.secrets
    assert seeds.KemKeys.from_root(secrets.root, SETTING.digest).public == secrets.mask.public
    assert seeds.KemKeys.from_root(secrets.root, bytes(32)).public != secrets.mask.public

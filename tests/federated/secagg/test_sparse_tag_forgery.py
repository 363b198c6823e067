"""Tags that a server forges, and parties that cheat with theirs: it opens nothing, and who did it is named."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Confirmations, seeds
from tacit.federated.secagg.advertisement import sealing_keys
from tacit.federated.secagg.pieces import CONTRIBUTION_COMMITMENT_DOMAIN, CONTRIBUTION_DOMAIN, Route

from .driver import plain_sum
from .sparse import (
    CORRUPT,
    VICTIM,
    drawn,
    finish,
    flip,
    pickers_of,
    picks_of,
    revealed,
    shown,
)


def test_a_server_that_substitutes_contributions_cannot_make_the_tag() -> None:
    """It knows what it put in the place of the owner's contribution, and not what the holder sent the owner."""
    session = drawn("share")
    digest = session.parties[VICTIM]._memory._known.roster_digest
    owner = next(name for name in pickers_of(session, VICTIM) if name not in picks_of(session, VICTIM))
    known, forged = {}, {}
    for sender, recipient in ((owner, VICTIM), (VICTIM, owner)):
        ads = session.replies["advertise"][recipient].advertisements
        keys = next(sealing_keys(ad) for ad in ads if ad.party == recipient)
        route = Route(digest, sender, recipient)
        own = known[sender, recipient] = bytes([len(known) + 1]) * 32
        box = session.replies["share"][recipient]
        forged[recipient] = replace(
            box,
            deliveries=tuple(
                replace(
                    item,
                    piece=replace(
                        item.piece,
                        contribution=seeds.seal(keys.mask, CONTRIBUTION_DOMAIN, own, route.context()),
                        contribution_commitment=route.commit(CONTRIBUTION_COMMITMENT_DOMAIN, own),
                    ),
                )
                if item.sender == sender
                else item
                for item in box.deliveries
            ),
        )
    session.replies["share"] |= forged
    session.go("mask")
    dealers, place = session.setting.names, [*pickers_of(session, VICTIM)].index(owner)
    message = session.replies["mask"][VICTIM]
    held = session.parties[VICTIM]._memory._known
    assert held.held[owner].contribution == known[owner, VICTIM]
    told = seeds.dealers_digest(dealers)
    guesses = (
        message.tags[place],  # what the owner made with the server's contribution
        seeds.dealers_tag(known[owner, VICTIM], known[VICTIM, owner], digest, owner, VICTIM, told),
        seeds.dealers_tag(known[owner, VICTIM], known[owner, VICTIM], digest, owner, VICTIM, told),
        seeds.dealers_tag(known[owner, VICTIM], bytes(32), digest, owner, VICTIM, told),
    )
    for guess in guesses:
        session.parties[VICTIM]._memory._known = held
        tags = (*message.tags[:place], guess, *message.tags[place + 1 :])
        session.parties[VICTIM].confirm(replace(message, tags=tags))
        assert session.parties[VICTIM]._memory._known.mistold == {owner}


def test_a_tag_depends_on_everything() -> None:
    digest = seeds.dealers_digest
    base = (bytes(32), b"\x01" * 32, bytes(32), "a", "b", digest(("a", "b", "c")))
    changed = [
        (b"\x02" * 32, *base[1:]),
        (base[0], b"\x02" * 32, *base[2:]),
        (base[1], base[0], *base[2:]),
        (*base[:2], b"\x01" * 32, *base[3:]),
        (*base[:3], "c", "b", base[5]),
        (*base[:3], "a", "c", base[5]),
        (*base[:3], "b", "a", base[5]),
        (*base[:5], digest(("a", "b"))),
        (*base[:5], digest(("a", "b", "c", "d"))),
        (*base[:5], digest(("ab", "c"))),
    ]
    tags = [seeds.dealers_tag(*arguments) for arguments in (base, *changed)]
    assert len(set(tags)) == len(tags)
    assert {len(tag) for tag in tags} == {16}
    key = seeds._derive(base[0] + base[1], base[2], "tacit secagg dealers tag", ("a", "b"), 32)
    told = hashlib.sha256(b"tacit/1 tacit secagg dealers tag\x00a\x00b\x00c\x00").digest()
    assert tags[0] == hmac.digest(key, told, "sha256")[:16]


# --- a party that cheats with its tags


def test_an_owner_with_wrong_tags_stops_the_sum_and_no_share_of_its_seed_is_given() -> None:
    def up(step: str, name: str, message: Any) -> Any:
        wrong = step == "mask" and name == VICTIM
        return replace(message, tags=tuple(map(flip, message.tags))) if wrong else message

    session = drawn("advertise", up=up)
    error = finish(session)
    assert "holders of its shares were told of other dealers than there are" in str(error)
    assert (error.culprit, error.step) == (VICTIM, "unmask")
    assert session.total is None
    answers = revealed(session, VICTIM)
    assert {name for name, share in answers.items() if share is not None} == {VICTIM}
    assert len(answers) - 1 > CORRUPT


def test_a_holder_that_withholds_without_a_reason_is_done_without() -> None:
    def up(step: str, name: str, message: Any) -> Any:
        if (step, name) != ("unmask", VICTIM):
            return message
        held = [o for o in session.server.surviving if o == name or name in picks_of(session, o)]
        shares = (share if o == name else None for o, share in zip(held, message.seed_shares, strict=True))
        return replace(message, seed_shares=tuple(shares))

    session = drawn("confirm", up=up)
    session.go()
    assert VICTIM not in session.server.excluded
    np.testing.assert_array_equal(session.total, plain_sum(session.setting, session.vectors, session.setting.names))


def test_where_no_more_than_can_be_corrupt_withhold_all_who_may_be_at_fault_are_named() -> None:
    """Three of eight holders are silent and a fourth withholds: it may have no reason, or its tag was wrong."""
    session = drawn("confirm")
    cheat, *silent = picks_of(session, VICTIM)[:4]
    held = [o for o in session.server.surviving if o == cheat or cheat in picks_of(session, o)]

    def up(step: str, name: str, message: Any) -> Any:
        if name != cheat:
            return message
        shares = list(message.seed_shares)
        shares[held.index(VICTIM)] = None
        return replace(message, seed_shares=tuple(shares))

    session.up, session.absent = up, dict.fromkeys(silent, "unmask")
    error = finish(session)
    assert CORRUPT == 1
    assert "one of them keeps 'party-01' from being unmasked: 1 shares are withheld" in str(error)
    assert set(error.culprit.split(", ")) == {VICTIM, cheat, *silent}


def test_what_is_withheld_is_withheld_whatever_is_asked_next() -> None:
    session = shown(lambda holder, tags: {owner: flip(tag) for owner, tag in tags.items()})
    session.go("confirm")
    signed = session.replies["confirm"][VICTIM]
    party = session.parties[VICTIM]
    message = party.unmask(signed)
    assert sum(share is not None for share in message.seed_shares) == 1
    for again in (signed, Confirmations(())):
        with pytest.raises(ProtocolError, match="over"):
            party.unmask(again)

"""Tags: a party's shares stay where they are when its holders were told of other dealers than itself."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Confirmations, Survivors, seeds
from tacit.federated.secagg.advertisement import sealing_keys
from tacit.federated.secagg.pieces import CONTRIBUTION_COMMITMENT_DOMAIN, CONTRIBUTION_DOMAIN, Route

from .driver import Session, make_setting, plain_sum
from .sparse import CORRUPT, DEGREE, THRESHOLD, VICTIM, drawn, pickers_of, picks_of, refused, shared, strangers_of


def shown(change: Callable[[str, dict[str, bytes]], dict[str, bytes]], **options: Any) -> Session:
    """A session after the step mask, in which change(holder, tags by owner) is what each holder gets to see."""

    def alter(step: str, name: str, message: Any) -> Any:
        if step != "mask":
            return message
        return replace(message, tags=tuple(change(name, told(session, name, message)).values()))

    session = drawn("share", **options)
    session.down = alter
    return session.go("mask")


def told(session: Session, holder: str, message: Survivors) -> dict[str, bytes]:
    """The tags that `holder` is shown, by owner."""
    owners = [owner for owner in message.parties if owner in pickers_of(session, holder)]
    return dict(zip(owners, message.tags, strict=True))


def revealed(session: Session, owner: str) -> dict[str, bytes | None]:
    """What each holder of the seed of `owner` answered in its unmasking."""
    answers: dict[str, bytes | None] = {}
    for name, message in session.messages["unmask"].items():
        held = [o for o in session.server.surviving if o == name or name in picks_of(session, o)]
        if owner in held:
            assert len(held) == len(message.seed_shares)
            answers[name] = message.seed_shares[held.index(owner)]
    return answers


def flip(tag: bytes) -> bytes:
    return bytes([tag[0] ^ 1]) + tag[1:]


def finish(session: Session) -> ProtocolError | None:
    try:
        session.go()
    except ProtocolError as error:
        return error
    return None


def test_right_tags_and_every_holder_reveals_its_share() -> None:
    session = shown(lambda holder, tags: tags).go()
    for owner in session.setting.names:
        answers = revealed(session, owner)
        assert set(answers) == {owner, *picks_of(session, owner)}
        assert None not in answers.values()


@pytest.mark.parametrize("place", [0, 7, 15])
def test_an_altered_tag_and_that_holder_withholds_that_share(place: int) -> None:
    def change(holder: str, tags: dict[str, bytes]) -> dict[str, bytes]:
        if holder == VICTIM:
            owner, tag = next(iter(tags.items()))
            altered.append(owner)
            return tags | {owner: tag[:place] + bytes([tag[place] ^ 0x80]) + tag[place + 1 :]}
        return tags

    altered: list[str] = []
    session = shown(change).go()
    assert revealed(session, altered[0])[VICTIM] is None
    answers = [share for owner in session.setting.names for share in revealed(session, owner).values()]
    assert answers.count(None) == 1
    assert session.server.excluded == session.errors == {}
    np.testing.assert_array_equal(session.total, plain_sum(session.setting, session.vectors, session.setting.names))


def test_more_wrong_tags_than_parties_may_be_corrupt_stop_nothing_while_t_shares_are_left() -> None:
    def change(holder: str, tags: dict[str, bytes]) -> dict[str, bytes]:
        return {o: flip(tag) if o == VICTIM and holder in wrong(o) else tag for o, tag in tags.items()}

    def wrong(owner: str) -> tuple[str, ...]:
        return picks_of(session, owner)[: DEGREE + 1 - THRESHOLD]

    session = drawn("share")
    session.down = lambda step, name, message: (
        replace(message, tags=tuple(change(name, told(session, name, message)).values())) if step == "mask" else message
    )
    session.go()
    assert list(revealed(session, VICTIM).values()).count(None) == 3 > CORRUPT
    np.testing.assert_array_equal(session.total, plain_sum(session.setting, session.vectors, session.setting.names))


def test_two_tags_exchanged() -> None:
    def change(holder: str, tags: dict[str, bytes]) -> dict[str, bytes]:
        if holder != target(tags, holder):
            return tags
        first, second = list(tags)[:2]
        return tags | {first: tags[second], second: tags[first]}

    def target(tags: Mapping[str, bytes], holder: str) -> str:
        if not exchanged and len(tags) >= 2:
            exchanged.extend([holder, *list(tags)[:2]])
        return exchanged[0] if exchanged else ""

    exchanged: list[str] = []
    session = shown(change).go()
    holder, first, second = exchanged
    assert revealed(session, first)[holder] is None
    assert revealed(session, second)[holder] is None


def test_the_tag_for_one_holder_is_not_the_tag_for_another() -> None:
    session = shared("mask")
    for name in session.setting.names:
        tags = session.messages["mask"][name].tags
        assert len(set(tags)) == len(tags) == DEGREE


@pytest.mark.parametrize("change", [lambda tags: tags[:-1], lambda tags: (*tags, tags[-1]), lambda tags: ()])
def test_a_tag_that_is_dropped_or_added(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> None:
    session = shared("mask")
    message = session.replies["mask"][VICTIM]
    assert f"tags from {len(message.tags)} that picked us" in refused(
        session, "confirm", replace(message, tags=change(message.tags))
    )


def test_a_tag_on_the_complete_graph() -> None:
    session = Session(make_setting(n=5, dropping=1)).go("mask")
    message = Survivors(session.setting.names, (bytes(16),))
    assert "1 tags from 0 that picked us" in refused(session, "confirm", message)


def test_tags_of_another_sum() -> None:
    other = drawn("mask")
    foreign = [tag for message in other.messages["mask"].values() for tag in message.tags]
    session = shown(lambda holder, tags: dict(zip(tags, foreign, strict=False)) if holder == VICTIM else tags)
    finish(session)
    owners = pickers_of(session, VICTIM)
    assert owners
    assert all(revealed(session, owner)[VICTIM] is None for owner in owners)


def test_a_holder_whose_tag_is_wrong_still_gives_its_share_of_a_mask_root() -> None:
    """Roots are those of dropped parties, of whom no tag is asked."""
    session = drawn("share")
    gone = pickers_of(session, VICTIM)[0]
    session.absent = {gone: "mask"}
    session.down = lambda step, name, message: (
        replace(message, tags=tuple(map(flip, message.tags))) if step == "mask" and name == VICTIM else message
    )
    finish(session)
    message = session.messages["unmask"][VICTIM]
    assert len(message.root_shares) == 1
    assert [share is None for share in message.seed_shares].count(False) == 1  # its own


# --- different dealers for different parties


def test_a_party_that_was_told_of_other_dealers_is_not_unmasked() -> None:
    """The hidden one has dropped out, for all the parties see: one survivor set, two lists of dealers."""
    session = drawn("share")
    hidden = strangers_of(session, VICTIM)[-1]
    inbox = session.replies["share"][VICTIM]
    session.replies["share"][VICTIM] = replace(
        inbox, dealers=tuple(dealer for dealer in inbox.dealers if dealer != hidden)
    )
    session.absent = {hidden: "mask"}
    # An honest server cannot be made to do this: it would not count what the victim signed.
    error = finish(session)
    assert isinstance(error, ProtocolError)
    assert session.total is None
    answers = revealed(session, VICTIM)
    assert set(answers) == set(picks_of(session, VICTIM)) - {hidden}
    assert set(answers.values()) == {None}
    assert session.errors[VICTIM].culprit == "coordinator"
    assert "not its signature of this roster" in str(session.errors[VICTIM])
    # The others reveal what they hold of one another.
    other = next(name for name in session.setting.names if name not in (VICTIM, hidden))
    assert sum(share is not None for share in revealed(session, other).values()) >= THRESHOLD


def test_the_tag_says_which_dealers_the_masks_are_against() -> None:
    """Where the victim itself would say so: with the server's own signatures of its view, it withholds as well."""
    session = drawn("share")
    hidden = strangers_of(session, VICTIM)[-1]
    inbox = session.replies["share"][VICTIM]
    fewer = replace(inbox, dealers=tuple(dealer for dealer in inbox.dealers if dealer != hidden))
    session.replies["share"][VICTIM] = fewer
    session.absent = {hidden: "mask"}
    session.go("mask")
    party = session.parties[VICTIM]
    party.confirm(session.replies["mask"][VICTIM])
    known = party._memory._known
    assert known.view.dealers == fewer.dealers
    assert known.mistold == set(pickers_of(session, VICTIM)) - {hidden}


# --- forged tags


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

"""Tags: a party's shares stay where they are when its holders were told of other dealers than itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Survivors

from .driver import Session, make_setting, plain_sum
from .sparse import (
    CORRUPT,
    DEGREE,
    THRESHOLD,
    VICTIM,
    drawn,
    finish,
    flip,
    pickers_of,
    picks_of,
    refused,
    revealed,
    shared,
    shown,
    strangers_of,
    told,
)


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

"""A malicious server and the inbox of a neighbourhood: who dealt, and who is kept from whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tacit.federated.secagg import Inbox, Roster
from tacit.federated.secagg.advertisement import sealing_keys
from tacit.federated.secagg.messages import Delivery, Piece
from tacit.federated.secagg.pieces import Dealt, Route, seal_piece

from .driver import Session
from .sparse import (
    DEGREE,
    DROPPING,
    THRESHOLD,
    VICTIM,
    drawn,
    pickers_of,
    picks_of,
    refused,
    revive,
    shared,
    sparse_setting,
    strangers_of,
)


def start(session: Session | None = None) -> tuple[Session, tuple[str, ...], dict[str, Piece]]:
    """A session, and what is in the victim's inbox: the dealers, and the pieces by sender."""
    session = session or shared("share")
    inbox = session.replies["share"][VICTIM]
    return session, inbox.dealers, {item.sender: item.piece for item in inbox.deliveries}


def inbox(dealers: tuple[str, ...], pieces: dict[str, Piece] | list[tuple[str, Piece]]) -> Inbox:
    items = pieces.items() if isinstance(pieces, dict) else pieces
    return Inbox(dealers, tuple(Delivery(sender, piece) for sender, piece in items))


def mask(session: Session, message: Inbox) -> Any:
    return session.parties[VICTIM].mask(message, session.vectors[VICTIM])


def refuses(session: Session, message: Inbox, culprit: str = "coordinator") -> str:
    return refused(session, "mask", message, session.vectors[VICTIM], culprit=culprit)


def without(names: tuple[str, ...], *gone: str) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)


def a_picker(session: Session) -> str:
    return next(name for name in pickers_of(session, VICTIM) if name not in picks_of(session, VICTIM))


def test_the_honest_inbox_is_accepted_with_a_tag_for_each_pick() -> None:
    session, dealers, pieces = start()
    assert len(pieces) < len(dealers) - 1
    assert len(mask(session, inbox(dealers, pieces)).tags) == DEGREE


# --- who dealt


@pytest.mark.parametrize("kind", ["pick", "picker"])
def test_a_neighbour_that_is_listed_and_whose_piece_is_withheld(kind: str) -> None:
    session, dealers, pieces = start()
    del pieces[picks_of(session, VICTIM)[0] if kind == "pick" else a_picker(session)]
    assert "not from the dealers on our roster, each once" in refuses(session, inbox(dealers, pieces))


def test_a_piece_of_a_neighbour_that_is_not_listed() -> None:
    session, dealers, pieces = start()
    dealers = without(dealers, picks_of(session, VICTIM)[0])
    assert "not from the dealers on our roster, each once" in refuses(session, inbox(dealers, pieces))


def test_a_neighbour_may_have_dealt_nothing() -> None:
    session, dealers, pieces = start()
    gone = picks_of(session, VICTIM)[0]
    del pieces[gone]
    assert len(mask(session, inbox(without(dealers, gone), pieces)).tags) == DEGREE - 1


def test_a_pick_that_was_kept_off_the_roster_and_dealt_all_the_same() -> None:
    """Its vector could be in the sum without a mask against ours."""

    def hide(step: str, name: str, message: Any) -> Any:
        if (step, name) != ("advertise", VICTIM):
            return message
        own = next(ad for ad in message.advertisements if ad.party == VICTIM)
        hidden.append(own.picks[0])
        return Roster(tuple(ad for ad in message.advertisements if ad.party != f"party-{own.picks[0]:02d}"))

    hidden: list[int] = []
    session = Session(sparse_setting(), down=hide).go("advertise")
    kept, name = session.replies["advertise"][VICTIM], session.setting.names[hidden[0]]
    session.replies["share"] = {}
    session.parties[VICTIM].share(kept)
    known = session.parties[VICTIM]._memory._known
    pieces = {other: sealed(session, other, shares=True) for other in known.topology.neighbours(VICTIM)}
    dealers = session.setting.names
    assert f"'{name}' dealt shares and was not on our roster" in refuses(session, inbox(dealers, pieces))


def test_too_few_dealers() -> None:
    session, dealers, pieces = start()
    # Strangers or neighbours: no more than d of them may be missing.
    gone = [*strangers_of(session, VICTIM), *pickers_of(session, VICTIM), *picks_of(session, VICTIM)]
    gone = list(dict.fromkeys(gone))[: DROPPING + 1]
    fewer = without(dealers, *gone)
    assert "17 parties dealt shares, fewer than 18" in refuses(
        session, inbox(fewer, {name: piece for name, piece in pieces.items() if name in fewer})
    )
    session, dealers, pieces = start()
    gone = [*strangers_of(session, VICTIM), *pickers_of(session, VICTIM)][:DROPPING]
    enough = without(dealers, *gone)
    mask(session, inbox(enough, {name: piece for name, piece in pieces.items() if name in enough}))


@pytest.mark.parametrize(
    "change",
    [
        lambda names: (*names, names[-1]),
        lambda names: (names[1], names[0], *names[2:]),
        lambda names: (*names, "zz"),
        lambda names: without(names, VICTIM),
        lambda names: (),
    ],
    ids=["twice", "order", "unknown", "without us", "empty"],
)
def test_lists_of_dealers_that_are_not_the_agreements(change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
    session, dealers, pieces = start()
    assert "not parties of the agreement with us among them" in refuses(session, inbox(change(dealers), pieces))


@pytest.mark.parametrize("change", ["twice", "order", "itself", "stranger", "nobody"])
def test_senders_that_are_not_the_neighbours(change: str) -> None:
    session, dealers, pieces = start()
    items, stranger = list(pieces.items()), strangers_of(session, VICTIM)[0]
    place = sum(name < stranger for name in pieces)
    items = {
        "twice": [*items, items[-1]],
        "order": [items[1], items[0], *items[2:]],
        "itself": sorted([*items, (VICTIM, items[0][1])], key=lambda item: item[0]),
        "stranger": [*items[:place], (stranger, items[0][1]), *items[place:]],
        "nobody": [],
    }[change]
    assert "not from the dealers on our roster, each once" in refuses(session, inbox(dealers, items))


def test_fewer_dealers_hold_our_shares_than_open_them() -> None:
    """With d large enough, n - d of the parties may be there and none of our picks among them."""
    setting = sparse_setting(n=74, corrupt=0, dropping=21)
    degree, t = setting.graph.degree, setting.threshold
    assert (degree, t) == (21, 2)
    session = Session(setting).go("advertise")
    session.parties[VICTIM].share(session.replies["advertise"][VICTIM])
    known, picks = session.parties[VICTIM]._memory._known, picks_of(session, VICTIM)
    for last, enough in ((degree, False), (degree - 1, True)):
        revive(session, VICTIM, known)
        dealers = without(setting.names, *picks[:last])
        pieces = {
            name: sealed(session, name, shares=name in pickers_of(session, VICTIM))
            for name in known.topology.neighbours(VICTIM)
            if name in dealers
        }
        if enough:
            assert len(mask(session, inbox(dealers, pieces)).tags) == 1
        else:
            reason = refuses(session, inbox(dealers, pieces))
            assert "1 dealers hold shares of ours, fewer than 2" in reason


# --- what they dealt


def sealed(session: Session, sender: str, *, shares: bool) -> Piece:
    """A piece that anybody can make, since keys are public: right in everything but whether it has shares."""
    digest = session.parties[VICTIM]._memory._known.roster_digest
    ad = next(ad for ad in session.replies["advertise"][VICTIM].advertisements if ad.party == VICTIM)
    dealt = Dealt(bytes(32), bytes(17), bytes(17)) if shares else Dealt(bytes(32))
    return seal_piece(dealt, Route(digest, sender, VICTIM), sealing_keys(ad))


def test_shares_from_one_who_picked_us_are_taken_and_others_have_none() -> None:
    session, dealers, pieces = start()
    sender = a_picker(session)
    mask(session, inbox(dealers, pieces | {sender: sealed(session, sender, shares=True)}))
    assert set(session.parties[VICTIM]._memory._known.held) == {VICTIM, *pickers_of(session, VICTIM)}


def test_shares_from_one_who_did_not_pick_us() -> None:
    session, dealers, pieces = start()
    while not (unasked := set(picks_of(session, VICTIM)) - set(pickers_of(session, VICTIM))):
        session, dealers, pieces = start(drawn("share"))
    sender = min(unasked)
    pieces[sender] = sealed(session, sender, shares=True)
    assert f"the piece of '{sender}' lacks shares, or has some unasked" in refuses(session, inbox(dealers, pieces))


def test_no_shares_from_one_who_picked_us() -> None:
    session, dealers, pieces = start()
    sender = a_picker(session)
    pieces[sender] = sealed(session, sender, shares=False)
    assert f"the piece of '{sender}' lacks shares, or has some unasked" in refuses(session, inbox(dealers, pieces))


def test_pieces_of_another_sum_or_for_another_party() -> None:
    session, dealers, pieces = start()
    sender = a_picker(session)
    other = drawn("share")
    others = next(
        item.piece
        for box in other.replies["share"].values()
        for item in box.deliveries
        if item.sender == sender and item.piece.dealing is not None
    )
    assert f"'{sender}' to 'party-01' was altered" in refuses(session, inbox(dealers, pieces | {sender: others}))
    session, dealers, pieces = start()
    sender = a_picker(session)
    elsewhere = next(
        item.piece
        for name, box in session.replies["share"].items()
        for item in box.deliveries
        if name != VICTIM and item.sender == sender and item.piece.dealing is not None
    )
    assert f"'{sender}' to 'party-01' was altered" in refuses(session, inbox(dealers, pieces | {sender: elsewhere}))


def test_a_piece_is_bound_to_the_instance_of_the_sum() -> None:
    """The seals of one sum do not open in another, though the roster is in no digest."""
    session, dealers, pieces = start()
    sender = a_picker(session)
    ad = next(ad for ad in session.replies["advertise"][VICTIM].advertisements if ad.party == VICTIM)
    right = session.parties[VICTIM]._memory._known.roster_digest
    other = drawn("share")
    wrong = other.parties[VICTIM]._memory._known.roster_digest
    assert right != wrong
    pieces[sender] = seal_piece(Dealt(bytes(32), bytes(17), bytes(17)), Route(wrong, sender, VICTIM), sealing_keys(ad))
    assert "was altered, or sealed for another roster" in refuses(session, inbox(dealers, pieces))


def test_the_threshold_of_these_tests() -> None:
    setting = sparse_setting()
    assert (setting.graph.degree, setting.threshold, setting.dropping) == (DEGREE, THRESHOLD, DROPPING)

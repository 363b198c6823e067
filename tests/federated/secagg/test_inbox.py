"""A malicious server or party and the pieces: nothing opens that was not sealed for this roster, pair and direction."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Inbox, seeds, shamir
from tacit.federated.secagg.advertisement import sealing_keys
from tacit.federated.secagg.messages import Delivery, Piece
from tacit.federated.secagg.pieces import CONTRIBUTION_DOMAIN, SHARES_DOMAIN, Dealt, Route, seal_piece
from tacit.keys.public import sealing_key

from .driver import Session, make_setting

VICTIM = "party-01"
SENDER = "party-03"


def start(**options: object) -> tuple[Session, dict[str, Piece]]:
    session = Session(make_setting(n=5, dropping=1), **options).go("share")
    return session, {item.sender: item.piece for item in session.replies["share"][VICTIM].deliveries}


def open_with(session: Session, pieces: dict[str, Piece] | list[tuple[str, Piece]]) -> None:
    items = pieces.items() if isinstance(pieces, dict) else pieces
    senders = [sender for sender, _ in items]
    dealers = session.setting.in_order([*senders, VICTIM])
    inbox = Inbox(dealers, tuple(Delivery(sender, piece) for sender, piece in items))
    session.parties[VICTIM].mask(inbox, session.vectors[VICTIM])


def refused(session: Session, pieces: dict[str, Piece] | list[tuple[str, Piece]], culprit: str = "coordinator") -> str:
    with pytest.raises(ProtocolError) as caught:
        open_with(session, pieces)
    assert (caught.value.culprit, caught.value.step) == (culprit, "mask")
    with pytest.raises(ProtocolError, match="over"):
        session.parties[VICTIM].mask(session.replies["share"][VICTIM], session.vectors[VICTIM])
    return str(caught.value)


def test_the_honest_inbox_is_accepted() -> None:
    open_with(*start())


@pytest.mark.parametrize(
    "change",
    [
        lambda items: [*items, items[-1]],
        lambda items: [items[1], items[0], *items[2:]],
        lambda items: [*items[:3], ("nobody", items[3][1])],
        lambda items: [items[0], (VICTIM, items[1][1]), *items[1:]],
    ],
    ids=["twice", "order", "unknown", "itself"],
)
def test_senders_that_are_not_the_others_on_the_roster(change: Callable[[list], list]) -> None:
    session, pieces = start()
    assert "from the dealers on our roster, each once" in refused(session, change(list(pieces.items())))


def test_a_sender_of_the_agreement_who_is_not_on_the_roster() -> None:
    session, pieces = start(absent={"party-04": "advertise"})
    assert "'party-04' dealt shares and was not on our roster" in refused(
        session, {**pieces, "party-04": pieces[SENDER]}
    )


def test_too_few_senders() -> None:
    session, pieces = start()
    del pieces["party-04"]
    open_with(session, pieces)
    session, pieces = start()
    del pieces["party-04"], pieces["party-03"]
    assert "3 parties dealt shares, fewer than 4" in refused(session, pieces)


@pytest.mark.parametrize("field", ["shares", "contribution"])
@pytest.mark.parametrize("place", [0, 40, -1])
def test_an_altered_seal(field: str, place: int) -> None:
    session, pieces = start()
    holder = pieces[SENDER].dealing if field == "shares" else pieces[SENDER]
    sealed = bytearray(getattr(holder, field))
    sealed[place] ^= 1
    pieces[SENDER] = changed(pieces[SENDER], **{field: bytes(sealed)})
    assert "'party-03' to 'party-01' was altered" in refused(session, pieces)


@pytest.mark.parametrize("field", ["shares", "contribution"])
def test_an_empty_seal(field: str) -> None:
    session, pieces = start()
    pieces[SENDER] = changed(pieces[SENDER], **{field: b""})
    assert "was altered" in refused(session, pieces)


def test_two_senders_pieces_exchanged() -> None:
    session, pieces = start()
    pieces[SENDER], pieces["party-04"] = pieces["party-04"], pieces[SENDER]
    assert "was altered" in refused(session, pieces)


def test_a_piece_for_somebody_else() -> None:
    session, pieces = start()
    for item in session.replies["share"]["party-02"].deliveries:
        if item.sender == SENDER:
            pieces[SENDER] = item.piece
    assert "was altered" in refused(session, pieces)


def test_a_piece_of_its_own_sent_back() -> None:
    session, pieces = start()
    back = {item.sender: item.piece for item in session.replies["share"][SENDER].deliveries}
    pieces[SENDER] = back[VICTIM]
    assert "was altered" in refused(session, pieces)


def reseal(session: Session, dealt: Dealt | None = None, route: Route | None = None, **fields: bytes) -> Piece:
    """A piece that anybody can make, since the roster is public: right by default."""
    digest = session.parties[VICTIM]._memory._known.roster_digest
    ads = {ad.party: ad for ad in session.replies["advertise"][VICTIM].advertisements}
    right = {"root_share": bytes(17), "seed_share": bytes(17), "contribution": bytes(32), **fields}
    return seal_piece(dealt or Dealt(**right), route or Route(digest, SENDER, VICTIM), sealing_keys(ads[VICTIM]))


def changed(piece: Piece, **fields: bytes) -> Piece:
    """The piece with other fields, of its own or of its dealing."""
    own = {name: value for name, value in fields.items() if name in piece.__struct_fields__}
    dealing = {name: value for name, value in fields.items() if name not in own}
    return replace(piece, **own, dealing=replace(piece.dealing, **dealing))


def test_seals_bind_roster_sender_and_recipient() -> None:
    session, pieces = start()
    open_with(session, {**pieces, SENDER: reseal(session)})
    for wrong in (
        lambda digest: Route(bytes(32), SENDER, VICTIM),
        lambda digest: Route(digest, "party-02", VICTIM),
        lambda digest: Route(digest, SENDER, "party-02"),
    ):
        session, pieces = start()
        digest = session.parties[VICTIM]._memory._known.roster_digest
        assert "was altered" in refused(session, {**pieces, SENDER: reseal(session, route=wrong(digest))})


def test_shares_and_contribution_are_not_exchangeable() -> None:
    session, pieces = start()
    context = Route(session.parties[VICTIM]._memory._known.roster_digest, SENDER, VICTIM).context()
    ad = session.replies["advertise"][VICTIM].advertisements[1]
    right = reseal(session)
    for field, key, domain in (
        ("shares", ad.mask_key, SHARES_DOMAIN),
        ("shares", ad.channel_key, CONTRIBUTION_DOMAIN),
        ("contribution", ad.channel_key, CONTRIBUTION_DOMAIN),
        ("contribution", ad.mask_key, SHARES_DOMAIN),
    ):
        session.parties[VICTIM] = start_again(session)
        sealed = seeds.seal(sealing_key(key), domain, bytes(34 if field == "shares" else 32), context)
        assert "was altered" in refused(session, {**pieces, SENDER: changed(right, **{field: sealed})})


def start_again(session: Session) -> object:
    """The victim once more, in the state that it was in (which it has no way to do itself)."""
    known = session.__dict__.setdefault("kept_state", session.parties[VICTIM]._memory._known)
    party = type(session.parties[VICTIM])(session.setting, session.identities[VICTIM])
    party._memory._known = known
    return party


@pytest.mark.parametrize(
    "fields",
    [
        {"root_share": shamir.PRIME.to_bytes(17, "little")},
        {"seed_share": b"\xff" * 17},
        {"root_share": bytes(16)},
        {"seed_share": bytes(18)},
        {"root_share": b"", "seed_share": b""},
        {"contribution": bytes(31)},
        {"contribution": bytes(33)},
        {"contribution": b""},
    ],
    ids=lambda fields: ",".join(f"{name}:{len(value)}" for name, value in fields.items()),
)
def test_a_seal_that_opens_on_something_malformed_names_the_sender(fields: dict[str, bytes]) -> None:
    session, pieces = start()
    assert "opens, but is malformed" in refused(session, {**pieces, SENDER: reseal(session, **fields)}, SENDER)


@pytest.mark.parametrize("field", ["root_share_commitment", "seed_share_commitment", "contribution_commitment"])
def test_a_value_that_is_not_the_one_committed_to_names_the_sender(field: str) -> None:
    session, pieces = start()
    pieces[SENDER] = changed(pieces[SENDER], **{field: bytes(32)})
    assert "not what it commits to" in refused(session, pieces, SENDER)


def test_commitments_of_the_three_values_are_not_exchangeable() -> None:
    session, pieces = start()
    piece = reseal(session)
    roots, seeds_ = piece.dealing.root_share_commitment, piece.dealing.seed_share_commitment
    assert len({roots, seeds_, piece.contribution_commitment}) == 3
    swapped = changed(piece, root_share_commitment=seeds_, seed_share_commitment=roots)
    assert "not what it commits to" in refused(session, {**pieces, SENDER: swapped}, SENDER)


def test_commitments_bind_roster_sender_and_recipient() -> None:
    """What one party committed to cannot be passed off as what another did."""
    routes = [
        Route(bytes(32), SENDER, VICTIM),
        Route(b"\x01" * 32, SENDER, VICTIM),
        Route(bytes(32), "party-02", VICTIM),
        Route(bytes(32), SENDER, "party-02"),
        Route(bytes(32), VICTIM, SENDER),
    ]
    assert len({route.commit("domain", bytes(17)) for route in routes}) == len(routes)


def test_pieces_of_another_instance_are_refused() -> None:
    session, pieces = start()
    _, others = start()
    assert "was altered" in refused(session, {**pieces, SENDER: others[SENDER]})

from __future__ import annotations

import contextlib
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import FormatError
from tacit.federated.secagg import (
    Advertisement,
    Confirmation,
    Confirmations,
    Inbox,
    MaskedVector,
    Message,
    Roster,
    Shares,
    Survivors,
    Unmasking,
    decode,
    encode,
)
from tacit.federated.secagg.thresholds import MAX_PARTIES

from .driver import STEPS, Session, make_setting

KINDS = (
    Advertisement,
    Roster,
    Shares,
    Inbox,
    MaskedVector,
    Survivors,
    Confirmation,
    Confirmations,
    Unmasking,
)


@cache
def samples() -> dict[type[Message], Message]:
    """One message of each kind, from a real sum with a dropout."""
    session = Session(make_setting(n=4), absent={"party-03": "mask"}).go()
    messages = [session.messages[step]["party-01"] for step in STEPS]
    messages += [session.replies[step]["party-01"] for step in STEPS[:-1]]
    return {type(message): message for message in messages}


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: type[Message]) -> None:
    assert decode(encode(samples()[kind]), kind) == samples()[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_is_not_another(kind: type[Message]) -> None:
    for other in set(KINDS) - {kind}:
        with pytest.raises(FormatError, match=kind.__name__):
            decode(encode(samples()[other]), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_neither_added_nor_left_out(kind: type[Message]) -> None:
    fields = msgspec.msgpack.decode(encode(samples()[kind]))
    for altered in ([*fields, 0], fields[:-1], []):
        with pytest.raises(FormatError):
            decode(msgspec.msgpack.encode(altered), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_truncation_and_trailing_bytes_are_refused(kind: type[Message]) -> None:
    data = encode(samples()[kind])
    for end in {0, 1, len(data) // 2, len(data) - 1}:
        with pytest.raises(FormatError):
            decode(data[:end], kind)
    with pytest.raises(FormatError):
        decode(data + b"\x00", kind)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *((Advertisement, field) for field in ("channel_key", "mask_key", "seed_commitment", "signature")),
        (Confirmation, "signature"),
    ],
)
@pytest.mark.parametrize("change", [lambda value: value[:-1], lambda value: value + b"\x00"], ids=["short", "long"])
def test_fixed_lengths_are_enforced(kind, field, change) -> None:
    altered = msgspec.structs.replace(samples()[kind], **{field: change(getattr(samples()[kind], field))})
    with pytest.raises(FormatError):
        decode(encode(altered), kind)


@pytest.mark.parametrize(
    "field",
    ["shares", "contribution", "root_share_commitment", "seed_share_commitment", "contribution_commitment"],
)
def test_pieces_have_fixed_lengths(field: str) -> None:
    piece = samples()[Shares].pieces[0]
    holder = piece if field.startswith("contribution") else piece.dealing
    for wrong in (getattr(holder, field)[:-1], getattr(holder, field) + b"\x00"):
        altered = msgspec.structs.replace(holder, **{field: wrong})
        altered = altered if holder is piece else msgspec.structs.replace(piece, dealing=altered)
        with pytest.raises(FormatError):
            decode(encode(Shares("party-01", (altered,))), Shares)


@pytest.mark.parametrize("tag", [b"", bytes(15), bytes(17)], ids=len)
def test_tags_have_one_length(tag: bytes) -> None:
    for message, kind in ((MaskedVector("a", b"", (tag,)), MaskedVector), (Survivors((), (tag,)), Survivors)):
        with pytest.raises(FormatError):
            decode(encode(message), kind)


@pytest.mark.parametrize("position", [-1, MAX_PARTIES, 2**64 - 1, 1.0, True, None], ids=str)
def test_picks_are_positions_in_an_agreement(position: object) -> None:
    right = msgspec.structs.replace(samples()[Advertisement], picks=(0, MAX_PARTIES - 1))
    assert decode(encode(right), Advertisement) == right
    with pytest.raises(FormatError):
        decode(encode(msgspec.structs.replace(right, picks=(position,))), Advertisement)


@pytest.mark.parametrize(
    "longest",
    [
        Survivors(("",) * MAX_PARTIES, ()),
        Survivors((), (bytes(16),) * MAX_PARTIES),
        MaskedVector("", b"", (bytes(16),) * MAX_PARTIES),
        Inbox(("",) * MAX_PARTIES, ()),
        Unmasking("", (None,) * MAX_PARTIES, ()),
        Unmasking("", (), (bytes(17),) * MAX_PARTIES),
    ],
    ids=lambda message: type(message).__name__,
)
def test_no_list_is_longer_than_an_agreement(longest: Message) -> None:
    assert decode(encode(longest), type(longest)) == longest
    fields = {name: getattr(longest, name) for name in longest.__struct_fields__}
    more = {name: (*value, value[0]) for name, value in fields.items() if isinstance(value, tuple) and value}
    with pytest.raises(FormatError):
        decode(encode(msgspec.structs.replace(longest, **more)), type(longest))


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (Advertisement, "picks"),
        (Roster, "advertisements"),
        (Shares, "pieces"),
        (Inbox, "deliveries"),
        (Confirmations, "confirmations"),
    ],
)
def test_no_list_of_what_parties_send_is_longer_either(kind: type[Message], field: str) -> None:
    one = (*getattr(samples()[kind], field), 0)[0]
    for length, refused in ((MAX_PARTIES, False), (MAX_PARTIES + 1, True)):
        data = encode(msgspec.structs.replace(samples()[kind], **{field: (one,) * length}))
        with pytest.raises(FormatError) if refused else contextlib.nullcontext():
            decode(data, kind)


def test_what_the_sparse_graph_leaves_out_is_none() -> None:
    """A piece without shares and a share that is withheld, as they travel."""
    piece = msgspec.structs.replace(samples()[Shares].pieces[0], dealing=None)
    message = Shares("party-01", (piece,))
    assert decode(encode(message), Shares) == message
    message = Unmasking("party-01", (None, bytes(17)), ())
    assert decode(encode(message), Unmasking) == message
    with pytest.raises(FormatError):
        decode(encode(Unmasking("party-01", (), (None,))), Unmasking)


def test_shares_and_names_are_bounded() -> None:
    for altered in (Unmasking("a", (bytes(16),), ()), Unmasking("a", (), (bytes(18),)), Unmasking("a" * 41, (), ())):
        with pytest.raises(FormatError):
            decode(encode(altered), Unmasking)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_message_or_a_format_error(kind: type[Message], data: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert isinstance(decode(data, kind), kind)


@pytest.mark.parametrize("kind", KINDS)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.integers(0, 8))
def test_altered_messages_give_a_message_or_a_format_error(
    kind: type[Message], place: int, value: int, cut: int
) -> None:
    data = bytearray(encode(samples()[kind]))
    # Half of the places are in the first bytes, where the structure is.
    data[place % (32 if place % 2 else len(data)) % len(data)] = value
    with contextlib.suppress(FormatError):
        assert isinstance(decode(bytes(data[: len(data) - cut]), kind), kind)


def test_deep_nesting_and_announced_lengths_are_refused() -> None:
    for data in (
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\x92\xa6roster\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
    ):
        with pytest.raises(FormatError):
            decode(data, Roster)


@pytest.mark.parametrize("kind", KINDS)
def test_no_contents_in_a_repr(kind: type[Message]) -> None:
    assert repr(samples()[kind]) == f"{kind.__name__}(contents hidden)"

"""The envelopes on the wire: every kind comes back, other bytes are one error naming the sender, sizes are bounded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import ProtocolError
from tacit.federated.secagg.messages import Confirmation, MaskedVector, Survivors
from tacit.run.continuing import Mark
from tacit.run.messages import (
    GRANT_BYTES,
    Done,
    FromCoordinator,
    FromParty,
    Join,
    JoinBody,
    ManifestSignature,
    ManifestSignatures,
    Participants,
    Proposal,
    Ready,
    SignedJoin,
    Signers,
    Stop,
    Total,
)
from tacit.wire import decode, encode

SIGNATURE = bytes(3373)
BODY = JoinBody("north", *[bytes(32)] * 6, (Mark(bytes(32), 1, 4, bytes(32)),), 2, 0)
JOIN = SignedJoin(BODY, SIGNATURE)
GRANTS = {"east": bytes(GRANT_BYTES), "south": bytes(GRANT_BYTES)}
FROM_PARTIES = [
    Join(JOIN, GRANTS),
    MaskedVector("north", b"words", ()),
    Confirmation("north", SIGNATURE),
    Ready(),
    Proposal(b"{}", b"payload", SIGNATURE),
    ManifestSignature(SIGNATURE),
    Done(),
    Stop("why"),
]
FROM_THE_COORDINATOR = [
    Participants((JOIN, JOIN), GRANTS),
    Survivors(("north", "east"), ()),
    Total(b"words", (("north", "east"), ("south",))),
    Signers(("north", "east")),
    Proposal(b"{}", b"payload", SIGNATURE),
    ManifestSignatures({"north": SIGNATURE}),
    Stop("why"),
]
ENVELOPED = [FromParty(each) for each in FROM_PARTIES] + [FromCoordinator(each) for each in FROM_THE_COORDINATOR]


def kind(message):
    return type(message.message).__name__


def refused(data, envelope):
    with pytest.raises(ProtocolError) as caught:
        decode(data, envelope, sender="north", step="answer")
    assert caught.value.culprit == "north"
    assert caught.value.step == "answer"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("message", ENVELOPED, ids=kind)
def test_every_kind_comes_back(message):
    assert decode(encode(message), type(message), sender="north", step="answer") == message


@pytest.mark.parametrize(
    "message",
    [
        *[FromParty(each) for each in FROM_THE_COORDINATOR if not isinstance(each, Proposal | Stop)],
        *[FromCoordinator(each) for each in FROM_PARTIES if not isinstance(each, Proposal | Stop)],
    ],
    ids=kind,
)
def test_what_the_other_side_says_is_not_said_by_this_one(message):
    refused(encode(message), type(message))


@pytest.mark.parametrize("message", ENVELOPED, ids=kind)
def test_one_sides_envelope_is_not_the_others(message):
    other = FromCoordinator if isinstance(message, FromParty) else FromParty
    refused(encode(message), other)


replace = msgspec.structs.replace


def joined(**changes):
    return FromParty(Join(SignedJoin(replace(BODY, **changes), SIGNATURE), GRANTS))


@pytest.mark.parametrize(
    "message",
    [
        *[joined(**{field: bytes(31)}) for field in ("study", "plan", "nonce", "history", "grants", "group_key")],
        *[joined(**{field: bytes(33)}) for field in ("study", "plan", "nonce", "history", "grants", "group_key")],
        joined(party="n" * 41),
        joined(marks=BODY.marks * 9),
        FromParty(Join(SignedJoin(BODY, SIGNATURE[:-1]), GRANTS)),
        FromParty(Join(JOIN, {"east": bytes(GRANT_BYTES - 1)})),
        FromParty(Join(JOIN, {"east": bytes(GRANT_BYTES + 1)})),
        FromParty(Join(JOIN, {"n" * 41: bytes(GRANT_BYTES)})),
        FromParty(Join(JOIN, {f"p{n}": bytes(GRANT_BYTES) for n in range(1001)})),
        FromParty(ManifestSignature(SIGNATURE + b"x")),
        FromParty(Proposal(b"{}", b"payload", SIGNATURE + b"x")),
        FromCoordinator(Participants((JOIN,) * 1001, GRANTS)),
        FromCoordinator(Signers(("north",) * 1001)),
        FromCoordinator(Signers(("n" * 41,))),
        FromCoordinator(ManifestSignatures({"north": b""})),
        FromCoordinator(ManifestSignatures({f"p{n}": SIGNATURE for n in range(1001)})),
    ],
    ids=kind,
)
def test_what_is_too_long_or_too_many_is_refused_by_the_decoder(message):
    refused(encode(message), type(message))


@given(st.binary(max_size=200), st.sampled_from([FromParty, FromCoordinator]))
def test_any_bytes_are_a_message_or_one_error(data, envelope):
    try:
        assert encode(decode(data, envelope, sender="north", step="answer")) == data
    except ProtocolError as error:
        assert error.culprit == "north"


@given(st.sampled_from(ENVELOPED), st.data())
def test_altered_bytes_are_another_message_or_one_error(message, data):
    encoded = bytearray(encode(message))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(encoded))] * 2)))
    encoded[start:end] = data.draw(st.binary(max_size=8))
    try:
        assert encode(decode(bytes(encoded), type(message), sender="north", step="answer")) == bytes(encoded)
    except ProtocolError as error:
        assert error.culprit == "north"

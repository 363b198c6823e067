"""The in-process twin goes through the same encoding as the network; what all channels promise is in test_channel."""

import msgspec
import pytest

from tacit.errors import ProtocolError
from tacit.keys import Identity
from tacit.wire import Channel, pair


class Loose(msgspec.Struct, tag="loose", frozen=True, forbid_unknown_fields=True):
    value: float
    data: bytes = b""


def test_the_first_end_is_the_first_partys(alice: Identity, bob: Identity) -> None:
    alices, bobs = pair(alice.public, bob.public)
    assert isinstance(alices, Channel)
    assert alices.peer == bob.public
    assert bobs.peer == alice.public


def test_messages_are_encoded_and_decoded(alice: Identity, bob: Identity) -> None:
    alices, bobs = pair(alice.public, bob.public)
    sent = Loose(1.0, b"data")
    alices.send(sent)
    received = bobs.receive(Loose, "s")
    assert received == sent
    assert received is not sent
    alices.send(Loose("text"))  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="alice, in step s: sent no readable Loose"):
        bobs.receive(Loose, "s")
    alices.send(Loose(1))
    with pytest.raises(ProtocolError, match="one encoding"):
        bobs.receive(Loose, "s")


def test_a_closed_inbox_holds_nothing(alice: Identity, bob: Identity) -> None:
    alices, bobs = pair(alice.public, bob.public)
    alices.send(Loose(1.0, bytes(1000)))
    bobs.close()
    assert bobs._inbox._held == 0
    with pytest.raises(ProtocolError, match="bob, in step send Loose: hung up"):
        alices.send(Loose(1.0))

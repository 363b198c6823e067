"""What every kind of channel promises."""

import pickle
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from tacit.errors import FormatError, ProtocolError, TacitError
from tacit.wire import DEFAULT_TIMEOUT, MAX_MESSAGE_BYTES, Channel, encode
from tacit.wire.stream import TlsStream

Line = Callable[..., tuple[Channel, Channel]]


class Blob(msgspec.Struct, tag="blob", frozen=True, forbid_unknown_fields=True):
    data: bytes = b""


class Number(msgspec.Struct, tag="number", frozen=True, forbid_unknown_fields=True):
    value: int


OVERHEAD = len(encode(Blob(bytes(200)))) - 200  # of a blob of 32 to 255 bytes


class Blamed:
    """Expect a ProtocolError that blames bob in the step "asking"."""

    def __init__(self, match: str, step: str = "asking", culprit: str = "bob") -> None:
        self.step, self.culprit, self.context = step, culprit, pytest.raises(ProtocolError, match=match)

    def __enter__(self) -> None:
        self.caught = self.context.__enter__()

    def __exit__(self, *error: object) -> bool | None:
        done = self.context.__exit__(*error)  # type: ignore[arg-type]
        assert (self.caught.value.culprit, self.caught.value.step) == (self.culprit, self.step)
        return done


def test_messages_arrive_whole_once_and_in_order(line: Line) -> None:
    alice, bob = line()
    sizes = [0, 1, 255, 16_383, 16_384, 16_385, 1_000_000, 3]
    for number, size in enumerate(sizes):
        alice.send(Blob(bytes([number]) * size))
        alice.send(Number(number))
    for number, size in enumerate(sizes):
        assert bob.receive(Blob, "s").data == bytes([number]) * size
        assert bob.receive(Number, "s") == Number(number)
    bob.send(Number(-1))
    assert alice.receive(Number, "s") == Number(-1)


def test_each_end_knows_the_other(line: Line) -> None:
    alice, bob = line()
    assert (alice.peer.name, bob.peer.name) == ("bob", "alice")


def test_payload_is_counted_when_sent_and_when_received(line: Line) -> None:
    alice, bob = line()
    for size in (100, 200):
        alice.send(Blob(bytes(size)))
    assert (alice.bytes_sent, alice.messages_sent) == (300 + 2 * OVERHEAD, 2)
    bob.receive(Blob, "s")
    assert (bob.bytes_received, bob.messages_received) == (100 + OVERHEAD, 1)
    bob.receive(Blob, "s")
    assert (bob.bytes_received, bob.messages_received) == (300 + 2 * OVERHEAD, 2)
    assert (bob.bytes_sent, bob.messages_sent, alice.bytes_received, alice.messages_received) == (0, 0, 0, 0)


@pytest.mark.parametrize("timeout", [0, 0.05, -1])
def test_a_silent_peer_is_blamed(line: Line, timeout: float) -> None:
    alice, bob = line()
    with Blamed("bob, in step asking: was silent for"):
        alice.receive(Blob, "asking", timeout)
    bob.send(Blob(b"late"))
    assert alice.receive(Blob, "asking").data == b"late"


def test_without_a_timeout_the_channels_own_holds(line: Line) -> None:
    alice, _ = line(default_timeout=0.05)
    with Blamed(r"was silent for 0\.05 s"):
        alice.receive(Blob, "asking")
    assert line()[0].default_timeout == DEFAULT_TIMEOUT


def test_an_endless_timeout_is_possible(line: Line) -> None:
    alice, bob = line()
    alice.send(Blob(), float("inf"))
    assert bob.receive(Blob, "s", float("inf")) == Blob()


def test_a_peer_that_hung_up_is_blamed_after_what_it_sent(line: Line) -> None:
    alice, bob = line()
    bob.send(Number(1))
    bob.send(Number(2))
    bob.close()
    assert alice.receive(Number, "s") == Number(1)
    assert alice.receive(Number, "s") == Number(2)
    for _ in range(2):
        with Blamed("hung up"):
            alice.receive(Number, "asking")


def test_a_peer_that_hangs_up_while_it_is_waited_for_is_blamed(line: Line) -> None:
    alice, bob = line()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(alice.receive, Blob, "asking")
        time.sleep(0.05)
        bob.close()
        with Blamed("hung up"):
            waiting.result()


def test_sending_to_a_peer_that_hung_up_ends_in_blame(line: Line) -> None:
    alice, bob = line()
    bob.close()

    def keep_sending() -> None:
        while True:
            alice.send(Blob(bytes(100_000)), 10, step="asking")

    with Blamed("hung up"):
        keep_sending()
    with Blamed("hung up", step="send Number"):
        alice.send(Number(1))


def test_another_kind_of_message_is_blamed(line: Line) -> None:
    alice, bob = line()
    bob.send(Blob())
    bob.send(Number(1))
    with Blamed("sent no readable Number"):
        alice.receive(Number, "asking")
    assert alice.receive(Number, "asking") == Number(1)


def test_the_largest_message_goes_through_and_no_larger(line: Line) -> None:
    alice, bob = line(max_message=200 + OVERHEAD)
    with pytest.raises(FormatError, match=f"a Blob of {201 + OVERHEAD} bytes .* takes {200 + OVERHEAD}"):
        alice.send(Blob(bytes(201)))
    assert alice.bytes_sent == 0
    for _ in range(3):
        alice.send(Blob(bytes(200)))
        assert bob.receive(Blob, "s") == Blob(bytes(200))
    assert line()[0].max_message == MAX_MESSAGE_BYTES == 256 * 2**20


def test_a_peer_that_takes_nothing_is_blamed_and_then_left(line: Line) -> None:
    alice, bob = line(max_message=100_000)

    def keep_sending() -> None:
        while True:
            alice.send(Blob(bytes(90_000)), 0.3, step="asking")

    with Blamed(r"took no message for 0\.3 s"):
        keep_sending()
    sent = alice.messages_sent
    with Blamed("nothing more can be sent"):
        alice.send(Number(1), step="asking")
    for _ in range(sent):
        bob.receive(Blob, "s")
    bob.send(Number(2))
    assert alice.receive(Number, "s") == Number(2)


@pytest.mark.parametrize("broken", [KeyboardInterrupt, MemoryError])
def test_after_a_send_that_was_broken_off_nothing_more_is_sent(
    tls_line: Line, monkeypatch: pytest.MonkeyPatch, broken: type[BaseException]
) -> None:
    """Bob would take the rest of one message, or a number that is missing, for a forgery."""
    alice, bob = tls_line()

    def break_off(*_: object) -> None:
        raise broken

    with monkeypatch.context() as patch, pytest.raises(broken):
        patch.setattr(TlsStream, "write", break_off)
        alice.send(Number(1))
    with Blamed("nothing more can be sent"):
        alice.send(Number(2), step="asking")
    bob.send(Number(3))
    assert alice.receive(Number, "s") == Number(3)
    assert alice.messages_sent == alice.bytes_sent == 0


def test_what_waits_to_be_received_is_bounded(line: Line) -> None:
    alice, bob = line(max_message=100_000)

    def keep_sending() -> None:
        while True:
            alice.send(Blob(bytes(20_000)), 0.3)

    with pytest.raises(ProtocolError):
        keep_sending()
    assert bob._inbox._held <= 100_000


def test_what_was_received_makes_room(line: Line) -> None:
    alice, bob = line(max_message=100_000)
    for _ in range(200):
        for end in (alice, bob):
            end.send(Blob(bytes(40_000)), 10)
            end.send(Blob(bytes(40_000)), 10)
        for end in (alice, bob, alice, bob):
            end.receive(Blob, "s", 10)


def test_both_may_send_much_at_once(line: Line) -> None:
    alice, bob = line()
    message = Blob(bytes(64 * 2**20))
    with ThreadPoolExecutor() as pool:
        sending = [pool.submit(end.send, message, 60) for end in (alice, bob)]
        for each in sending:
            each.result()
    for end in (alice, bob):
        assert len(end.receive(Blob, "s", 60).data) == len(message.data)


def test_threads_may_share_a_channel(line: Line) -> None:
    alice, bob = line()
    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            pool.submit(alice.send, Number(number))
            pool.submit(bob.send, Number(-number))
        received = [pool.submit(end.receive, Number, "s", 30) for end in (alice, bob) for _ in range(200)]
        values = sorted(each.result().value for each in received)
    assert values == sorted([*range(200), *(-n for n in range(200))])


def test_sends_take_turns_and_receives_take_turns(line: Line) -> None:
    """Two records sealed or opened at once would end in each other's place."""
    alice, bob = line()
    bob.send(Number(1))
    with alice._receiving, Blamed("was silent"):
        alice.receive(Number, "asking", 0)
    with alice._sending, Blamed("took no message for 0 s"):
        alice.send(Number(2), 0, step="asking")
    assert alice.receive(Number, "s") == Number(1)
    alice.send(Number(3))
    assert bob.receive(Number, "s") == Number(3)


def test_closing_again_hangs_up_once(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _ = line()
    true, calls = type(alice)._hang_up, []

    def count(self: Channel) -> None:
        calls.append(self)
        true(self)

    monkeypatch.setattr(type(alice), "_hang_up", count)
    alice.close()
    alice.close()
    assert calls == [alice]


def test_closing_stops_whoever_waits_at_this_end(line: Line) -> None:
    alice, _ = line(max_message=100_000)

    def keep_sending() -> None:
        while True:
            alice.send(Blob(bytes(90_000)), 30)

    with ThreadPoolExecutor() as pool:
        waiting: list[Future[Any]] = [pool.submit(alice.receive, Blob, "asking", 30), pool.submit(keep_sending)]
        time.sleep(0.2)
        alice.close()
        for each in waiting:
            with pytest.raises(TacitError, match="the channel with bob is closed at this end") as caught:
                each.result()
            assert not isinstance(caught.value, ProtocolError)


def test_a_closed_end_says_that_it_is(line: Line) -> None:
    alice, bob = line()
    bob.send(Number(1))
    with alice:
        assert "open" in repr(alice)
    alice.close()
    for attempt in (lambda: alice.send(Number(1)), lambda: alice.receive(Number, "s")):
        with pytest.raises(TacitError, match="closed at this end"):
            attempt()
    assert repr(alice) == f"{type(alice).__name__}(peer='bob', closed)"


def test_what_was_sent_arrives_though_the_sender_closed_with_mail_unread(tls_line: Line) -> None:
    """Both inboxes are full, so that much is on the way, both ways, when Bob closes: his system must not reset."""
    alice, bob = tls_line(max_message=100_000)
    for end in (alice, bob):  # so that some of it is still with its sender
        end._stream._writer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # type: ignore[attr-defined]
    for sender, count in ((alice, 12), (bob, 8)):
        for _ in range(count):
            sender.send(Blob(bytes(90_000)), 10)
    bob.close()
    for _ in range(8):
        assert len(alice.receive(Blob, "s").data) == 90_000
    with Blamed("hung up$"):
        alice.receive(Blob, "asking")


def test_programming_errors_are_not_blamed_on_the_peer(line: Line) -> None:
    alice, bob = line()
    bob.send(Number(1))
    with pytest.raises(TypeError):
        alice.send({"type": "number", "value": 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        alice.receive(dict, "s")  # type: ignore[type-var]
    assert alice.receive(Number, "s") == Number(1)


def test_a_channel_is_not_pickled(line: Line) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(line()[0])


def test_threads_end_with_their_channels(line: Line) -> None:
    with ExitStack() as held:
        for end in line():
            held.enter_context(end)
        threads = [each for each in threading.enumerate() if each.name.startswith("tacit channel ")]
        assert len(threads) in (0, 2)
    assert not any(each.is_alive() for each in threads)

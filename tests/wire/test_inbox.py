"""The inbox: bounded, in order, and at its end nobody waits. A deadline of no seconds shows who would wait."""

import threading
import time
from collections.abc import Callable

import pytest

from tacit.wire.deadline import Deadline
from tacit.wire.inbox import ENTRY_BYTES, Inbox, InboxClosedError, LineError

NOW = Deadline(0)


def test_it_gives_what_it_got_in_order() -> None:
    inbox = Inbox(10_000)
    for message in (b"one", bytearray(b"two"), b""):
        inbox.put(message)
    assert [inbox.get(NOW) for _ in range(3)] == [b"one", b"two", b""]
    with pytest.raises(TimeoutError):
        inbox.get(NOW)


def test_it_takes_its_capacity_and_no_more() -> None:
    inbox = Inbox(2 * (100 + ENTRY_BYTES))
    inbox.put(bytes(100), NOW)
    inbox.put(bytes(100), NOW)
    with pytest.raises(TimeoutError):
        inbox.put(b"", NOW)
    inbox.get(NOW)
    with pytest.raises(TimeoutError):
        inbox.put(bytes(101), NOW)
    inbox.put(bytes(100), NOW)


def test_empty_messages_count_too() -> None:
    inbox = Inbox(10 * ENTRY_BYTES)
    for _ in range(10):
        inbox.put(b"", NOW)
    with pytest.raises(TimeoutError):
        inbox.put(b"", NOW)


def test_it_takes_one_message_of_any_size_when_it_is_empty() -> None:
    inbox = Inbox(10)
    inbox.put(bytes(1000), NOW)
    with pytest.raises(TimeoutError):
        inbox.put(b"", NOW)
    assert inbox.get(NOW) == bytes(1000)
    inbox.put(bytes(1000), NOW)


def test_after_a_failure_what_came_before_is_given_and_then_the_first_reason() -> None:
    inbox = Inbox(10_000)
    inbox.put(b"before")
    inbox.fail("first")
    inbox.fail("second")
    assert inbox.get(NOW) == b"before"
    for _ in range(2):
        with pytest.raises(LineError, match="first"):
            inbox.get(NOW)


def test_after_a_failure_it_takes_nothing_full_or_not() -> None:
    for capacity in (10, 10_000):
        inbox = Inbox(capacity)
        inbox.put(bytes(100))
        inbox.fail("hung up")
        with pytest.raises(InboxClosedError):
            inbox.put(bytes(100), NOW)


def test_a_closed_one_holds_takes_and_gives_nothing() -> None:
    inbox = Inbox(10_000)
    inbox.put(b"before")
    inbox.close()
    inbox.fail("hung up")
    assert inbox._held == 0
    with pytest.raises(InboxClosedError):
        inbox.put(b"after", NOW)
    with pytest.raises(InboxClosedError):
        inbox.get(NOW)


def start_waiting(inbox: Inbox, wait: Callable[[], None]) -> threading.Thread:
    """Return a thread that is at `wait` now."""
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    while not inbox._changed._waiters:  # type: ignore[attr-defined]
        time.sleep(0.001)
    return thread


@pytest.mark.parametrize("wake", ["get", "fail", "close"])
def test_who_waits_for_room_is_woken(wake: str) -> None:
    inbox = Inbox(10)
    inbox.put(b"first")
    ended: list[type[Exception] | None] = []

    def wait() -> None:
        try:
            inbox.put(b"second")
        except InboxClosedError as error:
            ended.append(type(error))
        else:
            ended.append(None)

    thread = start_waiting(inbox, wait)
    {"get": lambda: inbox.get(NOW), "fail": lambda: inbox.fail("hung up"), "close": inbox.close}[wake]()
    thread.join(30)
    assert ended == [None if wake == "get" else InboxClosedError]


@pytest.mark.parametrize(
    ("wake", "outcome"), [("put", b"message"), ("fail", LineError), ("close", InboxClosedError)], ids=str
)
def test_who_waits_for_a_message_is_woken(wake: str, outcome: bytes | type[Exception]) -> None:
    inbox = Inbox(10)
    ended: list[bytes | bytearray | type[Exception]] = []

    def wait() -> None:
        try:
            ended.append(inbox.get(Deadline(float("inf"))))
        except (LineError, InboxClosedError) as error:
            ended.append(type(error))

    thread = start_waiting(inbox, wait)
    {"put": lambda: inbox.put(b"message"), "fail": lambda: inbox.fail("hung up"), "close": inbox.close}[wake]()
    thread.join(30)
    assert ended == [outcome]

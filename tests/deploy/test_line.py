"""Whatever is lost, repeated or delayed on the way, each end hears every frame once and in order."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.deploy.line import MAX_FRAMES, Line, Parcel
from tacit.errors import FormatError
from tacit.wire.deadline import Deadline
from tacit.wire.inbox import LineError

FRAMES = [bytes([number]) * 3 for number in range(6)]
replace = msgspec.structs.replace


def now():
    return Deadline(0.0)


def line(max_frame=100, capacity=10_000):
    return Line(max_frame, capacity)


def heard(end):
    frames = []
    while True:
        try:
            frames.append(bytes(end.inbox.get(now())))
        except (TimeoutError, LineError):
            return frames


def carry(source, target, times=1):
    parcel = Parcel.decode(source.parcel().encode())
    return [target.take(parcel) for _ in range(times)][-1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.booleans()), max_size=12))
def test_each_frame_is_heard_once_and_in_order_however_parcels_fare(fates):
    """Each fate: who sends, how often its parcel arrives (0: lost), and whether an older one arrives after it."""
    ends = {"a": line(), "b": line()}
    waiting = {"a": list(FRAMES), "b": list(FRAMES)}
    got = {"a": [], "b": []}
    older = {"a": [], "b": []}
    for sender, times, late in [*fates, *[(name, 1, False) for _ in range(8) for name in "ab"]]:
        other = "b" if sender == "a" else "a"
        if waiting[sender]:
            ends[sender].put(waiting[sender].pop(0), now())
        parcel = ends[sender].parcel()
        for each in [parcel] * times + (older[sender][:1] if late else []):
            ends[other].take(each)
        older[sender].append(parcel)
        got[other] += heard(ends[other])
    assert got == {"a": FRAMES, "b": FRAMES}


def test_what_was_acknowledged_is_not_sent_again():
    a, b = line(), line()
    a.put(FRAMES[0], now())
    carry(a, b)
    assert a.parcel().frames == (FRAMES[0],)
    carry(b, a)
    assert a.parcel().frames == ()
    assert a.wait_until_heard(0.0)


def test_a_gap_is_waited_out():
    a, b = line(), line()
    a.put(FRAMES[0], now())
    parcel = a.parcel()
    b.take(replace(parcel, first=3))
    assert heard(b) == []
    b.take(parcel)
    assert heard(b) == [FRAMES[0]]


def test_an_earlier_or_later_life_of_the_other_end_is_not_heard():
    a, b, again = line(), line(), line()
    again.put(FRAMES[1], now())
    carry(a, b)
    assert not carry(again, b)
    assert heard(b) == []
    assert again.origin > a.origin


def test_what_is_meant_for_an_earlier_life_of_this_end_is_not_heard():
    a, b, again = line(), line(), line()
    carry(b, a)
    a.put(FRAMES[0], now())
    assert not carry(a, again)
    assert heard(again) == []


def test_acknowledging_what_was_never_sent_ends_the_line():
    a, b = line(), line()
    carry(a, b)
    a.take(replace(b.parcel(), received=1))
    with pytest.raises(LineError, match="acknowledged more"):
        a.inbox.get(now())
    with pytest.raises(LineError):
        a.put(FRAMES[0], now())


def test_a_frame_too_large_ends_the_line():
    a, b = line(), line(max_frame=2)
    a.put(FRAMES[0], now())
    carry(a, b)
    with pytest.raises(LineError, match="at most 2"):
        b.inbox.get(now())


def test_frames_wait_at_their_sender_while_there_is_no_room_for_them():
    a, b = line(), line(capacity=300)
    for frame in FRAMES:
        a.put(frame, now())
    carry(a, b, times=2)
    first = heard(b)
    assert 0 < len(first) < len(FRAMES)
    rest = []
    for _ in FRAMES:
        carry(b, a)
        carry(a, b)
        rest += heard(b)
    assert first + rest == FRAMES


def test_a_sender_waits_for_room_and_gives_up_at_its_deadline():
    a = line(capacity=5)
    a.put(FRAMES[0], now())
    with pytest.raises(TimeoutError):
        a.put(FRAMES[1], now())


def test_the_end_comes_after_all_frames():
    a, b = line(), line()
    a.put(FRAMES[0], now())
    a.end()
    carry(a, b)
    assert b.inbox.get(now()) == FRAMES[0]
    with pytest.raises(LineError, match="hung up"):
        b.inbox.get(now())


def test_a_line_is_over_once_the_other_end_knows():
    a, b = line(), line()
    carry(b, a)
    a.end()
    assert a.has_to_be_told
    carry(b, a)  # sent before b could know
    assert not a.is_over
    carry(a, b)
    carry(b, a)
    assert a.is_over
    assert not a.has_to_be_told
    assert not a.wants_carrying


def test_it_is_carried_to_whoever_is_to_speak_next_and_left_alone_after_the_answer():
    a, b = line(), line()
    assert a.wants_carrying
    b.put(FRAMES[0], now())
    carry(b, a)
    assert not a.wants_carrying
    a.expect()
    assert a.wants_carrying


def test_a_parcel_is_bounded_and_the_rest_follows(monkeypatch):
    monkeypatch.setattr("tacit.deploy.line.PARCEL_BYTES", 6)
    a, b = line(), line()
    for frame in FRAMES:
        a.put(frame, now())
    a.end()
    assert len(a.parcel().frames) == 2
    assert not a.parcel().ended
    for _ in range(3):
        carry(a, b)
        carry(b, a)
    assert heard(b) == FRAMES


@pytest.mark.parametrize(
    "parcel",
    [
        (b"x" * 17, b"", 0, (), 0, False),
        (b"x", b"", -1, (), 0, False),
        (b"x", b"", 0, (b"",) * (MAX_FRAMES + 1), 0, False),
        (b"x", b"", 0, ("text",), 0, False),
        (b"x", b"", 0, (), math.inf, False),
        (b"x",),
    ],
)
def test_bytes_that_are_no_parcel_are_refused(parcel):
    with pytest.raises(FormatError, match="no parcel"):
        Parcel.decode(msgspec.msgpack.encode(parcel))

"""Sessions: three parties over real channels, and every way in which one of them can let the others down."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity
from tacit.mpc import session as session_module
from tacit.mpc.exchange import Exchange, Wanted
from tacit.mpc.inputs import share
from tacit.mpc.messages import Hello, Round
from tacit.mpc.opening import open_to_all
from tacit.mpc.products import matmul
from tacit.mpc.session import open_session, unpacked
from tacit.wire import pair

NAMES = ("ada", "bob", "cyd")
WORDS = np.arange(6, dtype=np.uint64).reshape(2, 3)


@pytest.fixture(scope="module")
def identities():
    return [Identity.new(name) for name in NAMES]


def program(session):
    """The first party's words times their transpose, opened."""
    party = session.party
    x = session.run(share(party, 0, WORDS if party.index == 0 else None, WORDS.shape))
    product = session.run(matmul(party, x, x.map(np.transpose)))
    return session.run(open_to_all(party, product))


def lines(identities):
    """In-memory channels: for each party those to its previous and its next."""
    forward = [pair(identities[i].public, identities[(i + 1) % 3].public) for i in range(3)]
    return [(forward[(i - 1) % 3][1], forward[i][0]) for i in range(3)]


def together(*works):
    """Run the works in threads; returns results, exceptions among them."""

    def outcome(work):
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(outcome, works))


def honest(index, line, work=program, timeout=5.0, **options):
    def run():
        try:
            terms = {"security": "passive", "session": "s", "terms": "t"} | options
            return work(open_session(index, NAMES, *line, timeout=timeout, **terms))
        finally:
            for channel in line:
                channel.close()

    return run


def test_rounds_and_bytes_are_counted(identities):
    def costs(session):
        program(session)
        return session.cost.rounds, session.cost.bytes_sent

    results = together(*(honest(i, line, costs) for i, line in enumerate(lines(identities))))
    assert results == [(3, 48 + 32 + 32), (3, 64), (3, 64)]


@pytest.mark.parametrize(
    ("option", "value"), [("session", "another"), ("terms", "other terms"), ("security", "active")]
)
def test_parties_that_mean_another_computation_are_told_so(identities, option, value):
    three = lines(identities)
    results = together(honest(0, three[0]), honest(1, three[1]), honest(2, three[2], **{option: value}))
    assert isinstance(results[0], ProtocolError)
    assert results[0].culprit == "cyd"
    assert results[0].step == "greeting"


@pytest.mark.parametrize("option", ["session", "terms"])
def test_a_greeting_cannot_fill_an_error_message(identities, option):
    three = lines(identities)
    results = together(honest(0, three[0]), honest(1, three[1]), honest(2, three[2], **{option: "\x1b" * 4000}))
    assert isinstance(results[0], ProtocolError)
    assert len(str(results[0])) < 1000
    assert str(results[0]).isprintable()


def test_a_greeting_names_its_session_in_few_words():
    long = msgspec.msgpack.encode({"type": "mpc hello", "session": "s" * 4097, "terms": "t", "randomness": bytes(32)})
    with pytest.raises(msgspec.ValidationError, match="session"):
        msgspec.msgpack.decode(long, type=Hello)


def test_messages_do_not_show_their_secrets():
    said = repr(Hello("s", "t", b"K" * 32)) + repr(Round(1, b"K" * 32))
    assert "KK" not in said
    assert "secret" in said


def against(identities, cheat):
    """The outcomes of ada and bob where cyd does `cheat(previous, next)` after a proper greeting."""
    three = lines(identities)

    def cyd():
        for channel in three[2]:
            channel.send(Hello("s", "passive; t", bytes(32)))
        cheat(*three[2])

    return together(honest(0, three[0], timeout=1.0), honest(1, three[1], timeout=1.0), cyd)[:2]


def silent(previous, following):
    time.sleep(2.5)


def gone(previous, following):
    previous.close()
    following.close()


def short(previous, following):
    for channel in (previous, following):
        channel.send(Round(1, b"\0" * 8))
    time.sleep(1.0)


def long(previous, following):
    for channel in (previous, following):
        channel.send(Round(1, b"\0" * 8000))
    time.sleep(1.0)


def other_round(previous, following):
    for channel in (previous, following):
        channel.send(Round(7, b"\0" * 32))
    time.sleep(1.0)


def other_kind(previous, following):
    for channel in (previous, following):
        channel.send(Hello("s", "passive; t", bytes(32)))
    time.sleep(1.0)


@pytest.mark.parametrize("cheat", [silent, gone, short, long, other_round, other_kind])
def test_whoever_lets_the_others_down_is_named_within_the_timeout(identities, cheat):
    started = time.monotonic()
    results = against(identities, cheat)
    assert time.monotonic() - started < 8.0
    assert all(isinstance(result, ProtocolError) for result in results)
    assert "cyd" in {result.culprit for result in results}


def test_after_an_error_a_session_computes_nothing_more(identities):
    three = lines(identities)

    def twice(session):
        with pytest.raises(ProtocolError):
            program(session)
        with pytest.raises(TacitError, match="computes nothing more"):
            program(session)
        return "stopped"

    def leave(session):
        session.close()

    assert (
        together(honest(0, three[0], twice, 1.0), honest(1, three[1], twice, 1.0), honest(2, three[2], leave))[:2]
        == ["stopped"] * 2
    )


def test_a_fault_in_the_program_ends_the_session(identities):
    def faulty(session):
        def protocol():
            yield Exchange()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            session.run(protocol())
        with pytest.raises(TacitError, match="ZeroDivisionError"):
            session.run(protocol())
        return True

    assert together(*(honest(i, line, faulty) for i, line in enumerate(lines(identities)))) == [True] * 3


def test_no_two_sessions_share_a_mask(identities):
    """The same program between the same parties under the same names: everything sent differs, but what is opened."""

    def masks(session):
        own, following = session.party.streams.zero((1000,))
        return {*own.tolist(), *following.tolist()}

    seen = set()
    for _ in range(4):
        results = together(*(honest(i, line, masks) for i, line in enumerate(lines(identities))))
        together_seen = set().union(*results)
        assert len(together_seen) == 3000  # three keys, each held by two
        assert not seen & together_seen
        seen |= together_seen


def test_channels_must_lead_to_the_parties_in_their_order(identities):
    previous, following = lines(identities)[0]
    with pytest.raises(ValueError, match="leads to"):
        open_session(0, NAMES, following, previous, security="passive", session="s")
    with pytest.raises(ValueError, match="three different"):
        open_session(0, ("ada", "ada", "cyd"), previous, following, security="passive", session="s")


def test_a_round_has_just_its_bytes():
    wanted = (Wanted((2,), np.uint16), Wanted((1, 1)))
    data = np.array([1, 2], "<u2").tobytes() + np.array([3], "<u8").tobytes()
    short, long = unpacked(data, wanted, "ada", "round 0")
    assert short.tolist() == [1, 2]
    assert long.tolist() == [[3]]
    for wrong in (data[:-1], data + b"\0", b""):
        with pytest.raises(ProtocolError, match="bytes where 12 are needed") as caught:
            unpacked(wrong, wanted, "ada", "round 0")
        assert caught.value.culprit == "ada"


def test_threads_end(identities):
    before = threading.active_count()
    together(*(honest(i, line) for i, line in enumerate(lines(identities))))
    assert threading.active_count() <= before


def test_long_messages_go_in_parts_and_come_out_whole(identities, monkeypatch):
    monkeypatch.setattr(session_module, "PART", 40)
    large = np.arange(99, dtype=np.uint64)

    def exchange(session):
        def protocol():
            words = large + np.uint64(session.party.index)
            return (yield Exchange((words,), (words[:7],), (Wanted((7,)),), (Wanted((99,)),)))

        received = session.run(protocol())
        return received.from_previous[0], received.from_next[0], session.cost.messages_sent

    results = together(*(honest(i, line, exchange) for i, line in enumerate(lines(identities))))
    for index, (from_previous, from_next, messages) in enumerate(results):
        np.testing.assert_array_equal(from_previous, large[:7] + np.uint64((index - 1) % 3))
        np.testing.assert_array_equal(from_next, large + np.uint64((index + 1) % 3))
        assert messages == 20 + 2


def test_both_neighbours_may_send_more_than_a_channel_holds_ahead(identities):
    """192 KiB to each side over channels that hold 64 KiB: parts are received between those that are sent."""
    forward = [pair(identities[i].public, identities[(i + 1) % 3].public, max_message=2**16) for i in range(3)]
    three = [(forward[(i - 1) % 3][1], forward[i][0]) for i in range(3)]

    def exchange(session):
        def protocol():
            words, wanted = (np.ones(3 * 2**13, np.uint64),), (Wanted((3 * 2**13,)),)
            return (yield Exchange(words, words, wanted, wanted))

        return int(session.run(protocol()).from_next[0].sum())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_module, "PART", 2**14)
        assert together(*(honest(i, line, exchange) for i, line in enumerate(three))) == [3 * 2**13] * 3

"""The server: a bad party is left out and named, the sum goes on while enough are left."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tacit.errors import FormatError, ProtocolError
from tacit.federated.secagg import AggregationParty, AggregationServer, Confirmation, Setting, Shares, decode, encode
from tacit.federated.secagg.advertisement import sign_advertisement
from tacit.federated.secagg.confirmation import View, sign_confirmation
from tacit.federated.secagg.seeds import KemKeys

from .driver import STEPS, Hook, Session, identity, make_setting, plain_sum

BAD = "party-03"
SETTING = make_setting(n=5, corrupt=0, dropping=1)


def cheat(at: str, change: Any) -> Hook:
    """BAD's message in step `at` is replaced by change(message)."""
    return lambda step, name, message: change(message) if (step, name) == (at, BAD) else message


def elsewhere(setting: Setting, **change: Any) -> Any:
    return AggregationParty(dataclasses.replace(setting, **change), identity(3)).advertise()


def with_keys(setting: Setting, **keys: bytes) -> Any:
    right = {"channel_key": KemKeys.fresh().public, "mask_key": KemKeys.fresh().public, "seed_commitment": bytes(32)}
    return sign_advertisement(setting, identity(3), **{**right, **keys})


def signed_for(setting: Setting, roster_digest: bytes) -> Confirmation:
    return sign_confirmation(setting, identity(3), View(roster_digest, setting.names, setting.names))


SAME = KemKeys.fresh().public
LOW_ORDER = bytes(32) + SAME[32:]

# What BAD does: in which step, how (given the setting and its right message), and the reason that is recorded.
CHEATS = {
    "signature": ("advertise", lambda s, m: replace(m, signature=m.signature[::-1]), "not signed by the identity"),
    "key": ("advertise", lambda s, m: replace(m, mask_key=SAME), "not signed by the identity"),
    "instance": ("advertise", lambda s, m: elsewhere(s, instance=bytes(32)), "not signed by the identity"),
    "threshold": ("advertise", lambda s, m: elsewhere(s, corrupt=2), "not signed by the identity"),
    "unusable": ("advertise", lambda s, m: with_keys(s, channel_key=LOW_ORDER), "nothing can be sealed to"),
    "same keys": ("advertise", lambda s, m: with_keys(s, channel_key=SAME, mask_key=SAME), "advertised twice"),
    "name": ("advertise", lambda s, m: replace(m, party="party-02"), "another party's name"),
    "fewer pieces": ("share", lambda s, m: Shares(BAD, m.pieces[:-1]), "dealt 3 pieces to 4 others"),
    "more pieces": ("share", lambda s, m: Shares(BAD, (*m.pieces, m.pieces[0])), "dealt 5 pieces to 4 others"),
    "no pieces": ("share", lambda s, m: Shares(BAD, ()), "dealt 0 pieces"),
    "shares' name": ("share", lambda s, m: replace(m, party="party-02"), "another party's name"),
    "short vector": ("mask", lambda s, m: replace(m, vector=m.vector[:-1]), "31 bytes is not one of 32"),
    "long vector": ("mask", lambda s, m: replace(m, vector=m.vector + bytes(4)), "36 bytes is not one of 32"),
    "no vector": ("mask", lambda s, m: replace(m, vector=b""), "0 bytes is not one of 32"),
    "forged": ("confirm", lambda s, m: Confirmation(BAD, bytes(3373)), "not its signature"),
    "other roster": ("confirm", lambda s, m: signed_for(s, bytes(32)), "not its signature"),
    "fewer shares": ("unmask", lambda s, m: replace(m, seed_shares=m.seed_shares[:-1]), "one share for each"),
    "both shares": ("unmask", lambda s, m: replace(m, root_shares=m.seed_shares[:1]), "one share for each"),
    "a wrong share": ("unmask", lambda s, m: replace(m, seed_shares=m.seed_shares[::-1]), "not the one it was dealt"),
    "out of range": ("unmask", lambda s, m: replace(m, seed_shares=(b"\xff" * 17,) * 5), "not the one it was dealt"),
}


@pytest.mark.parametrize("case", CHEATS)
def test_a_bad_party_is_left_out_with_the_reason(case: str) -> None:
    step, change, reason = CHEATS[case]
    session = Session(SETTING, up=cheat(step, lambda message: change(SETTING, message))).go()
    assert set(session.server.excluded) == {BAD}
    assert session.server.excluded[BAD].startswith(f"step {step}: ")
    assert reason in session.server.excluded[BAD]
    in_the_sum = STEPS.index(step) > STEPS.index("mask")
    assert (BAD in session.server.surviving) == in_the_sum
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, session.server.surviving))


@pytest.mark.parametrize("case", CHEATS)
def test_it_stops_where_nobody_may_be_missing(case: str) -> None:
    step, change, reason = CHEATS[case]
    t_is_n = make_setting(n=5, corrupt=4, dropping=0)
    session = Session(t_is_n, up=cheat(step, lambda message: change(t_is_n, message)))
    with pytest.raises(ProtocolError, match=reason) as caught:
        session.go()
    assert (caught.value.culprit, caught.value.step) == (BAD, step)


def test_all_who_are_missing_are_named() -> None:
    session = Session(SETTING, absent={"party-00": "mask"}, up=cheat("mask", lambda m: replace(m, vector=b"")))
    with pytest.raises(ProtocolError) as caught:
        session.go()
    assert caught.value.culprit == "party-00, party-03"
    assert "party-00: step mask: it sent nothing" in str(caught.value)


def test_two_parties_with_one_key_are_both_left_out() -> None:
    setting = make_setting(n=7, dropping=2)
    stolen: list[bytes] = []

    def steal(step: str, name: str, message: Any) -> Any:
        if step == "advertise" and name == "party-01":
            stolen.append(message.mask_key)
        if step == "advertise" and name == BAD:
            return sign_advertisement(setting, identity(3), message.channel_key, stolen[0], bytes(32))
        return message

    session = Session(setting, up=steal).go()
    assert set(session.server.excluded) == {"party-01", BAD}


def test_a_stranger_changes_nothing() -> None:
    session = Session(SETTING)
    session.collect("advertise")
    message = session.messages["advertise"]["party-01"]
    session.messages["advertise"]["stranger"] = replace(message, party="stranger")
    session.serve("advertise")
    session.go()
    assert session.server.excluded == {"stranger": "step advertise: it has no part in this step"}


def test_who_dropped_out_does_not_come_back() -> None:
    session = Session(SETTING, up=cheat("share", lambda m: None))
    session.go("share")
    session.collect("mask")
    session.messages["mask"][BAD] = replace(session.messages["mask"]["party-00"], party=BAD)
    session.serve("mask")
    session.go()
    assert BAD not in session.server.surviving
    assert session.server.excluded == {BAD: "step share: it sent nothing"}
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, session.server.surviving))


def test_a_survivor_whose_confirmation_was_lost_may_still_unmask() -> None:
    session = Session(SETTING, up=cheat("confirm", lambda m: None), absent={"party-00": "unmask", "party-01": "unmask"})
    session.go()
    assert BAD in session.server.surviving
    assert session.server.excluded[BAD] == "step confirm: it sent nothing"
    np.testing.assert_array_equal(session.total, plain_sum(SETTING, session.vectors, SETTING.names))


SERVER_STEPS = ("roster", "inboxes", "survivors", "confirmations", "result")


@pytest.mark.parametrize("due", range(5))
@pytest.mark.parametrize("done", range(5))
def test_each_step_once_and_in_order(due: int, done: int) -> None:
    session = Session(SETTING)
    if due:
        session.go(STEPS[due - 1])
    session.collect(STEPS[due])
    if due == done:
        getattr(session.server, SERVER_STEPS[due])(session.messages[STEPS[due]])
    with pytest.raises(ProtocolError, match="over, or not due") as caught:
        getattr(session.server, SERVER_STEPS[done])({})
    assert (caught.value.culprit, caught.value.step) == ("coordinator", STEPS[done])
    if due != done:
        with pytest.raises(ProtocolError, match="over, or not due"):
            getattr(session.server, SERVER_STEPS[due])(session.messages[STEPS[due]])


def test_it_is_over_after_an_error() -> None:
    session = Session(SETTING)
    session.collect("advertise")
    with pytest.raises(ProtocolError):
        session.server.roster({})
    with pytest.raises(ProtocolError, match="over, or not due"):
        session.server.roster(session.messages["advertise"])


def test_survivors_are_known_when_the_vectors_are_in() -> None:
    session = Session(SETTING).go("share")
    with pytest.raises(RuntimeError):
        _ = session.server.surviving
    assert session.go("mask").server.surviving == SETTING.names


def test_it_is_neither_printed_pickled_nor_copied() -> None:
    server = AggregationServer(SETTING)
    assert repr(server) == "AggregationServer(5 parties, contents hidden)"
    for attempt in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="pickle"):
            attempt(server)
        with pytest.raises(TypeError, match="not pickled or copied"):
            attempt(server._memory)


@settings(max_examples=60, deadline=None)
@given(step=st.sampled_from(STEPS), place=st.integers(0, 10**6), value=st.integers(0, 255), early=st.booleans())
def test_altered_messages_exclude_their_sender_or_are_named(step: str, place: int, value: int, early: bool) -> None:
    def alter(message: Any) -> Any:
        data = bytearray(encode(message))
        data[place % (64 if early else len(data)) % len(data)] = value
        try:
            return decode(bytes(data), type(message))
        except FormatError:
            return None

    session = Session(SETTING, up=cheat(step, alter))
    try:
        session.go()
    except ProtocolError:
        # Pieces are opaque to the server: altered ones stop their recipients, who cannot tell who altered them.
        assert step == "share"
    assert set(session.server.excluded) <= ({BAD} if step != "share" else set(SETTING.names))

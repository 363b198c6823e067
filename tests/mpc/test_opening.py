"""Opening, and that no cheat makes an honest party read another value."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import ProtocolError
from tacit.mpc.opening import NotVerifiedError, open_to, open_to_all
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic, Binary

from .lockstep import NAMES, dealt, lockstep, parties

WORDS = np.array([1, 2**63, 2**64 - 1], np.uint64)
RNG = np.random.default_rng(4)


def run(security, protocol=open_to_all, kind=Arithmetic, tamper=None, watch=None, **options):
    shares = dealt(kind, WORDS, RNG)
    programs = [protocol(p, s, **options) for p, s in zip(parties(security), shares, strict=True)]
    return lockstep(programs, tamper, watch)


@pytest.mark.parametrize("kind", [Arithmetic, Binary])
@pytest.mark.parametrize(("security", "size"), [("passive", 24), ("active", 56)])
def test_everyone_learns_the_value_in_one_round(security, size, kind):
    watch = []
    for value in run(security, kind=kind, watch=watch):
        np.testing.assert_array_equal(value, WORDS)
    assert {message.round for message in watch} == {0}
    for sender in range(3):
        assert sum(m.array.nbytes for m in watch if m.sender == sender) == size


@pytest.mark.parametrize("receiver", [0, 1, 2])
@pytest.mark.parametrize("security", ["passive", "active"])
def test_only_the_receiver_learns_the_value(receiver, security):
    watch = []
    values = run(security, open_to, watch=watch, receiver=receiver)
    np.testing.assert_array_equal(values.pop(receiver), WORDS)
    assert values == [None, None]
    assert {message.receiver for message in watch} == {receiver}


@pytest.mark.parametrize("cheat", [0, 1, 2])
@pytest.mark.parametrize("protocol", [open_to_all, open_to])
@pytest.mark.parametrize("flip", [1, 2**63])
def test_another_component_is_noticed_in_active_mode(cheat, protocol, flip):
    def tamper(message):
        if message.sender != cheat:
            return message.array
        return (
            message.array ^ np.array(flip % 2**8 or 128, np.uint8)
            if message.array.dtype == np.uint8
            else message.array ^ np.uint64(flip)
        )

    options = {"receiver": (cheat + 1) % 3} if protocol is open_to else {}
    results = run("active", protocol, tamper=tamper, **options)
    for index, result in enumerate(results):
        if index != cheat and isinstance(result, np.ndarray):
            np.testing.assert_array_equal(result, WORDS)
    errors = [result for index, result in enumerate(results) if isinstance(result, ProtocolError) and index != cheat]
    assert errors
    for error in errors:
        assert NAMES[cheat] in str(error)
        assert error.step == "opening"


def test_nothing_is_opened_before_products_are_verified():
    three = parties("active")
    shares = dealt(Arithmetic, WORDS, RNG)
    products = lockstep([multiply(p, s, s) for p, s in zip(three, shares, strict=True)])
    for protocol in (open_to_all(three[0], products[0]), open_to(three[0], products[0], 1)):
        with pytest.raises(NotVerifiedError, match="not been verified"):
            next(protocol)

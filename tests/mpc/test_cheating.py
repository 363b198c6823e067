"""One party cheats in any message of a whole computation: the honest ones stop, or have the right result."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tacit.errors import ProtocolError
from tacit.mpc.comparison import negative
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import together
from tacit.mpc.opening import open_to_all
from tacit.mpc.products import matmul, multiply
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import truncate
from tacit.mpc.verification import verify

from .lockstep import Message, dealt, lockstep, parties

X = np.array([[3, -7, 2**40], [0, -1, 5]])
F = 8


def program(party, x):
    """Signs, products and a rescaling, side by side and one after another; verified and opened."""
    signs, product = yield from together(negative(party, x, 48), matmul(party, x, x.map(np.transpose)))
    bits = yield from bits_to_words(party, signs, x.size)
    squares = yield from multiply(party, x, bits.reshape(*x.shape))
    rescaled = yield from truncate(party, squares, F)
    yield from verify(party)
    return (yield from together(open_to_all(party, rescaled), open_to_all(party, product)))


def right(result):
    rescaled, product = (words.view(np.int64) for words in result)
    exact = np.where(X < 0, X, 0) / 2**F
    return (product == X @ X.T).all() and (np.abs(rescaled - exact) <= 1).all()


def run(rng, tamper=None, watch=None):
    shares = dealt(Arithmetic, X.view(np.uint64), rng)
    return lockstep([program(p, s) for p, s in zip(parties("active"), shares, strict=True)], tamper, watch)


def unsigned(array, value):
    return np.array(value % 2 ** (8 * array.dtype.itemsize), dtype=array.dtype)


def one_element(change):
    def altered(array, rng, earlier):
        changed = array.copy().reshape(-1)
        if changed.size:
            place = rng.integers(changed.size)
            changed[place] = change(changed[place], rng)
        return changed.reshape(array.shape)

    return altered


def all_random(array, rng, earlier):
    return rng.integers(0, 2 ** (8 * array.dtype.itemsize), array.shape, dtype=array.dtype)


def swapped(array, rng, earlier):
    changed = array.copy().reshape(-1)
    return changed[rng.permutation(changed.size)].reshape(array.shape)


def replayed(array, rng, earlier):
    fitting = [each for each in earlier if each.shape == array.shape and each.dtype == array.dtype]
    return fitting[rng.integers(len(fitting))] if fitting else None


def dropped(array, rng, earlier):
    return None


CHEATS = {
    "random": all_random,
    "plus one": one_element(lambda word, rng: word + unsigned(word, 1)),
    "top bit": one_element(lambda word, rng: word ^ unsigned(word, 2 ** (8 * word.dtype.itemsize - 1))),
    "one bit": one_element(lambda word, rng: word ^ unsigned(word, 1 << int(rng.integers(8 * word.dtype.itemsize)))),
    "swapped": swapped,
    "replayed": replayed,
    "dropped": dropped,
}


def kinds_of_messages():
    """Every message of an honest run: its round, sender, receiver and place."""
    watch: list[Message] = []
    assert all(right(result) for result in run(np.random.default_rng(0), watch=watch))
    return [(m.round, m.sender, m.receiver, m.place) for m in watch if m.array.size]


MESSAGES = kinds_of_messages()


def attack(target, cheat, rng):
    """One run in which the message `target` is altered; returns what became of it."""
    earlier: list[np.ndarray] = []
    altered = False

    def tamper(message):
        nonlocal altered
        if (message.round, message.sender, message.receiver, message.place) == target:
            changed = CHEATS[cheat](message.array, rng, earlier)
            altered = changed is None or not np.array_equal(changed, message.array)
            return changed
        if message.sender == target[1]:
            earlier.append(message.array)
        return message.array

    with np.errstate(over="ignore"):
        results = run(rng, tamper)
    honest = [result for index, result in enumerate(results) if index != target[1]]
    assert all(isinstance(result, ProtocolError) or right(result) for result in honest), (target, cheat)
    if not altered:
        return "unaltered"
    assert any(isinstance(result, ProtocolError) for result in honest), (target, cheat)
    return "stopped"


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_in_any_message_stops_the_honest_parties(cheat):
    rng = np.random.default_rng(10)
    chosen = rng.permutation(len(MESSAGES))[:12]
    outcomes = Counter(attack(MESSAGES[place], cheat, rng) for place in chosen)
    assert outcomes["stopped"] > 7


@pytest.mark.slow
@pytest.mark.parametrize("cheat", CHEATS)
def test_every_cheat_two_hundred_times(cheat):
    """Over all messages in turn, so that each kind of message meets each cheat many times."""
    rng = np.random.default_rng(11)
    outcomes = Counter(attack(MESSAGES[run_number % len(MESSAGES)], cheat, rng) for run_number in range(200 * 4))
    assert outcomes["stopped"] > 500


def test_each_honest_party_is_told_who_may_have_cheated():
    rng = np.random.default_rng(12)
    names = ("ada", "bob", "cyd")
    for target in MESSAGES[:: max(1, len(MESSAGES) // 30)]:

        def tamper(message, target=target):
            same = (message.round, message.sender, message.receiver, message.place) == target
            return message.array + unsigned(message.array, 1) if same else message.array

        results = run(rng, tamper)
        errors = [r for i, r in enumerate(results) if i != target[1] and isinstance(r, ProtocolError)]
        assert any(names[target[1]] in str(error) for error in errors), (target, [str(error) for error in errors])

"""Shares on disk: private, whole, and the same epoch for all."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import FormatError, ProtocolError
from tacit.keys import Identity
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.storage import Storage, check_same, common_epoch

from .lockstep import dealt, lockstep, parties

SECRET = np.array([[0x5EC4E7]], np.uint64)


@pytest.fixture(scope="module")
def identity():
    return Identity.new("ada")


def shares(value):
    return {"weight 0": Arithmetic(SECRET + np.uint64(value), SECRET), "bias 0": Arithmetic(SECRET, SECRET)}


def test_the_last_two_epochs_come_back_from_the_disk(identity, tmp_path):
    storage = Storage(tmp_path / "shares", identity, b"study")
    assert storage.numbers == (0,)
    for number in (1, 2, 3):
        storage.keep(number, shares(number))
    again = Storage(tmp_path / "shares", identity, b"study")
    assert again.numbers == (3, 2, 0)
    for number in (2, 3):
        found = again.shares(number)
        assert sorted(found) == ["bias 0", "weight 0"]
        np.testing.assert_array_equal(found["weight 0"].own, SECRET + np.uint64(number))
        np.testing.assert_array_equal(found["weight 0"].next, SECRET)


def test_going_back_forgets_later_epochs(identity, tmp_path):
    storage = Storage(tmp_path / "shares", identity, b"study")
    for number in (1, 2, 2):
        storage.keep(number, shares(number))
    assert storage.numbers == (2, 1, 0)
    storage.keep(1, shares(1))
    assert storage.numbers == (1, 0)


def test_the_file_is_private_and_forgotten_at_the_end(identity, tmp_path):
    path = tmp_path / "shares"
    storage = Storage(path, identity, b"study")
    storage.keep(1, shares(0))
    assert path.stat().st_mode & 0o777 == 0o600
    assert SECRET.tobytes() not in path.read_bytes()
    assert "secret" in repr(storage)
    storage.forget()
    assert not path.exists()


def test_another_study_another_owner_and_damage_are_refused(identity, tmp_path):
    path = tmp_path / "shares"
    Storage(path, identity, b"study").keep(1, shares(0))
    for who, context in ((identity, b"other"), (Identity.new("ada"), b"study")):
        with pytest.raises(FormatError, match="shares"):
            Storage(path, who, context)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="cannot be used"):
        Storage(path, identity, b"study")


def agreed(*numbers, tamper=None):
    return lockstep([common_epoch(p, n) for p, n in zip(parties("passive"), numbers, strict=True)], tamper)


def test_all_go_on_after_the_newest_epoch_that_all_hold():
    assert agreed((5, 4, 0), (4, 3, 0), (5, 4, 0)) == [4, 4, 4]
    assert agreed((5, 4, 0), (3, 2, 0), (5, 4, 0)) == [0, 0, 0]
    assert agreed((0,), (0,), (0,)) == [0, 0, 0]
    assert agreed((1, 0), (1, 0), (0,)) == [0, 0, 0]


def test_whoever_tells_its_neighbours_different_epochs_is_stopped():
    def two_faced(message):
        if message.sender == 2 and message.receiver == 0 and message.round == 0:
            return np.array([4, 3], np.uint64)
        return message.array

    results = agreed((5, 4, 0), (5, 4, 0), (5, 4, 0), tamper=two_faced)
    assert any(isinstance(result, ProtocolError) for result in results[:2])


def compared(held):
    return lockstep([check_same(p, each) for p, each in zip(parties("active"), held, strict=True)])


def test_components_that_both_holders_have_are_the_same():
    rng = np.random.default_rng(1)
    weights, biases = dealt(Arithmetic, SECRET, rng), dealt(Arithmetic, np.zeros(3), rng)
    held = [{"w": w, "b": b} for w, b in zip(weights, biases, strict=True)]
    assert compared(held) == [None, None, None]


@pytest.mark.parametrize("name", ["w", "b"])
def test_components_of_two_sessions_are_found_by_all_who_hold_one(name):
    rng = np.random.default_rng(1)
    weights, biases = dealt(Arithmetic, SECRET, rng), dealt(Arithmetic, np.zeros(3), rng)
    held = [{"w": w, "b": b} for w, b in zip(weights, biases, strict=True)]
    held[1][name] = dealt(Arithmetic, held[1][name].own * np.uint64(0), rng)[1]
    assert all(isinstance(result, ProtocolError) for result in compared(held))

"""Records: one that is not the next that the peer sealed does not open."""

import copy
import os
import pickle
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import ProtocolError, TacitError
from tacit.wire import records
from tacit.wire.records import SECRET_BYTES, TAG_BYTES, RecordCipher

ONE, OTHER = os.urandom(SECRET_BYTES), os.urandom(SECRET_BYTES)


def ends(**options: int) -> tuple[RecordCipher, RecordCipher]:
    return RecordCipher("bob", ONE, OTHER, **options), RecordCipher("alice", OTHER, ONE, **options)


def refuses(cipher: RecordCipher, record: bytes) -> None:
    with pytest.raises(
        ProtocolError, match=r"alice, in step s: a record was altered, dropped, repeated or out of order"
    ):
        cipher.open(record, "s")


@given(st.lists(st.tuples(st.booleans(), st.binary())))
def test_both_directions_carry_what_was_sealed_in_order(messages: list[tuple[bool, bytes]]) -> None:
    alice, bob = ends()
    for forth, message in messages:
        sender, receiver = (alice, bob) if forth else (bob, alice)
        record = sender.seal(message)
        assert len(record) == len(message) + TAG_BYTES
        assert receiver.open(bytearray(record)) == message


def test_records_are_aes_256_gcm_under_the_number_xor_the_start() -> None:
    alice, _ = ends()
    for number in range(300):
        nonce = bytes(a ^ b for a, b in zip(ONE[32:], number.to_bytes(12, "big"), strict=True))
        assert AESGCM(ONE[:32]).decrypt(nonce, alice.seal(b"message"), None) == b"message"


@given(st.binary(max_size=64), st.data())
def test_any_altered_byte_is_noticed(message: bytes, data: st.DataObject) -> None:
    alice, bob = ends()
    record = bytearray(alice.seal(message))
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    refuses(bob, bytes(record))


@given(st.binary(max_size=64))
def test_any_bytes_are_refused(data: bytes) -> None:
    refuses(ends()[1], data)


CHEATS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "the first dropped": lambda r: [r[1]],
    "the second dropped, or behind the third": lambda r: [r[0], r[2]],
    "repeated": lambda r: [r[0], r[0]],
    "repeated later": lambda r: [r[0], r[1], r[0]],
    "cut": lambda r: [r[0][:-1]],
    "padded": lambda r: [r[0] + b"\x00"],
    "joined": lambda r: [r[0] + r[1]],
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_record_out_of_place_is_noticed(cheat: Callable[[list[bytes]], list[bytes]]) -> None:
    alice, bob = ends()
    *before, wrong = cheat([alice.seal(b"same") for _ in range(3)])
    for record in before:
        assert bob.open(record) == b"same"
    refuses(bob, wrong)


def test_a_record_sent_back_to_its_sender_is_noticed() -> None:
    alice, _ = ends()
    record = alice.seal(b"message")
    with pytest.raises(ProtocolError, match="bob"):
        alice.open(record)


def test_after_one_failure_nothing_opens() -> None:
    alice, bob = ends()
    sealed = [alice.seal(b"message") for _ in range(5)]
    assert bob.open(sealed[0]) == b"message"
    refuses(bob, bytes(40))
    for record in sealed[2:]:
        refuses(bob, record)


def test_keys_are_replaced_after_so_many_bytes() -> None:
    alice, bob = ends(rekey_bytes=100)
    secrets = set()
    for number in range(20):
        assert bob.open(alice.seal(bytes(number))) == bytes(number)
        assert alice.open(bob.seal(b"")) == b""
        secrets.add(alice._sending._secret)
        assert alice._sending._secret == bob._receiving._secret
    assert len(secrets) == 5  # of 20 records with 510 bytes
    assert ONE in secrets
    nonce = bytes(a ^ b for a, b in zip(ONE[32:], (20).to_bytes(12, "big"), strict=True))
    assert AESGCM(ONE[:32]).encrypt(nonce, b"x", None) != alice.seal(b"x")


def test_the_next_key_and_start_are_derived_from_the_last() -> None:
    alice, _ = ends(rekey_bytes=100)
    alice.seal(bytes(99 - TAG_BYTES))
    alice.seal(b"")
    following = HKDFExpand(hashes.SHA256(), SECRET_BYTES, b"tacit channel/1 next record key").derive(ONE)
    nonce = bytes(a ^ b for a, b in zip(following[32:], (2).to_bytes(12, "big"), strict=True))
    assert AESGCM(following[:32]).decrypt(nonce, alice.seal(b"message"), None) == b"message"


@pytest.mark.parametrize(("used", "same"), [(99, True), (100, False)])
def test_a_key_is_used_until_its_bytes_are_and_no_more(used: int, same: bool) -> None:
    alice, _ = ends(rekey_bytes=100)
    alice.seal(bytes(used - TAG_BYTES))
    alice.seal(b"")
    assert (alice._sending._secret == ONE) == same


def test_the_key_is_replaced_after_64_gib() -> None:
    assert records.REKEY_BYTES == 64 * 2**30


def test_numbers_are_never_used_twice() -> None:
    alice, bob = ends()
    alice._sending._number = bob._receiving._number = records.LAST_RECORD - 1
    assert bob.open(alice.seal(b"last")) == b"last"
    with pytest.raises(TacitError, match="no more than"):
        alice.seal(b"one more")
    with pytest.raises(TacitError, match="no more than"):
        bob.open(bytes(16))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("use", [lambda c: c.seal(b"other"), lambda c: c.open(bytes(16))], ids=["seal", "open"])
def test_a_forked_process_does_not_use_the_same_numbers(use: Callable[[RecordCipher], bytes]) -> None:
    alice, bob = ends()
    child = os.fork()
    if child == 0:
        try:
            use(alice)
        except TacitError as error:
            os._exit(7 if "fork" in str(error) else 8)
        except BaseException:
            os._exit(9)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert bob.open(alice.seal(b"message")) == b"message"


def test_it_shows_and_gives_away_no_keys() -> None:
    cipher = ends()[0]
    assert repr(cipher) == "RecordCipher(peer='bob', keys hidden)"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            attempt(cipher)
    with pytest.raises(ValueError, match="44 secret bytes"):
        RecordCipher("bob", ONE[:-1], OTHER)

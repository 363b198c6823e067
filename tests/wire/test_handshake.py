"""The handshake, message by message, against whoever may alter, drop, repeat, reorder, reflect or forge them."""

import gc
import hashlib
import hmac
import os
import pickle
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProtocolError
from tacit.keys import Identity, PublicIdentity
from tacit.keys.public import SUITE
from tacit.wire import encode
from tacit.wire.handshake import (
    CLIENT_KEYS,
    CLIENT_SIGNATURE,
    MAX_HANDSHAKE_BYTES,
    SERVER_KEYS,
    SERVER_SIGNATURE,
    VERSION,
    ClientFinish,
    ClientHandshake,
    ServerHandshake,
    ServerHello,
    _Transcript,
)
from tacit.wire.records import SECRET_BYTES, RecordCipher

ALICE, BOB, CAROL = Identity.new("alice"), Identity.new("bob"), Identity.new("carol")


def start() -> tuple[ClientHandshake, ServerHandshake]:
    """Alice is about to connect to Bob, who knows Alice and Carol."""
    return ClientHandshake(ALICE, BOB.public), ServerHandshake(BOB, [CAROL.public, ALICE.public])


def complete() -> tuple[RecordCipher, RecordCipher]:
    client, server = start()
    finish, alices = client.finish(server.answer(client.hello()))
    peer, bobs = server.finish(finish)
    assert peer == ALICE.public
    return alices, bobs


class refused:
    """Expect a ProtocolError of the handshake that blames `culprit`."""

    def __init__(self, culprit: str, match: str | None = None) -> None:
        self.culprit, self.context = culprit, pytest.raises(ProtocolError, match=match)

    def __enter__(self) -> None:
        self.caught = self.context.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        done = self.context.__exit__(*error)
        assert self.caught.value.culprit == self.culprit
        assert self.caught.value.step == "handshake"
        return done


def changed(data: bytes, **fields: object) -> bytes:
    """Return the message with some fields changed, in its one encoding."""
    return msgspec.msgpack.encode({**msgspec.msgpack.decode(data), **fields})


def test_both_ends_agree_on_keys_and_on_each_other() -> None:
    alices, bobs = complete()
    assert bobs.open(alices.seal(b"to bob")) == b"to bob"
    assert alices.open(bobs.seal(b"to alice")) == b"to alice"


def test_messages_have_the_sizes_that_the_docstring_says() -> None:
    client, server = start()
    hello = client.hello()
    answer = server.answer(hello)
    finish, _ = client.finish(answer)
    assert (len(hello), len(answer), len(finish)) == (1451, 4623, 3422)
    assert max(len(hello), len(answer), len(finish)) < MAX_HANDSHAKE_BYTES


def test_every_session_has_keys_of_its_own() -> None:
    alices, _ = complete()
    _, bobs = complete()
    with pytest.raises(ProtocolError, match="altered"):
        bobs.open(alices.seal(b"message"))


@pytest.mark.parametrize(
    ("field", "value", "culprit", "match"),
    [
        ("version", 0, "the client", "speaks version 0 .* and this side 1: update"),
        ("server", CAROL.public.fingerprint, "alice", "wants to reach another server"),
        ("type", "server-hello", "the client", "no readable ClientHello"),
    ],
    ids=["version", "server", "type"],
)
def test_a_hello_altered_in_this_field_is_refused_at_once(field: str, value: object, culprit: str, match: str) -> None:
    client, server = start()
    with refused(culprit, match):
        server.answer(changed(client.hello(), **{field: value}))


@pytest.mark.parametrize("field", ["client", "nonce", "key"])
def test_a_hello_altered_in_this_field_fails_at_the_client(field: str) -> None:
    client, server = start()
    hello = client.hello()
    other = ClientHandshake(ALICE, BOB.public).hello()
    value = CAROL.public.fingerprint if field == "client" else msgspec.msgpack.decode(other)[field]
    answer = server.answer(changed(hello, **{field: value}))
    with refused("bob", "did not sign this handshake"):
        client.finish(answer)


@pytest.mark.parametrize("field", ["nonce", "sealed", "signature"])
def test_an_answer_altered_in_any_field_fails(field: str) -> None:
    client, server = start()
    answer = server.answer(client.hello())
    other = ServerHandshake(BOB, [ALICE.public]).answer(ClientHandshake(ALICE, BOB.public).hello())
    with refused("bob", "did not sign this handshake"):
        client.finish(changed(answer, **{field: msgspec.msgpack.decode(other)[field]}))


@pytest.mark.parametrize("field", ["client", "nonce", "key", "sealed", "signature", "type"])
def test_fields_of_another_length_or_type_are_refused(field: str) -> None:
    for value in (b"", bytes(5000), "x" * 100, 7, None):
        client, server = start()
        hello = client.hello()
        if field in msgspec.msgpack.decode(hello):
            with refused("the client", "no readable ClientHello"):
                server.answer(changed(hello, **{field: value}))
        else:
            with refused("bob", "no readable ServerHello"):
                client.finish(changed(server.answer(hello), **{field: value}))


def test_an_ephemeral_key_that_is_malformed_or_of_low_order_is_refused() -> None:
    for bad in (bytes(1216), b"\xff" * 1216, bytes(32) + BOB.public.keys[3], os.urandom(32) + b"\xff" * 1184):
        client, server = start()
        with refused("alice", "malformed ephemeral key"):
            server.answer(changed(client.hello(), key=bad))


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a"])
def test_deep_nesting_is_one_error(opening: bytes) -> None:
    with refused("the client", "no readable ClientHello"):
        start()[1].answer(b"\x82\xa1x" + opening * 2000 + b"\x00\xa7version\x01")


def test_unknown_fields_and_other_encodings_are_refused() -> None:
    client, server = start()
    hello = client.hello()
    with refused("the client", "unknown field"):
        server.answer(changed(hello, more=1))
    with refused("the client", "one encoding"):
        start()[1].answer(hello.replace(b"\xa7version\x01", b"\xa7version\xcc\x01"))
    with refused("the client", "no readable"):
        start()[1].answer(hello + b"\x00")


@pytest.mark.parametrize("version", [0, 2, 2**63, -1])
def test_another_version_is_refused_by_name_whatever_else_it_says(version: int) -> None:
    assert VERSION == 1
    for hello in (
        changed(start()[0].hello(), version=version),
        msgspec.msgpack.encode({"version": version, "cipher": "none"}),
    ):
        with refused("the client", f"speaks version {version} .* this side 1"):
            start()[1].answer(hello)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(["hello", "answer", "finish"]), st.data())
def test_any_altered_byte_is_noticed_before_either_side_is_done(which: str, data: st.DataObject) -> None:
    def alter(message: bytes, name: str) -> bytes:
        if name != which:
            return message
        position = data.draw(st.integers(0, len(message) - 1))
        return bytes(
            [*message[:position], message[position] ^ data.draw(st.integers(1, 255)), *message[position + 1 :]]
        )

    client, server = start()

    def run() -> None:
        answer = server.answer(alter(client.hello(), "hello"))
        finish, _ = client.finish(alter(answer, "answer"))
        server.finish(alter(finish, "finish"))

    with pytest.raises(ProtocolError) as caught:
        run()
    assert caught.value.step == "handshake"
    assert str(caught.value).isascii()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_one_error(data: bytes) -> None:
    client, server = start()
    hello = client.hello()
    with pytest.raises(ProtocolError):
        ServerHandshake(BOB, [ALICE.public]).answer(data)
    with pytest.raises(ProtocolError):
        client.finish(data)
    server.answer(hello)
    with pytest.raises(ProtocolError):
        server.finish(data)


def test_a_client_that_is_not_known_is_refused_with_the_reason() -> None:
    dave = Identity.new("dave")
    reason = rf"says it is {dave.public.fingerprint}, which is not among the parties that may connect here: .*\.pub"
    with refused("the client", reason):
        start()[1].answer(ClientHandshake(dave, BOB.public).hello())
    with refused("the client", r"says it is (\\n\\u0430){20}, which"):
        start()[1].answer(changed(start()[0].hello(), client="\n\u0430" * 20))


def test_nobody_is_blamed_at_the_clients_word() -> None:
    """Mallory, whom TLS has proved, says that she is Carol, or somebody by that name."""
    for name in (CAROL.public.fingerprint, "carol"):
        server = ServerHandshake(BOB, [ALICE.public], client="alice")
        with refused("alice", f"says it is {name}, which"):
            server.answer(changed(start()[0].hello(), client=name))
    for bad in (b"", changed(start()[0].hello(), version=2)):
        server = ServerHandshake(BOB, [ALICE.public], client="alice")
        with refused("alice"):
            server.answer(bad)
        with refused("alice", "out of turn"):
            server.answer(bad)
        with refused("alice", "out of turn"):
            server.finish(bad)


def test_a_client_that_wants_another_server_is_refused() -> None:
    with refused("alice", f"another server than {BOB.public.fingerprint}"):
        start()[1].answer(ClientHandshake(ALICE, CAROL.public).hello())


def test_a_server_that_is_another_is_refused() -> None:
    client, _ = start()
    carol = ServerHandshake(pretending(CAROL, BOB.public), [ALICE.public])
    answer = carol.answer(client.hello())
    with refused("bob", "did not sign this handshake"):
        client.finish(answer)


def test_a_client_that_is_another_is_refused() -> None:
    _, server = start()
    mallory = ClientHandshake(pretending(Identity.new("mallory"), ALICE.public), BOB.public)
    finish, _ = mallory.finish(server.answer(mallory.hello()))
    with refused("alice", "did not sign this handshake"):
        server.finish(finish)


@pytest.mark.parametrize("broken", ["ed25519", "mldsa65"])
def test_one_broken_signature_scheme_is_not_enough(broken: str) -> None:
    class HalfForger:
        public = ALICE.public

        def sign(self, domain: str, message: bytes) -> bytes:
            true, false = ALICE.sign(domain, message), CAROL.sign(domain, message)
            return true[:64] + false[64:] if broken == "ed25519" else false[:64] + true[64:]

    _, server = start()
    mallory = ClientHandshake(HalfForger(), BOB.public)  # type: ignore[arg-type]
    finish, _ = mallory.finish(server.answer(mallory.hello()))
    with refused("alice", "did not sign this handshake"):
        server.finish(finish)


def test_a_known_client_cannot_take_the_place_of_another() -> None:
    """Carol, whom Bob knows too, gives Alice's hello out as her own, so that Bob takes Alice's messages for hers."""
    client, server = start()
    answer = server.answer(changed(client.hello(), client=CAROL.public.fingerprint))
    with refused("bob"):
        client.finish(answer)
    with refused("carol"):
        server.finish(os.urandom(3422))


def test_a_man_in_the_middle_with_a_key_of_his_own_is_noticed() -> None:
    client, server = start()
    mine = ClientHandshake(pretending(CAROL, ALICE.public), BOB.public)
    answer = server.answer(changed(client.hello(), key=msgspec.msgpack.decode(mine.hello())["key"]))
    with refused("bob", "did not sign this handshake"):
        client.finish(answer)


def test_a_server_that_seals_to_another_key_is_refused() -> None:
    """Bob himself signs that he sealed the secret to somebody else's key: then he is at fault."""
    client, server = start()
    other = ClientHandshake(ALICE, BOB.public)
    other.hello()
    hello = client.hello()
    client._ephemeral = other._ephemeral
    with refused("bob", "sealed the secret to another key"):
        client.finish(server.answer(hello))


@pytest.mark.parametrize("role", [SERVER_SIGNATURE, "tacit channel/2 client", ""])
def test_a_signature_made_for_another_purpose_is_refused(role: str) -> None:
    class InAnotherRole:
        public = ALICE.public

        def sign(self, domain: str, message: bytes) -> bytes:
            assert domain == CLIENT_SIGNATURE
            return ALICE.sign(role, message)

    _, server = start()
    client = ClientHandshake(InAnotherRole(), BOB.public)  # type: ignore[arg-type]
    finish, _ = client.finish(server.answer(client.hello()))
    with refused("alice", "did not sign this handshake"):
        server.finish(finish)


def test_messages_sent_back_to_their_sender_are_refused() -> None:
    client, server = start()
    hello = client.hello()
    answer = server.answer(hello)
    with refused("alice"):
        server.finish(answer)
    with refused("bob"):
        client.finish(hello)
    client, server = start()
    finish, _ = client.finish(server.answer(client.hello()))
    with refused("the client"):
        start()[1].answer(finish)


def test_roles_do_not_swap() -> None:
    """Alice connects to Bob while he connects to her: nothing of one session is of use in the other."""
    forth, back = ClientHandshake(ALICE, BOB.public), ClientHandshake(BOB, ALICE.public)
    with refused("alice", "wants to reach another server"):
        ServerHandshake(ALICE, [ALICE.public, BOB.public]).answer(forth.hello())
    answer = ServerHandshake(ALICE, [BOB.public]).answer(back.hello())
    with refused("bob", "did not sign"):
        forth.finish(answer)


def test_messages_of_an_earlier_session_are_refused() -> None:
    old_client, old_server = start()
    old_hello = old_client.hello()
    old_answer = old_server.answer(old_hello)
    old_finish, _ = old_client.finish(old_answer)
    old_server.finish(old_finish)
    client, server = start()
    client.hello()
    with refused("bob", "did not sign"):
        client.finish(old_answer)
    server.answer(old_hello)
    with refused("alice"):
        server.finish(old_finish)


def test_no_step_is_taken_twice_or_out_of_turn() -> None:
    client, server = start()
    with refused("bob", "out of turn"):
        client.finish(b"")
    with refused("the client", "out of turn"):
        server.finish(b"")
    hello = client.hello()
    with refused("bob", "out of turn"):
        client.hello()
    answer = server.answer(hello)
    with refused("the client", "out of turn"):
        server.answer(hello)
    finish, _ = client.finish(answer)
    with refused("bob", "out of turn"):
        client.finish(answer)
    server.finish(finish)
    with refused("alice", "out of turn"):
        server.finish(finish)


def test_a_handshake_that_failed_does_not_go_on() -> None:
    client, server = start()
    hello = client.hello()
    with refused("the client"):
        server.answer(b"")
    with refused("the client", "out of turn"):
        server.answer(hello)
    with refused("the client", "out of turn"):
        server.finish(b"")
    good = start()[1].answer(hello)
    with refused("bob"):
        client.finish(b"")
    with refused("bob", "out of turn"):
        client.finish(good)


@pytest.mark.parametrize("answer", [b"", None])
def test_the_ephemeral_key_and_the_secret_are_forgotten(answer: bytes | None) -> None:
    client, server = start()
    good = server.answer(client.hello())
    assert client._ephemeral is not None
    key = client._ephemeral
    if answer is None:
        server.finish(client.finish(good)[0])
    else:
        with refused("bob"):
            client.finish(answer)
    assert client._ephemeral is None
    assert not [each for each in gc.get_referrers(key) if each is not vars() and not is_frame(each)]
    held = [*vars(client).values(), *vars(server).values()]
    kinds = (hpke.MLKEM768X25519PrivateKey, mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey)
    assert not any(isinstance(each, kinds) for each in held)
    assert answer is not None or not any(isinstance(each, RecordCipher) for each in held)


def is_frame(thing: object) -> bool:
    return type(thing).__name__ in ("frame", "generator", "cell")


def test_nothing_secret_is_shown_or_pickled() -> None:
    client, server = start()
    server.answer(client.hello())
    assert repr(client) == "ClientHandshake(with 'bob', keys hidden)"
    assert repr(server) == "ServerHandshake(of 'bob', keys hidden)"
    for machine in (client, server):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(machine)


def party(fingerprint: str, certificate: bytes) -> Any:
    return SimpleNamespace(fingerprint=fingerprint, certificate=certificate)


def test_the_transcript_binds_who_is_who_and_both_certificates() -> None:
    one, other = party("a", b"1"), party("b", b"2")
    digests = {
        _Transcript(client, server).digest()
        for client, server in (
            (one, other),
            (other, one),
            (one, one),
            (party("a", b"x"), other),
            (one, party("b", b"x")),
            (party("c", b"1"), other),
            (one, party("c", b"2")),
            (party("a1", b""), other),
        )
    }
    assert len(digests) == 8
    assert _Transcript(one, other).digest() == _Transcript(one, other).digest()


def test_parts_of_the_transcript_do_not_run_into_each_other() -> None:
    def digest(*parts: tuple[bytes, bytes]) -> bytes:
        transcript = _Transcript(party("a", b"1"), party("b", b"2"))
        for label, data in parts:
            transcript.absorb(label, data)
        return transcript.digest()

    readings = [
        digest((b"a", b"bc")),
        digest((b"ab", b"c")),
        digest((b"", b"abc")),
        digest((b"a", b"b"), (b"c", b"")),
        digest((b"a", b"bc"), (b"", b"")),
        digest(),
    ]
    assert len(set(readings)) == len(readings)


def test_the_transcript_is_sha_256_of_what_the_page_says() -> None:
    transcript = _Transcript(party("a", b"1"), party("b", b"2"))
    transcript.absorb_share(b"n", b"c")
    parts = [b"protocol", b"tacit channel/1", b"client", b"a", b"client certificate", b"1"]
    parts += [b"server", b"b", b"server certificate", b"2", b"server nonce", b"n", b"server sealed", b"c"]
    told = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts))
    assert transcript.digest() == told.digest()


def test_every_session_has_a_secret_of_its_own() -> None:
    """All else that the keys come from goes over the wire."""
    secrets = set()
    for _ in range(2):
        client, server = start()
        answer = msgspec.msgpack.decode(server.answer(client.hello()))
        assert client._ephemeral is not None
        secrets.add(SUITE.decrypt(answer["sealed"], client._ephemeral, client._transcript.context()))
    assert len(secrets) == 2
    assert all(len(each) == 32 and any(each) for each in secrets)


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, written again."""
    key = hmac.new(salt, secret, hashlib.sha256).digest()
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def test_keys_are_hkdf_of_the_secret_and_the_transcript() -> None:
    transcript = _Transcript(party("a", b"1"), party("b", b"2"))
    before = transcript.keys(b"s" * 32)
    salt = transcript.digest()
    assert before == tuple(hkdf(b"s" * 32, salt, label, SECRET_BYTES) for label in (CLIENT_KEYS, SERVER_KEYS))
    assert len(set(before)) == 2
    transcript.absorb(b"", b"")
    assert not set(before) & set(transcript.keys(b"s" * 32))


def test_the_client_finish_is_the_first_record() -> None:
    client, server = start()
    finish, alices = client.finish(server.answer(client.hello()))
    _, bobs = server.finish(finish)
    assert bobs._receiving._number == alices._sending._number == 1
    assert bobs._sending._number == alices._receiving._number == 0
    with pytest.raises(ProtocolError):
        bobs.open(finish)


def test_the_first_record_has_to_be_the_finish() -> None:
    client, server = start()
    answer = server.answer(client.hello())
    _, alices = client.finish(answer)
    alices._sending._number = 0
    with refused("alice", "no readable ClientFinish"):
        server.finish(alices.seal(encode(ServerHello(bytes(32), bytes(1168), bytes(3373)))))
    client, server = start()
    _, alices = client.finish(server.answer(client.hello()))
    alices._sending._number = 0
    with refused("alice", "did not sign"):
        server.finish(alices.seal(encode(ClientFinish(bytes(3373)))))


def pretending(who: Identity, public: PublicIdentity) -> Identity:
    """Return an identity that says it is `public` and has the keys of `who`."""
    root: bytes = who._Identity__root  # type: ignore[attr-defined]
    return Identity(root, public)

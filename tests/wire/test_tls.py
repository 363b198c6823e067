"""Connecting and listening over real TLS on loopback, against strangers."""

import datetime
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit import canonical
from tacit.errors import IdentityError, ProtocolError, TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.keys.identity import _PrivateKeys
from tacit.keys.public import FORMAT, SELF_DOMAIN, _Body
from tacit.wire import Listener, connect, encode, listener, pair
from tacit.wire import stream as streams
from tacit.wire.credentials import client_context, server_context
from tacit.wire.deadline import Deadline
from tacit.wire.handshake import ClientHello
from tacit.wire.inbox import LineError
from tacit.wire.remote import write_frame
from tacit.wire.stream import TlsStream
from tacit.wire.tls import shaking_hands

HOST = "127.0.0.1"


class Number(msgspec.Struct, tag="number", frozen=True, forbid_unknown_fields=True):
    value: int


@pytest.fixture
def bobs(alice: Identity, bob: Identity) -> Iterator[Listener]:
    """Bob listens for Alice."""
    with Listener(HOST, 0, bob, [alice.public], timeout=30, default_timeout=30) as listening:
        yield listening


def works(listening: Listener, alice: Identity, bob: Identity) -> None:
    """Check that Alice gets through to Bob."""
    with connect(*listening.address, alice, bob.public, timeout=30) as alices, listening.accept(30) as channel:
        assert channel.peer == alice.public
        alices.send(Number(1))
        assert channel.receive(Number, "s", 30) == Number(1)


def refusal(listening: Listener) -> ProtocolError:
    """Return the listener's next refusal."""
    wait_for(lambda: listening.refused)
    listening._refused, (error, *_) = type(listening._refused)(maxlen=64), listening.refused
    assert error.step == "handshake"
    return error


def wait_for(what: Callable[[], object]) -> None:
    """Return once `what` is true."""
    deadline = Deadline(30)
    while not what():
        assert deadline.left(), "waited for 30 s"
        time.sleep(0.005)


def not_let_in(
    listening: Listener, me: Identity, server: PublicIdentity, match: str, culprit: str | None = None
) -> ProtocolError:
    with pytest.raises(ProtocolError, match=match) as caught:
        connect(*listening.address, me, server, timeout=30)
    assert (caught.value.culprit, caught.value.step) == (culprit or server.name, "handshake")
    return caught.value


def test_two_parties_meet_and_talk_both_ways(bobs: Listener, alice: Identity, bob: Identity) -> None:
    with connect(*bobs.address, alice, bob.public) as alices, bobs.accept() as channel:
        for number in range(10):
            alices.send(Number(number))
            assert channel.receive(Number, "s") == Number(number)
            channel.send(Number(-number))
            assert alices.receive(Number, "s") == Number(-number)
    assert bobs.refused == ()


def test_several_peers_come_as_themselves(alice: Identity, bob: Identity, carol: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public, carol.public]) as bobs, ExitStack() as held:
        for who in (carol, alice, carol):
            held.enter_context(connect(*bobs.address, who, bob.public))
            assert held.enter_context(bobs.accept(5)).peer == who.public


def test_the_channels_options_hold_at_both_ends(alice: Identity, bob: Identity) -> None:
    bobs = Listener(HOST, 0, bob, [alice.public], max_message=1000, default_timeout=7)
    alices = connect(*bobs.address, alice, bob.public, max_message=1000, default_timeout=7)
    with bobs, alices, bobs.accept() as channel:
        for end in (alices, channel):
            assert (end.max_message, end.default_timeout) == (1000, 7)


def test_peers_of_one_name_are_told_apart(alice: Identity, bob: Identity) -> None:
    namesake = Identity.new("alice")
    with Listener(HOST, 0, bob, [namesake.public, alice.public]) as bobs, ExitStack() as held:
        for who in (alice, namesake):
            held.enter_context(connect(*bobs.address, who, bob.public))
            assert held.enter_context(bobs.accept(5)).peer == who.public
    with Listener(HOST, 0, bob, [namesake.public]) as bobs:
        not_let_in(bobs, alice, bob.public, "refused this side in TLS|hung up")


# Finding each other


def test_nobody_there_is_said_at_once(alice: Identity, bob: Identity) -> None:
    with pytest.raises(ProtocolError, match=r"bob, in step connect: cannot be reached at 127\.0\.0\.1:1: "):
        connect(HOST, 1, alice, bob.public)


@pytest.mark.parametrize(
    ("host", "port"), [("no such host", 5), ("", 1), (HOST, 70_000), (HOST, -1), (HOST, 10**30), ("é" * 70, 5)]
)
def test_an_address_that_is_none_is_an_error_of_ours(alice: Identity, bob: Identity, host: str, port: int) -> None:
    with pytest.raises(ProtocolError, match="bob, in step connect: cannot be reached"):
        connect(host, port, alice, bob.public)
    if (host, port) != ("", 1):
        with pytest.raises(TacitError, match="cannot listen at"):
            Listener(host, port, bob, [])


def test_who_comes_first_waits(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public]) as first:
        address = first.address
    with ThreadPoolExecutor() as pool:
        coming = pool.submit(connect, *address, alice, bob.public, retry_for=20)
        time.sleep(0.2)
        with Listener(*address, bob, [alice.public]) as second, coming.result() as alices, second.accept(5) as channel:
            alices.send(Number(1))
            assert channel.receive(Number, "s") == Number(1)


def test_who_waits_is_told_once_why(alice: Identity, bob: Identity) -> None:
    told: list[str] = []
    with pytest.raises(ProtocolError, match="cannot be reached"):
        connect(HOST, 1, alice, bob.public, retry_for=0.3, waiting=told.append)
    assert told == ["Connection refused"]
    with pytest.raises(ProtocolError, match="cannot be reached"):
        connect(HOST, 1, alice, bob.public, waiting=told.append)
    assert len(told) == 1, "nothing follows the only attempt"


def test_waiting_for_a_listener_ends(alice: Identity, bob: Identity) -> None:
    with pytest.raises(ProtocolError, match=r"cannot be reached at .* for 0\.2 s: "):
        connect(HOST, 1, alice, bob.public, retry_for=0.2)


def test_a_port_that_tcp_connected_to_itself_is_nobody(
    alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def to_itself(address: object, timeout: float) -> socket.socket:
        own = socket.socket()
        made.append(own)
        own.bind((HOST, 0))
        own.connect(own.getsockname())
        return own

    monkeypatch.setattr(socket, "create_connection", to_itself)
    with pytest.raises(ProtocolError, match="nobody listens there"):
        connect(HOST, 1, alice, bob.public)
    assert [each.fileno() for each in made] == [-1]


def test_an_address_that_is_taken_is_said(bobs: Listener, bob: Identity) -> None:
    with pytest.raises(TacitError, match=r"cannot listen at .*; choose another address or port"):
        Listener(*bobs.address, bob, [])


def test_ipv6_works_where_there_is_any(alice: Identity, bob: Identity) -> None:
    try:
        listening = Listener("::1", 0, bob, [alice.public])
    except TacitError:
        pytest.skip("no IPv6 here")
    with listening:
        works(listening, alice, bob)


def test_accepting_ends_and_names_those_who_have_not_come(alice: Identity, bob: Identity, carol: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public, carol.public], default_timeout=0.05) as bobs:
        with pytest.raises(ProtocolError, match=r"alice, carol, in step accept: did not connect within 0\.05 s$"):
            bobs.accept()
        with connect(*bobs.address, alice, bob.public), bobs.accept(5), pytest.raises(ProtocolError) as caught:
            bobs.accept(0)
        assert str(caught.value) == "carol, in step accept: did not connect within 0 s"


def test_accepting_ends_though_all_have_come_or_none_can(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public]) as bobs:
        works(bobs, alice, bob)
        with pytest.raises(ProtocolError, match="^alice, in step accept: did not connect"):
            bobs.accept(0)
    with Listener(HOST, 0, bob, []) as bobs, pytest.raises(ProtocolError, match="^nobody, in step accept"):
        bobs.accept(0)


# Strangers


def test_a_stranger_is_refused_and_both_sides_say_why(
    bobs: Listener, alice: Identity, bob: Identity, carol: Identity
) -> None:
    not_let_in(bobs, carol, bob.public, r"refused this side in TLS \(.*alert.*\): check that it has this side's \.pub")
    wait_for(lambda: bobs.refused)
    with pytest.raises(ProtocolError, match=r"alice, in step accept: .* 1 connections were refused, the last: the one"):
        bobs.accept(0)
    error = refusal(bobs)
    assert error.culprit.startswith("the one connecting from 127.0.0.1:")
    assert "showed a certificate that is not pinned here" in str(error)
    works(bobs, alice, bob)


def test_another_server_is_refused(alice: Identity, bob: Identity, carol: Identity) -> None:
    with Listener(HOST, 0, carol, [alice.public]) as carols:
        not_let_in(carols, alice, bob.public, "bob, in step handshake: showed a certificate that is not pinned here")
        assert "refused this side in TLS" in str(refusal(carols))


def test_a_server_that_pretends_by_its_name_is_refused(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, Identity.new("bob"), [alice.public]) as false:
        not_let_in(false, alice, bob.public, "showed a certificate that is not pinned here")


def test_an_identity_with_the_right_certificate_and_other_keys_is_refused(
    bobs: Listener, alice: Identity, bob: Identity
) -> None:
    """Alice's TLS key is known to Mallory; the rest of her identity is not."""

    class Mallory(Identity):
        def sign(self, domain: str, message: bytes) -> bytes:
            return Identity.new("mallory").sign(domain, message)

    mallory = Mallory(alice._Identity__root, alice.public)  # type: ignore[attr-defined]
    with connect(*bobs.address, mallory, bob.public) as channel:
        assert "alice, in step handshake: did not sign this handshake" in str(refusal(bobs))
        with pytest.raises(ProtocolError, match="hung up"):
            channel.receive(Number, "s")


def test_a_peer_is_blamed_by_the_name_that_tls_has_proved(bobs: Listener, alice: Identity, bob: Identity) -> None:
    """Alice says that she is Carol, then what nobody can read."""
    name = "carol"
    for hello in (encode(ClientHello(1, name, bob.public.fingerprint, bytes(32), bytes(1216))), b"garbage"):
        raw = socket.create_connection(bobs.address)
        stream = TlsStream(raw, client_context(alice, bob.public), server_side=False)
        stream.handshake(Deadline(30))
        write_frame(stream, hello, Deadline(30))
        stream.say_goodbye()
        assert refusal(bobs).culprit == "alice"
        stream.release()


def with_certificate(name: str, make: Callable[[ed25519.Ed25519PrivateKey], x509.Certificate]) -> Identity:
    """Return an identity whose owner chose another certificate for the same key."""
    root = os.urandom(32)
    keys = _PrivateKeys(root)
    certificate = make(keys.ed25519).public_bytes(serialization.Encoding.DER)
    body = _Body(FORMAT, name, *keys.public_parts(), certificate)
    return Identity(root, PublicIdentity(body, keys.sign(SELF_DOMAIN, canonical.encode(body))))


def issue(
    subject: str, key: ed25519.Ed25519PublicKey, issuer: str, by: ed25519.Ed25519PrivateKey, *, authority: bool
) -> x509.Certificate:
    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    builder = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer)).public_key(key)
    builder = builder.serial_number(2).not_valid_before(datetime.datetime(2020, 1, 1))
    builder = builder.not_valid_after(datetime.datetime(2100, 1, 1))
    return builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True).sign(by, None)


def authority(name: str) -> tuple[Identity, ed25519.Ed25519PrivateKey]:
    kept: list[ed25519.Ed25519PrivateKey] = []

    def make(key: ed25519.Ed25519PrivateKey) -> x509.Certificate:
        kept.append(key)
        return issue(name, key.public_key(), name, key, authority=True)

    return with_certificate(name, make), kept[0]


def test_a_certificate_issued_by_a_pinned_one_is_not_a_pinned_one(alice: Identity, bob: Identity) -> None:
    """Mallory, a peer herself, has the certificate of an authority, and issues one in Alice's or Bob's name."""
    mallory, key = authority("mallory")
    own_key = ed25519.Ed25519PrivateKey.generate()
    issued = issue("bob", own_key.public_key(), "mallory", key, authority=False)
    with Listener(HOST, 0, bob, [alice.public, mallory.public]) as bobs:
        works(bobs, mallory, bob)
        context = client_context(mallory, bob.public)
        load(context, issued, own_key)
        with socket.create_connection(bobs.address) as raw:
            stream = TlsStream(raw, context, server_side=False)
            assert stream.handshake(Deadline(5)) == bob.public.certificate
            assert "showed a certificate that is not pinned here" in str(refusal(bobs))
            stream.release()
    context = server_context(mallory, [alice.public])
    load(context, issued, own_key)
    with Listener(HOST, 0, mallory, [alice.public]) as false:
        false._context = context
        not_let_in(false, alice, mallory.public, "showed another certificate than the one pinned for it")


def load(context: ssl.SSLContext, certificate: x509.Certificate, key: ed25519.Ed25519PrivateKey) -> None:
    pem = serialization.Encoding.PEM
    content = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.memfd_create("test"), "wb") as stream:
        stream.write(content + certificate.public_bytes(pem))
        stream.flush()
        context.load_cert_chain(f"/proc/self/fd/{stream.fileno()}")


def test_a_certificate_that_tls_cannot_use_is_an_error_of_ours(alice: Identity, bob: Identity) -> None:
    class Broken:
        name, certificate, fingerprint = "broken", b"\x30\x00", "tacit1:"

    with pytest.raises(IdentityError, match="the certificate of 'broken' cannot be used"):
        connect(HOST, 1, alice, Broken())  # type: ignore[arg-type]
    with pytest.raises(IdentityError, match="the certificate of 'broken' cannot be used"):
        Listener(HOST, 0, bob, [Broken()])  # type: ignore[list-item]


def test_a_client_of_an_older_tls_is_refused(bobs: Listener, alice: Identity, bob: Identity) -> None:
    context = client_context(alice, bob.public)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(bobs.address) as raw, pytest.raises(ssl.SSLError, match=r"(?i)version"):
        context.wrap_socket(raw)
    assert "broke TLS 1.3 (unsupported protocol)" in str(refusal(bobs))


def test_a_server_of_an_older_tls_is_refused(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public]) as old:
        old._context.minimum_version = ssl.TLSVersion.TLSv1_2
        old._context.maximum_version = ssl.TLSVersion.TLSv1_2
        not_let_in(old, alice, bob.public, "version|protocol")


def test_a_client_without_a_certificate_is_refused(bobs: Listener, bob: Identity) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(bobs.address) as raw, context.wrap_socket(raw) as stream:
        stream.settimeout(5)
        with pytest.raises(OSError, match=r"(?i)certificate|reset"):
            stream.recv(1)
    assert "broke TLS 1.3 (peer did not return a certificate)" in str(refusal(bobs))


def test_a_client_that_tls_asked_for_no_certificate_is_refused(bobs: Listener, alice: Identity, bob: Identity) -> None:
    bobs._context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ProtocolError, match="hung up"):
        connect(*bobs.address, alice, bob.public)
    assert "showed no certificate" in str(refusal(bobs))


def test_a_handshake_that_failed_gives_its_sockets_back(alice: Identity, bob: Identity) -> None:
    near, far = socket.socketpair()
    context = client_context(alice, bob.public)
    with (
        far,
        pytest.raises(ProtocolError, match="bob, in step handshake: sang"),
        shaking_hands(near, context, server_side=False, who="bob", timeout=1) as stream,
    ):
        far.close()
        raise LineError("sang")
    assert stream._reader.fileno() == stream._writer.fileno() == -1


def test_a_session_is_not_resumed(bobs: Listener, alice: Identity, bob: Identity) -> None:
    raw = socket.create_connection(bobs.address)
    stream = TlsStream(raw, client_context(alice, bob.public), server_side=False)
    stream.handshake(Deadline(5))
    write_frame(stream, b"not a hello", Deadline(5))
    with suppress(Exception):
        stream.read_exactly(1, Deadline(5))
    session = stream._tls.session
    assert session is None or not session.has_ticket
    stream.release()


# Nuisances


def test_silent_connections_keep_nobody_waiting(bobs: Listener, alice: Identity, bob: Identity) -> None:
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(socket.create_connection(bobs.address))
        wait_for(lambda: len(bobs._shaking) == 10)
        works(bobs, alice, bob)
        assert len(bobs._shaking) == 10


def test_a_silent_connection_is_cut(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public], timeout=0.3) as bobs, socket.create_connection(bobs.address) as silent:
        silent.settimeout(30)
        with suppress(ConnectionError):
            assert silent.recv(1000) in (b"", b"\x15\x03\x01\x00\x02\x01\x00")
        assert "was not done within 0.3 s" in str(refusal(bobs))


def test_a_connection_that_speaks_slowly_is_cut(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public], timeout=0.4) as bobs, socket.create_connection(bobs.address) as slow:
        slow.settimeout(0.1)
        with suppress(ConnectionError, TimeoutError):
            slow.sendall(b"\x16\x03\x01\x40\x00")

        def go_on() -> bool:
            with suppress(ConnectionError):
                slow.sendall(b"\x00")
            return bool(bobs.refused)

        wait_for(go_on)
        assert "was not done within 0.4 s" in str(refusal(bobs))


def test_silence_after_tls_is_cut_too(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public], timeout=2) as bobs:
        raw = socket.create_connection(bobs.address)
        stream = TlsStream(raw, client_context(alice, bob.public), server_side=False)
        stream.handshake(Deadline(30))
        assert "was not done within 2 s" in str(refusal(bobs))
        stream.release()


def test_a_server_that_says_nothing_is_left(alice: Identity, bob: Identity) -> None:
    with socket.create_server((HOST, 0)) as mute, pytest.raises(ProtocolError) as caught:
        connect(HOST, mute.getsockname()[1], alice, bob.public, timeout=0.2)
    assert str(caught.value) == "bob, in step handshake: was not done within 0.2 s"


def test_when_all_places_are_taken_others_wait_until_one_is_free(alice: Identity, bob: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public], timeout=60, max_pending=2) as bobs, ExitStack() as held:
        silent = [held.enter_context(socket.create_connection(bobs.address)) for _ in range(2)]
        wait_for(lambda: len(bobs._shaking) == 2)
        with pytest.raises(ProtocolError, match=r"was not done within 0\.5 s"):
            connect(*bobs.address, alice, bob.public, timeout=0.5)
        for each in silent:
            each.close()
        works(bobs, alice, bob)
        assert len(bobs.refused) == 3


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=300))
def test_any_bytes_in_place_of_tls_are_refused(bobs: Listener, data: bytes) -> None:
    with socket.create_connection(bobs.address) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(10)
        with suppress(ConnectionError):
            while raw.recv(1000):
                pass
    error = str(refusal(bobs))
    assert "broke TLS" in error or "hung up" in error


def test_who_is_refused_hears_why_though_it_goes_on_speaking(
    bobs: Listener, carol: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is closed at once would be reset, and the reason lost, by what the other side still sends."""
    monkeypatch.setattr(streams, "GOODBYE_SECONDS", 30.0)
    raw = socket.create_connection(bobs.address)
    stream = TlsStream(raw, client_context(carol, bob.public), server_side=False)
    stream.handshake(Deadline(5))
    select.select([raw], [], [], 5)
    for _ in range(3):
        stream.write(bytes(100), Deadline(5))
        time.sleep(0.01)
    with pytest.raises(LineError, match="refused this side in TLS"):
        stream.read_exactly(1, Deadline(5))
    stream.cut()
    stream.release()


def test_who_is_refused_sees_the_end_at_once(bobs: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "GOODBYE_SECONDS", 60.0)
    with socket.create_connection(bobs.address) as raw:
        raw.sendall(b"garbage")
        raw.settimeout(30)
        while raw.recv(1000):
            pass
        assert not bobs.refused  # it still listens, for what is on the way
    refusal(bobs)


def test_who_is_refused_and_never_stops_speaking_is_cut(bobs: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "GOODBYE_SECONDS", 0.1)
    with socket.create_connection(bobs.address) as raw:

        def go_on() -> bool:
            with suppress(OSError):
                raw.sendall(b"garbage")
            return bool(bobs.refused)

        wait_for(go_on)


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 8, b"\x00\x00\x20\x01" + bytes(100), b"\xff" * 100, b"\x00\x00\x00\x05hello"]
)
def test_any_bytes_in_place_of_a_hello_are_refused(bobs: Listener, alice: Identity, bob: Identity, data: bytes) -> None:
    raw = socket.create_connection(bobs.address)
    stream = TlsStream(raw, client_context(alice, bob.public), server_side=False)
    stream.handshake(Deadline(5))
    if data:
        stream.write(data, Deadline(5))
    stream.say_goodbye()
    error = str(refusal(bobs))
    assert any(words in error for words in ("announced a message", "no readable ClientHello", "hung up"))
    stream.release()
    works(bobs, alice, bob)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\x00\x00"])
def test_any_bytes_from_a_server_are_refused(alice: Identity, bob: Identity, data: bytes) -> None:
    with socket.create_server((HOST, 0)) as false, ThreadPoolExecutor() as pool:
        pool.submit(answer_with, false, data)
        with pytest.raises(ProtocolError, match=r"bob, in step handshake: (broke TLS|hung up)"):
            connect(HOST, false.getsockname()[1], alice, bob.public, timeout=5)


def answer_with(server: socket.socket, data: bytes) -> None:
    raw, _ = server.accept()
    with raw:
        raw.recv(10_000)
        raw.sendall(data)


def test_a_peer_may_not_fill_the_waiting_room(bobs: Listener, alice: Identity, bob: Identity) -> None:
    with ExitStack() as held:
        for _ in range(listener.MAX_UNCLAIMED):
            held.enter_context(connect(*bobs.address, alice, bob.public))
        wait_for(lambda: len(bobs._unclaimed) == listener.MAX_UNCLAIMED)
        late = held.enter_context(connect(*bobs.address, alice, bob.public))
        assert "alice, in step handshake: opened another channel while 4 " in str(refusal(bobs))
        with pytest.raises(ProtocolError, match="hung up"):
            late.receive(Number, "s", 5)
        for _ in range(listener.MAX_UNCLAIMED):
            held.enter_context(bobs.accept(5))


def test_refusals_are_kept_in_bounds(alice: Identity, bob: Identity, carol: Identity) -> None:
    with Listener(HOST, 0, bob, [alice.public]) as bobs:
        for number in range(200):
            bobs._note(ProtocolError(str(number), culprit="c", step="handshake"))
        assert len(bobs.refused) == listener.KEPT_REFUSALS
        assert "199" in str(bobs.refused[-1])


@pytest.fixture
def bobs_one_place(alice: Identity, bob: Identity) -> Iterator[Listener]:
    """Bob listens for Alice, and shakes one hand at a time: who keeps the place keeps all others out."""
    with Listener(HOST, 0, bob, [alice.public], timeout=30, default_timeout=30, max_pending=1) as listening:
        yield listening


@pytest.mark.parametrize("broken", ["thread", "dup"])
def test_a_machine_at_its_limits_goes_on_listening(
    bobs_one_place: Listener, alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    bobs, done = bobs_one_place, threading.Event()

    def fail(*_: object, **__: object) -> None:
        done.set()
        raise (RuntimeError("can't start new thread") if broken == "thread" else OSError(24, "Too many open files"))

    with monkeypatch.context() as patch:
        if broken == "thread":
            patch.setattr(threading, "Thread", fail)
        else:
            patch.setattr(socket.socket, "dup", fail)
        with socket.create_connection(bobs.address) as raw:
            assert done.wait(30)
            raw.settimeout(30)
            with suppress(ConnectionError):
                assert raw.recv(1) == b""
    if broken == "dup":
        assert "bob, in step handshake: could not serve the one connecting from" in str(refusal(bobs))
    works(bobs, alice, bob)


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), OSError(12, "Cannot allocate memory")])
def test_a_channel_that_cannot_be_read_is_refused_and_the_place_is_free(
    bobs_one_place: Listener, alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(listener, "RemoteChannel", fail)
        with connect(*bobs_one_place.address, alice, bob.public):
            assert "bob, in step handshake: could not serve" in str(refusal(bobs_one_place))
    works(bobs_one_place, alice, bob)


def test_a_listener_that_cannot_accept_tries_again(
    bobs_one_place: Listener, alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def fail(_: socket.socket) -> None:
        done.set()
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", fail)
        assert done.wait(30)
    works(bobs_one_place, alice, bob)


def test_a_listener_that_nobody_calls_stays_open(
    alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "WAKE_SECONDS", 0.01)
    with Listener(HOST, 0, bob, [alice.public], timeout=30, max_pending=1) as bobs:
        time.sleep(0.1)
        works(bobs, alice, bob)


# Closing


def test_closing_stops_those_who_wait_and_refuses_those_who_come(alice: Identity, bob: Identity) -> None:
    bobs = Listener(HOST, 0, bob, [alice.public])
    with connect(*bobs.address, alice, bob.public) as kept, bobs.accept(5) as channel:
        with connect(*bobs.address, alice, bob.public) as unclaimed, ThreadPoolExecutor() as pool:
            wait_for(lambda: bobs._unclaimed)
            silent = socket.create_connection(bobs.address)
            wait_for(lambda: bobs._shaking)
            bobs._unclaimed.rotate()
            bobs.close()
            bobs.close()
            with pytest.raises(TacitError, match="the listener is closed"):
                pool.submit(bobs.accept, 5).result()
            with pytest.raises(ProtocolError, match="hung up"):
                unclaimed.receive(Number, "s", 5)
            silent.settimeout(5)
            with suppress(ConnectionError):
                assert len(silent.recv(100)) < 10
            silent.close()
        kept.send(Number(1))
        assert channel.receive(Number, "s", 5) == Number(1)
    with pytest.raises(ProtocolError, match="cannot be reached"):
        connect(*bobs.address, alice, bob.public)


def test_who_has_shaken_hands_when_the_listener_closes_is_hung_up_on(alice: Identity, bob: Identity) -> None:
    bobs = Listener(HOST, 0, bob, [alice.public])
    bobs.close()
    assert not bobs._thread.is_alive()
    with socket.socketpair()[0] as near, pytest.raises(ProtocolError, match="came when the listener was closing"):
        bobs._shake_hands(near, "the one that was late")
    assert not bobs._shaking
    late, _ = pair(alice.public, bob.public)
    bobs._offer(late)
    assert not bobs._unclaimed
    with pytest.raises(TacitError, match="closed at this end"):
        late.send(Number(1))
    assert bobs.refused == ()


def test_closing_wakes_who_is_accepting(alice: Identity, bob: Identity) -> None:
    bobs = Listener(HOST, 0, bob, [alice.public])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(bobs.accept, 30)
        time.sleep(0.05)
        bobs.close()
        with pytest.raises(TacitError, match="the listener is closed"):
            waiting.result(10)


def test_no_thread_or_socket_is_left(alice: Identity, bob: Identity) -> None:
    before, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with Listener(HOST, 0, bob, [alice.public]) as bobs:
            works(bobs, alice, bob)
            with socket.create_connection(bobs.address) as raw:
                raw.sendall(b"garbage")
            refusal(bobs)
    wait_for(lambda: threading.active_count() <= before)
    assert len(list(Path("/proc/self/fd").iterdir())) <= files

"""Channels over the network against peers that cheat, and against one in the middle who has broken TLS itself."""

import os
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.wire import Channel, Listener, connect, encode, remote
from tacit.wire import stream as streams
from tacit.wire.credentials import client_context, server_context
from tacit.wire.deadline import Deadline
from tacit.wire.handshake import MAX_HANDSHAKE_BYTES, ClientHandshake
from tacit.wire.inbox import LineError
from tacit.wire.records import RecordCipher
from tacit.wire.remote import LARGEST_MESSAGE, check_limit, read_frame, write_frame
from tacit.wire.stream import TlsStream


class Blob(msgspec.Struct, tag="blob", frozen=True, forbid_unknown_fields=True):
    data: bytes = b""


class Cheat:
    """A peer that has proved who it is, and then does as it likes."""

    def __init__(self, address: tuple[str, int], me: Identity, peer: PublicIdentity, secrets: str = os.devnull) -> None:
        """Connect, and write the secrets of TLS down."""
        self.raw = socket.create_connection(address)
        self.secrets = Path(secrets)
        context = client_context(me, peer)
        context.keylog_filename = secrets
        self.stream = TlsStream(self.raw, context, server_side=False)
        deadline = Deadline(10)
        self.stream.handshake(deadline)
        handshake = ClientHandshake(me, peer)
        write_frame(self.stream, handshake.hello(), deadline)
        finish, self.cipher = handshake.finish(read_frame(self.stream, MAX_HANDSHAKE_BYTES, deadline))
        write_frame(self.stream, finish, deadline)

    def write(self, data: bytes) -> None:
        self.stream.write(data, Deadline(10))

    def write_frame(self, data: bytes) -> None:
        write_frame(self.stream, data, Deadline(10))

    def hang_up(self) -> None:
        self.stream.cut()
        self.stream.release()


Met = tuple[Cheat, Channel]


@pytest.fixture
def met(alice: Identity, bob: Identity, tmp_path: Path) -> Iterator[Met]:
    """Give Alice, who cheats, and Bob's end of the channel with her."""
    with Listener("127.0.0.1", 0, bob, [alice.public], max_message=100_000) as listener:
        cheat = Cheat(listener.address, alice, bob.public, str(tmp_path / "secrets"))
        with listener.accept(10) as channel:
            yield cheat, channel
            cheat.hang_up()


def blamed(channel: Channel, match: str, timeout: float = 10) -> None:
    with pytest.raises(ProtocolError, match=match) as caught:
        channel.receive(Blob, "asking", timeout)
    assert (caught.value.culprit, caught.value.step) == ("alice", "asking")


def test_a_cheat_that_does_not_cheat_is_heard(met: Met) -> None:
    cheat, channel = met
    cheat.write_frame(cheat.cipher.seal(encode(Blob(b"data"))))
    assert channel.receive(Blob, "s") == Blob(b"data")


@pytest.mark.parametrize("size", [100_017, 2**31, 2**32 - 1])
def test_an_oversized_length_is_refused_before_memory_is_taken(met: Met, size: int) -> None:
    cheat, channel = met
    tracemalloc.start()
    try:
        cheat.write(struct.pack(">I", size) + bytes(1000))
        blamed(channel, f"announced a message of {size} bytes where at most 100016 are taken")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(LineError, match="hung up"):
        cheat.stream.read_exactly(1, Deadline(10))


def test_a_length_within_the_limit_takes_memory_only_for_what_arrives(alice: Identity, bob: Identity) -> None:
    with Listener("127.0.0.1", 0, bob, [alice.public]) as listener:
        cheat = Cheat(listener.address, alice, bob.public)
        with listener.accept(10) as channel:
            tracemalloc.start()
            try:
                cheat.write(struct.pack(">I", 200 << 20) + bytes(1000))
                cheat.hang_up()
                blamed(channel, "hung up in the middle of a message")
                assert tracemalloc.get_traced_memory()[1] < 4 << 20
            finally:
                tracemalloc.stop()


def test_a_message_that_stops_in_the_middle_is_silence(met: Met) -> None:
    cheat, channel = met
    cheat.write(struct.pack(">I", 1000) + bytes(999))
    blamed(channel, "was silent for 0.1 s", 0.1)


@pytest.mark.parametrize("sent", [0, 1, 999])
def test_hanging_up_in_the_middle_of_a_message_is_told_apart(met: Met, sent: int) -> None:
    cheat, channel = met
    cheat.write(struct.pack(">I", 1000) + bytes(sent))
    cheat.hang_up()
    blamed(channel, "hung up in the middle of a message")


def test_hanging_up_between_messages_is_just_that(met: Met) -> None:
    cheat, channel = met
    cheat.hang_up()
    blamed(channel, "hung up$")


def test_a_reset_connection_is_a_hang_up(met: Met) -> None:
    cheat, channel = met
    cheat.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cheat.stream.release()
    blamed(channel, "hung up$")


def test_garbage_in_place_of_a_record_is_noticed(met: Met) -> None:
    cheat, channel = met
    cheat.write_frame(bytes(100))
    blamed(channel, "a record was altered")
    cheat.write_frame(cheat.cipher.seal(encode(Blob())))
    blamed(channel, "a record was altered")


def test_an_empty_frame_is_noticed(met: Met) -> None:
    cheat, channel = met
    cheat.write_frame(b"")
    blamed(channel, "a record was altered")


def test_garbage_in_place_of_a_message_is_noticed(met: Met) -> None:
    cheat, channel = met
    for garbage in (b"", bytes(100), b"\xff" * 100):
        cheat.write_frame(cheat.cipher.seal(garbage))
        blamed(channel, "sent no readable Blob")


def test_garbage_in_place_of_tls_is_noticed(met: Met) -> None:
    cheat, channel = met
    cheat.raw.settimeout(10)
    cheat.raw.sendall(b"\x17\x03\x03\x00\x40" + bytes(64))
    blamed(channel, "broke TLS 1.3")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=5, max_size=400))
def test_any_bytes_from_a_peer_are_one_error(alice: Identity, bob: Identity, data: bytes) -> None:
    with Listener("127.0.0.1", 0, bob, [alice.public], max_message=100_000) as listener:
        cheat = Cheat(listener.address, alice, bob.public)
        with listener.accept(10) as channel:
            cheat.write(data)
            cheat.hang_up()
            blamed(channel, ".")


def test_a_reader_that_cannot_go_on_says_so(met: Met, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    cheat, channel = met
    monkeypatch.setattr(remote, "read_frame", fail)  # from the second message on
    cheat.write_frame(cheat.cipher.seal(encode(Blob(b"data"))))
    assert channel.receive(Blob, "s") == Blob(b"data")
    blamed(channel, "cannot be heard: MemoryError while reading from it")


def test_an_idle_line_stays(tls_line: Callable[[], tuple[Channel, Channel]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "IDLE_SECONDS", 0.001)
    alice, bob = tls_line()
    with pytest.raises(ProtocolError, match="was silent"):
        alice.receive(Blob, "s", 0.1)
    bob.send(Blob(b"data"))
    assert alice.receive(Blob, "s") == Blob(b"data")


def test_small_messages_leave_at_once(tls_line: Callable[[], tuple[Channel, Channel]]) -> None:
    for end in tls_line():
        raw: socket.socket = end._stream._writer  # type: ignore[attr-defined]
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_large_message_is_encrypted_a_piece_at_a_time(
    tls_line: Callable[[], tuple[Channel, Channel]], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = tls_line()
    true, waiting = TlsStream._flush, []

    def look(self: TlsStream, deadline: Deadline) -> None:
        waiting.append(self._outgoing.pending)
        true(self, deadline)

    monkeypatch.setattr(TlsStream, "_flush", look)
    alice.send(Blob(bytes(8 << 20)))
    assert len(bob.receive(Blob, "s").data) == 8 << 20
    assert streams.WRITE_BYTES < max(waiting) < streams.WRITE_BYTES + 1000


def test_closing_gives_the_sockets_back(tls_line: Callable[[], tuple[Channel, Channel]]) -> None:
    alice, bob = tls_line()
    with ThreadPoolExecutor() as pool:
        list(pool.map(Channel.close, (alice, bob)))
    for end in (alice, bob):
        line: TlsStream = end._stream  # type: ignore[attr-defined]
        assert line._reader.fileno() == line._writer.fileno() == -1


def test_closing_is_said_in_tls(met: Met) -> None:
    cheat, channel = met
    with ThreadPoolExecutor() as pool:
        closing = pool.submit(channel.close)
        assert said_goodbye(cheat.stream)
        cheat.hang_up()
        closing.result()


def test_who_closes_listens_until_the_other_side_hangs_up(met: Met, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is let go while mail comes in is reset, and mail that goes out is lost with it."""
    monkeypatch.setattr(remote, "GOODBYE_SECONDS", 60.0)
    monkeypatch.setattr(streams, "GOODBYE_SECONDS", 60.0)
    cheat, channel = met
    cuts: list[TlsStream] = []
    monkeypatch.setattr(TlsStream, "cut", cuts.append)
    with ThreadPoolExecutor() as pool:
        closing = pool.submit(channel.close)
        assert said_goodbye(cheat.stream)
        for _ in range(20):
            cheat.write_frame(bytes(90_000))
            time.sleep(0.005)
        assert not cuts
        monkeypatch.undo()
        cheat.hang_up()
        closing.result()


def said_goodbye(stream: TlsStream) -> bool:
    """Return whether the other side ended TLS (close_notify) before it ended TCP."""
    while True:
        try:
            return stream._tls.read(1) == b""
        except ssl.SSLWantReadError:
            try:
                stream._pull(Deadline(10))
            except LineError:
                return False


def test_refusing_a_handshake_is_said_in_tls(alice: Identity, bob: Identity) -> None:
    with Listener("127.0.0.1", 0, bob, [alice.public]) as listener:
        raw = socket.create_connection(listener.address)
        stream = TlsStream(raw, client_context(alice, bob.public), server_side=False)
        stream.handshake(Deadline(10))
        write_frame(stream, b"no hello", Deadline(10))
        assert said_goodbye(stream)
        stream.cut()
        stream.release()


def test_sending_past_the_inbox_stops_the_sender_not_the_memory(met: Met) -> None:
    cheat, channel = met
    record = bytes(90_000)

    def flood() -> None:
        deadline = Deadline(0.5)
        while True:
            write_frame(cheat.stream, record, deadline)

    with pytest.raises(TimeoutError):
        flood()
    assert channel._inbox._held <= 100_000


def test_questions_within_tls_are_not_answered_without_end(met: Met) -> None:
    """Each KeyUpdate (RFC 8446, section 4.6.3) asks for one in return, which takes memory until somebody sends."""
    cheat, channel = met
    with suppress(OSError):
        cheat.raw.sendall(key_updates(cheat, 40_000))
    blamed(channel, "asked for more answers within TLS")
    assert channel._stream._outgoing.pending < 1 << 20  # type: ignore[attr-defined]


def test_a_few_questions_within_tls_are_answered(met: Met) -> None:
    cheat, channel = met
    cheat.raw.sendall(key_updates(cheat, 10))
    with pytest.raises(ProtocolError, match="was silent"):
        channel.receive(Blob, "s", 0.2)
    channel.send(Blob(b"data"))
    assert cheat.cipher.open(read_frame(cheat.stream, 1000, Deadline(10))) == encode(Blob(b"data"))


def key_updates(cheat: Cheat, count: int) -> bytes:
    """Return what Alice sends next in TLS: records that each ask for a new key (RFC 8446, sections 5.2, 7.1 to 7.3)."""
    lines = cheat.secrets.read_text().splitlines()
    secret = next(bytes.fromhex(each.split()[2]) for each in lines if each.startswith("CLIENT_TRAFFIC_SECRET_0"))

    def expand(label: bytes, length: int) -> bytes:
        info = struct.pack(">HB", length, 6 + len(label)) + b"tls13 " + label + b"\x00"
        return HKDFExpand(hashes.SHA384(), length, info).derive(secret)

    header, question = b"\x17\x03\x03" + struct.pack(">H", 22), b"\x18\x00\x00\x01\x01\x16"
    out, number = bytearray(), 2  # under the first key, after the handshake's two frames
    for _ in range(count):
        nonce = (int.from_bytes(expand(b"iv", 12), "big") ^ number).to_bytes(12, "big")
        out += header + AESGCM(expand(b"key", 32)).encrypt(nonce, question, header)
        secret, number = expand(b"traffic upd", 48), 0
    return bytes(out)


def test_limits_that_no_record_could_keep_are_refused(alice: Identity, bob: Identity) -> None:
    for limit in (0, -1, LARGEST_MESSAGE + 1):
        for attempt in (
            lambda n: check_limit(n),
            lambda n: Listener("127.0.0.1", 0, bob, [], max_message=n),
            lambda n: connect("127.0.0.1", 1, alice, bob.public, max_message=n),
        ):
            with pytest.raises(ValueError, match="max_message"):
                attempt(limit)
    check_limit(LARGEST_MESSAGE)


# One in the middle, who has the Ed25519 keys of both, as a quantum computer would give him, but not their ML-DSA keys.

Forward = list[tuple[str, bytes]]
Alter = Callable[[str, int, bytes], Forward]


class Middle:
    """Ends TLS on both sides, passes on what `alter` makes of each frame, and writes down all that went by."""

    def __init__(self, alice: Identity, bob: Identity, address: tuple[str, int], alter: Alter) -> None:
        self.alter = alter
        self.seen = b""
        self.to_bob_from = client_context(alice, bob.public)
        self.to_alice_from = server_context(bob, [alice.public])
        self.target = address
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port: int = self.socket.getsockname()[1]
        self.streams: dict[str, TlsStream] = {}
        self.threads = [threading.Thread(target=self.run)]
        self.threads[0].start()

    def run(self) -> None:
        raw, _ = self.socket.accept()
        self.streams["alice"] = TlsStream(raw, self.to_alice_from, server_side=True)
        self.streams["alice"].handshake(Deadline(10))
        self.streams["bob"] = TlsStream(socket.create_connection(self.target), self.to_bob_from, server_side=False)
        self.streams["bob"].handshake(Deadline(10))
        for come, go in (("alice", "bob"), ("bob", "alice")):
            self.threads.append(threading.Thread(target=self.pump, args=(come, go)))
            self.threads[-1].start()

    def pump(self, come: str, go: str) -> None:
        number = 0
        with suppress(LineError, TimeoutError):
            while True:
                frame = bytes(read_frame(self.streams[come], 1 << 20))
                self.seen += frame
                for to, content in self.alter(go, number, frame):
                    write_frame(self.streams[to], content, Deadline(10))
                number += 1
        self.streams[go].cut()

    def close(self) -> None:
        for stream in self.streams.values():
            stream.cut()
        for thread in self.threads:
            thread.join()
        for stream in self.streams.values():
            stream.release()
        self.socket.close()


Between = Callable[[Alter], tuple[Channel, Listener, Middle]]


@pytest.fixture
def between(alice: Identity, bob: Identity) -> Iterator[Between]:
    """Give a function that has Alice connect to Bob through one in the middle."""
    with ExitStack() as held:

        def meet(alter: Alter) -> tuple[Channel, Listener, Middle]:
            listener = held.enter_context(Listener("127.0.0.1", 0, bob, [alice.public], timeout=30, default_timeout=30))
            middle = Middle(alice, bob, listener.address, alter)
            held.callback(middle.close)
            channel = connect("127.0.0.1", middle.port, alice, bob.public, timeout=30, default_timeout=30)
            return held.enter_context(channel), listener, middle

        yield meet


def pass_on(to: str, number: int, frame: bytes) -> Forward:
    return [(to, frame)]


def flipped(frame: bytes, at: int = -1) -> bytes:
    changed = bytearray(frame)
    changed[at] ^= 1
    return bytes(changed)


def test_one_who_broke_tls_sees_no_messages(between: Between) -> None:
    alices, listener, middle = between(pass_on)
    with listener.accept(10) as bobs:
        alices.send(Blob(b"the secret " * 10))
        assert bobs.receive(Blob, "s") == Blob(b"the secret " * 10)
        bobs.send(Blob(b"the answer"))
        assert alices.receive(Blob, "s") == Blob(b"the answer")
    assert b"client-hello" in middle.seen
    assert b"the secret" not in middle.seen
    assert b"the answer" not in middle.seen


@pytest.mark.parametrize("at", [40, 200, 1000, -1])
def test_one_who_broke_tls_cannot_change_the_handshake(between: Between, at: int) -> None:
    for victim, number in (("bob", 0), ("alice", 0)):

        def alter(to: str, index: int, frame: bytes, victim: str = victim, number: int = number) -> Forward:
            return [(to, flipped(frame, at) if (to, index) == (victim, number) else frame)]

        with pytest.raises(ProtocolError) as caught:
            between(alter)
        assert (caught.value.culprit, caught.value.step) == ("bob", "handshake")


def test_one_who_broke_tls_cannot_take_the_last_step_of_the_handshake(between: Between) -> None:
    def alter(to: str, number: int, frame: bytes) -> Forward:
        return [(to, flipped(frame) if (to, number) == ("bob", 1) else frame)]

    alices, listener, _ = between(alter)
    deadline = Deadline(30)
    while not listener.refused:
        assert deadline.left()
        time.sleep(0.005)
    with pytest.raises(ProtocolError, match="altered") as caught:
        listener.accept(0)
    assert caught.value.step == "accept"
    assert [(each.culprit, each.step) for each in listener.refused] == [("alice", "handshake")]
    with pytest.raises(ProtocolError, match="bob, in step s: hung up"):
        alices.receive(Blob, "s")


def test_one_who_broke_tls_cannot_run_a_handshake_of_his_own(
    alice: Identity, bob: Identity, carol: Identity, between: Between
) -> None:
    mine = ClientHandshake(carol, bob.public)

    def alter(to: str, number: int, frame: bytes) -> Forward:
        return [(to, mine.hello() if (to, number) == ("bob", 0) else frame)]

    with pytest.raises(ProtocolError, match=r"bob, in step handshake: hung up"):
        between(alter)


HELD: list[bytes] = []
FIRST = 2  # the number of Alice's first record, after her hello and her finish


def swap(to: str, number: int, frame: bytes) -> Forward:
    if (to, number) == ("bob", FIRST):
        HELD[:] = [frame]
        return []
    if (to, number) == ("bob", FIRST + 1):
        return [(to, frame), (to, HELD[0])]
    return [(to, frame)]


def once(change: Callable[[str, bytes], Forward]) -> Alter:
    """Return an alteration of Alice's first record."""
    return lambda to, number, frame: change(to, frame) if (to, number) == ("bob", FIRST) else [(to, frame)]


@pytest.mark.parametrize(
    "alter",
    [
        once(lambda to, frame: [(to, flipped(frame))]),
        once(lambda to, frame: [(to, flipped(frame, 0))]),
        once(lambda to, frame: [(to, frame[:-1])]),
        once(lambda to, frame: [(to, frame + b"\x00")]),
        once(lambda to, frame: []),
        once(lambda to, frame: [(to, RecordCipher("x", bytes(44), bytes(44)).seal(b"message"))]),
        swap,
    ],
    ids=["last byte", "first byte", "cut", "padded", "dropped", "forged", "swapped"],
)
def test_one_who_broke_tls_cannot_change_a_record(between: Between, alter: Alter) -> None:
    alices, listener, _ = between(alter)
    with listener.accept(10) as bobs:
        for _ in range(2):
            alices.send(Blob(b"same"))
        blamed(bobs, "a record was altered, dropped, repeated or out of order")


def test_one_who_broke_tls_cannot_repeat_a_record(between: Between) -> None:
    alices, listener, _ = between(once(lambda to, frame: [(to, frame), (to, frame)]))
    with listener.accept(10) as bobs:
        alices.send(Blob(b"same"))
        assert bobs.receive(Blob, "s") == Blob(b"same")
        blamed(bobs, "a record was altered, dropped, repeated or out of order")


def test_one_who_broke_tls_cannot_send_a_record_back(between: Between) -> None:
    alices, _, _ = between(once(lambda to, frame: [("alice", frame)]))
    alices.send(Blob(b"same"))
    with pytest.raises(ProtocolError, match="bob, in step s: a record was altered"):
        alices.receive(Blob, "s")


def test_one_who_broke_tls_can_only_cut_the_line(between: Between) -> None:
    alices, listener, middle = between(pass_on)
    with listener.accept(10) as bobs:
        alices.send(Blob(b"1"))
        assert bobs.receive(Blob, "s") == Blob(b"1")
        middle.streams["bob"].say_goodbye()
        blamed(bobs, "hung up")
        with pytest.raises(TacitError):
            alices.receive(Blob, "s", 10)

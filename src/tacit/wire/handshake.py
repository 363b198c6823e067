"""The handshake inside TLS: a post-quantum authenticated key exchange, as two state machines without sockets.

Python's TLS has no post-quantum key exchange yet (OpenSSL 3.0), so what TLS carries is keyed once more, by an exchange
that holds while either half of each hybrid does. It is the three-message signed exchange of Canetti and Krawczyk (2001)
and SIGMA (Krawczyk 2003), with a key encapsulation in place of Diffie-Hellman:

    C -> S  ClientHello   version, who I am, whom I expect, nonce, ephemeral key e (X25519 + ML-KEM-768)
    S -> C  ServerHello   nonce, HPKE(e, 32-byte secret), signature
    C -> S  ClientFinish  signature, in the first record under the new keys

Both signatures (Ed25519 with ML-DSA-65) are over the hash of everything so far: the protocol's label, both fingerprints
and certificates in their roles, and every message; they differ by role. Keys come from the secret and the hash of
everything up to and with the server's signature. The private half of e is forgotten once used (forward secrecy).

What is promised, and against whom, is in docs/protocols/channel.md. Rounds: 1.5. Bytes: 1,451, 4,623 and 3,422,
with 4 more each on the network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Annotated, NoReturn, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tacit.canonical import quote
from tacit.errors import IdentityError, ProtocolError
from tacit.keys import Identity, PublicIdentity
from tacit.keys.public import SEAL_OVERHEAD, SIGNATURE_BYTES, SUITE, frame, sealing_key
from tacit.wire.messages import decode, encode
from tacit.wire.records import SECRET_BYTES, RecordCipher

VERSION = 1
PROTOCOL = b"tacit channel/1"
SEAL_DOMAIN = "tacit channel/1 secret"
SERVER_SIGNATURE = "tacit channel/1 server"
CLIENT_SIGNATURE = "tacit channel/1 client"
CLIENT_KEYS = b"tacit channel/1 client to server"
SERVER_KEYS = b"tacit channel/1 server to client"

STEP = "handshake"
MAX_HANDSHAKE_BYTES = 8 * 1024
EPHEMERAL_BYTES = 32 + 1184

_Nonce = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Signature = Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]
_Fingerprint = Annotated[str, msgspec.Meta(max_length=80)]

T = TypeVar("T", bound=msgspec.Struct)


class ClientHello(msgspec.Struct, tag="client-hello", frozen=True, forbid_unknown_fields=True):
    """The client's first message."""

    version: int
    client: _Fingerprint
    server: _Fingerprint
    nonce: _Nonce
    key: Annotated[bytes, msgspec.Meta(min_length=EPHEMERAL_BYTES, max_length=EPHEMERAL_BYTES)]


class ServerHello(msgspec.Struct, tag="server-hello", frozen=True, forbid_unknown_fields=True):
    """The server's answer."""

    nonce: _Nonce
    sealed: Annotated[bytes, msgspec.Meta(min_length=32 + SEAL_OVERHEAD, max_length=32 + SEAL_OVERHEAD)]
    signature: _Signature


class ClientFinish(msgspec.Struct, tag="client-finish", frozen=True, forbid_unknown_fields=True):
    """The client's proof of who it is, sent in the first record."""

    signature: _Signature


class ClientHandshake:
    """The side that connects: `hello`, then `finish`, once each; any error ends it."""

    def __init__(self, me: Identity, server: PublicIdentity, *, carrier: bytes = b"") -> None:
        """Prepare to speak to `server` and nobody else, over `carrier`, which both ends name alike (empty: TLS)."""
        self.peer = server
        self._me = me
        self._transcript = _Transcript(me.public, server, carrier)
        self._ephemeral: hpke.MLKEM768X25519PrivateKey | None = None
        self._turn = _Turn("hello", "finish")

    def hello(self) -> bytes:
        """Return the ClientHello."""
        self._turn.take("hello", self.peer.name)
        self._ephemeral, public = _new_ephemeral()
        message = ClientHello(VERSION, self._me.public.fingerprint, self.peer.fingerprint, os.urandom(32), public)
        data = encode(message)
        self._transcript.absorb(b"client hello", data)
        self._turn.done()
        return data

    def finish(self, server_hello: bytes | bytearray) -> tuple[bytes, RecordCipher]:
        """Return the ClientFinish record and the cipher for all that follows.

        Raises:
            ProtocolError: the answer is malformed, altered, not the server's, or not to this hello.
        """
        self._turn.take("finish", self.peer.name)
        ephemeral, self._ephemeral = self._ephemeral, None
        assert ephemeral is not None
        answer = decode(server_hello, ServerHello, sender=self.peer.name, step=STEP)
        context = self._transcript.absorb_share(answer.nonce, answer.sealed)
        _check_signature(self.peer, SERVER_SIGNATURE, self._transcript, answer.signature)
        try:
            secret = SUITE.decrypt(answer.sealed, ephemeral, context)
        except InvalidTag:
            raise _fault(self.peer.name, "sealed the secret to another key") from None
        self._transcript.absorb(b"server signature", answer.signature)
        cipher = RecordCipher(self.peer.name, *self._transcript.keys(secret))
        signature = self._me.sign(CLIENT_SIGNATURE, self._transcript.digest())
        return cipher.seal(encode(ClientFinish(signature))), cipher

    def __repr__(self) -> str:
        return f"ClientHandshake(with {self.peer.name!r}, keys hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a handshake is not pickled: it holds keys")


class ServerHandshake:
    """The side that is connected to: `answer`, then `finish`, once each; any error ends it."""

    def __init__(
        self, me: Identity, clients: Iterable[PublicIdentity], *, client: str = "the client", carrier: bytes = b""
    ) -> None:
        """Prepare to be spoken to by one of `clients`; errors say `client` until it has named one of them."""
        self._me = me
        self._carrier = carrier
        self._client = client
        self._clients = {client.fingerprint: client for client in clients}
        self._peer: PublicIdentity | None = None
        self._transcript: _Transcript | None = None
        self._cipher: RecordCipher | None = None
        self._turn = _Turn("answer", "finish")

    def answer(self, client_hello: bytes | bytearray) -> bytes:
        """Return the ServerHello.

        Raises:
            ProtocolError: malformed, of another version, from someone unknown, or meant for another server.
        """
        self._turn.take("answer", self._client)
        hello = _decode_hello(client_hello, self._client)
        self._peer = self._known(hello)
        self._transcript = _Transcript(self._peer, self._me.public, self._carrier)
        self._transcript.absorb(b"client hello", client_hello)
        nonce, secret = os.urandom(32), os.urandom(32)
        try:
            sealed = SUITE.encrypt(secret, sealing_key(hello.key), self._transcript.context())
        except ValueError:
            raise _fault(self._peer.name, "sent a malformed ephemeral key") from None
        self._transcript.absorb_share(nonce, sealed)
        signature = self._me.sign(SERVER_SIGNATURE, self._transcript.digest())
        self._transcript.absorb(b"server signature", signature)
        to_server, to_client = self._transcript.keys(secret)
        self._cipher = RecordCipher(self._peer.name, to_client, to_server)
        self._turn.done()
        return encode(ServerHello(nonce, sealed, signature))

    def finish(self, client_finish: bytes | bytearray) -> tuple[PublicIdentity, RecordCipher]:
        """Return who the client is, now proved, and the cipher for all that follows.

        Raises:
            ProtocolError: not the record that this client would send, or its signature is false.
        """
        self._turn.take("finish", self._peer.name if self._peer else self._client)
        peer, transcript, cipher = self._peer, self._transcript, self._cipher
        self._cipher = None
        assert peer is not None
        assert transcript is not None
        assert cipher is not None
        finish = decode(cipher.open(client_finish, STEP), ClientFinish, sender=peer.name, step=STEP)
        _check_signature(peer, CLIENT_SIGNATURE, transcript, finish.signature)
        return peer, cipher

    def __repr__(self) -> str:
        return f"ServerHandshake(of {self._me.name!r}, keys hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a handshake is not pickled: it holds keys")

    def _known(self, hello: ClientHello) -> PublicIdentity:
        client = self._clients.get(hello.client)
        if client is None:
            raise _fault(
                self._client,  # not the name that it gave, which may be that of somebody honest
                f"says it is {quote(hello.client)}, which is not among the parties that may connect here: "
                "check that each has the other's .pub file",
            )
        if hello.server != self._me.public.fingerprint:
            raise _fault(client.name, f"wants to reach another server than {self._me.public.fingerprint}")
        return client


class _Transcript:
    """The hash of all that was said and is assumed: each part with its label and lengths, none is two things."""

    def __init__(self, client: PublicIdentity, server: PublicIdentity, carrier: bytes = b"") -> None:
        self._hash = hashlib.sha256()
        self.absorb(b"protocol", PROTOCOL)
        if carrier:
            self.absorb(b"carrier", carrier)
        self.absorb(b"client", client.fingerprint.encode())
        self.absorb(b"client certificate", client.certificate)
        self.absorb(b"server", server.fingerprint.encode())
        self.absorb(b"server certificate", server.certificate)

    def absorb(self, label: bytes, data: bytes | bytearray) -> None:
        for part in (label, data):
            self._hash.update(len(part).to_bytes(8, "big"))
            self._hash.update(part)

    def absorb_share(self, nonce: bytes, sealed: bytes) -> bytes:
        """Absorb the server's half; returns what the secret was sealed under."""
        context = self.context()
        self.absorb(b"server nonce", nonce)
        self.absorb(b"server sealed", sealed)
        return context

    def context(self) -> bytes:
        return frame(SEAL_DOMAIN, self.digest())

    def digest(self) -> bytes:
        return self._hash.digest()

    def keys(self, secret: bytes) -> tuple[bytes, bytes]:
        """Return the secrets of the two directions: to the server, to the client."""
        salt = self.digest()
        to_server, to_client = (
            HKDF(hashes.SHA256(), SECRET_BYTES, salt, label).derive(secret) for label in (CLIENT_KEYS, SERVER_KEYS)
        )
        return to_server, to_client


class _Turn:
    """Which step comes next; each comes once, and after one that failed none does."""

    def __init__(self, *steps: str) -> None:
        self._left = list(steps)
        self._ready = True

    def take(self, step: str, peer: str) -> None:
        if not self._ready or self._left[:1] != [step]:
            raise _fault(peer, f"got to {step!r} out of turn: a message was repeated, or the one before it failed")
        self._left.pop(0)
        self._ready = False

    def done(self) -> None:
        self._ready = True


class _AnyHello(msgspec.Struct):
    version: int


def _decode_hello(data: bytes | bytearray, client: str) -> ClientHello:
    """Return the hello; one of another version is named as such, whatever else it holds."""
    try:
        version = msgspec.msgpack.decode(data, type=_AnyHello).version
    except (msgspec.MsgspecError, ValueError, RecursionError):
        version = VERSION
    if version != VERSION:
        reason = f"speaks version {version} of the channel protocol and this side {VERSION}: update the older one"
        raise _fault(client, reason)
    return decode(data, ClientHello, sender=client, step=STEP)


def _new_ephemeral() -> tuple[hpke.MLKEM768X25519PrivateKey, bytes]:
    first, second = x25519.X25519PrivateKey.generate(), mlkem.MLKEM768PrivateKey.generate()
    public = first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()
    return hpke.MLKEM768X25519PrivateKey(second, first), public


def _check_signature(peer: PublicIdentity, domain: str, transcript: _Transcript, signature: bytes) -> None:
    try:
        peer.verify(domain, transcript.digest(), signature)
    except IdentityError:
        raise _fault(peer.name, "did not sign this handshake: another has its place, or it was altered") from None


def _fault(culprit: str, reason: str) -> ProtocolError:
    return ProtocolError(reason, culprit=culprit, step=STEP)

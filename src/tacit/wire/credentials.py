"""TLS settings for one identity and the peers that it trusts: TLS 1.3 only, both sides show certificates.

The trust store holds the peers' self-signed certificates and nothing else: no authority of the system, no file that the
environment names. The private key goes to OpenSSL, which reads it only from a file, through memory that has no name in
the file system (`memfd_create`); where there is none, through a file of mode 0600 that is removed at once. In either
case it is encrypted under a password that is used once.
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives import serialization

from tacit.errors import IdentityError
from tacit.keys import Identity, PublicIdentity


def client_context(me: Identity, server: PublicIdentity) -> ssl.SSLContext:
    """Return the settings with which `me` connects to `server`."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, me, [server])


def server_context(me: Identity, clients: Iterable[PublicIdentity]) -> ssl.SSLContext:
    """Return the settings with which `me` listens for `clients`."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, me, clients)
    context.num_tickets = 0  # every connection is authenticated anew
    return context


def _context(side: int, me: Identity, trusted: Iterable[PublicIdentity]) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    # No names are compared: whoever calls compares the whole certificate with the one pinned for the peer.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # Look for the certificate itself, not for an issuer of its name: peers of one name would hide each other.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    for peer in trusted:
        try:
            context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(peer.certificate))
        except ssl.SSLError:
            raise IdentityError(f"the certificate of {peer.name!r} cannot be used for TLS: ask for another") from None
    password = secrets.token_hex(32)
    with _file_for_openssl(_encrypted_key(me, password)) as path:
        context.load_cert_chain(path, password=password)
    return context


def _encrypted_key(me: Identity, password: str) -> bytes:
    key = serialization.load_pem_private_key(me.tls_key(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    return encrypted + ssl.DER_cert_to_PEM_cert(me.public.certificate).encode()


@contextmanager
def _file_for_openssl(content: bytes) -> Iterator[str]:
    """Give a path from which `content` can be read within this block and not after."""
    memory = _nameless_memory()
    if memory is not None:
        with memory:
            memory.write(content)
            memory.flush()
            yield _path_of(memory.fileno())
        return
    descriptor, name = tempfile.mkstemp(prefix="tacit-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _nameless_memory() -> BinaryIO | None:
    """Return a file without a name, or None where the system has none or lets nobody open it again."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        memory = os.fdopen(os.memfd_create("tacit", os.MFD_CLOEXEC), "wb")
    except OSError:
        return None
    if os.access(_path_of(memory.fileno()), os.R_OK):
        return memory
    memory.close()
    return None


def _path_of(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"

"""Files that one identity writes for itself: sealed to it, signed by it, bound to what they are for, mode 0600.

Sealing alone would not do: anybody can seal *to* a public key, and whoever can write to the disk could leave a state
of their own making. `domain` says what kind of file it is and `context` what it belongs to, such as a study's digest.
"""

from __future__ import annotations

from pathlib import Path

from tacit.errors import FormatError, IdentityError
from tacit.files import read_bounded, write_atomically
from tacit.keys.identity import Identity
from tacit.keys.public import SIGNATURE_BYTES


def write_sealed(path: Path, identity: Identity, domain: str, context: bytes, body: bytes) -> None:
    """Write `body`, whole or not at all; raises TacitError where the folder cannot be written to."""
    signed = identity.sign(domain, context + body) + body
    write_atomically(path, identity.public.seal(domain, signed, context), mode=0o600)


def read_sealed(path: Path, identity: Identity, domain: str, context: bytes, limit: int, kind: str) -> bytes:
    """Return the body of the file, of at most `limit` bytes; `kind` names it in errors.

    Raises:
        FormatError: it is not this identity's, for another domain or context, damaged, or too long.
    """
    data = read_bounded(path, limit, kind)
    try:
        signed = identity.open(domain, data, context)
        signature, body = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        identity.public.verify(domain, context + body, signature)
    except IdentityError as error:
        raise FormatError(f"the {kind} {path} cannot be used: {error}") from None
    return body

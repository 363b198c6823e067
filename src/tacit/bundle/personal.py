"""A party's personal model: the common one with a last layer of its own, for the party alone.

It is fitted to the party's rows without noise, so it must never leave the party: the file is sealed to the party's
identity, signed by it (anyone can seal *to* a public key), bound to the bundle that it goes with, and has mode 0600.
No other party has seen it, and nothing in the bundle certifies it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tacit.bundle.bundle import Bundle
from tacit.canonical import quote
from tacit.errors import FormatError, GraphError, IdentityError
from tacit.files import read_bounded, write_atomically
from tacit.graph import Graph
from tacit.keys import Identity

DOMAIN = "personal model/1"
MAX_BYTES = 2**30
SIGNATURE_BYTES = 64 + 3309


def save_personal(path: Path, graph: Graph, bundle: Bundle, identity: Identity) -> None:
    """Write `graph`, which goes with `bundle`, to `path` for `identity` alone; raises TacitError."""
    context, body = _context(bundle), graph.to_bytes()
    signed = identity.sign(DOMAIN, context + body) + body
    write_atomically(path, identity.public.seal(DOMAIN, signed, context), mode=0o600)


def load_personal(path: Path, bundle: Bundle, identity: Identity) -> Graph:
    """Return the personal model in `path`.

    Raises:
        FormatError: not one that this identity made to go with this bundle, or damaged.
    """
    context = _context(bundle)
    data = read_bounded(path, MAX_BYTES, "personal model")
    try:
        signed = identity.open(DOMAIN, data, context)
        signature, body = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        identity.public.verify(DOMAIN, context + body, signature)
        return Graph.from_bytes(body)
    except (IdentityError, GraphError) as error:
        raise FormatError(
            f"{path} is no personal model of {identity.name!r} that goes with this bundle: {quote(str(error))}"
        ) from None


def _context(bundle: Bundle) -> bytes:
    return hashlib.sha256(bundle.encode()).digest()

"""A party's personal model: the common one with a last layer of its own, for the party alone.

It is fitted to the party's rows without noise, so it must never leave the party: the file is sealed to the party,
signed by it and bound to the bundle that it goes with (`tacit.keys.sealed_file`).
No other party has seen it, and nothing in the bundle certifies it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tacit.bundle.bundle import Bundle
from tacit.canonical import quote
from tacit.errors import FormatError, GraphError
from tacit.graph import Graph
from tacit.keys import Identity
from tacit.keys.sealed_file import read_sealed, write_sealed

DOMAIN = "personal model/1"
MAX_BYTES = 2**30


def save_personal(path: Path, graph: Graph, bundle: Bundle, identity: Identity) -> None:
    """Write `graph`, which goes with `bundle`, to `path` for `identity` alone; raises TacitError."""
    write_sealed(path, identity, DOMAIN, _context(bundle), graph.to_bytes())


def load_personal(path: Path, bundle: Bundle, identity: Identity) -> Graph:
    """Return the personal model in `path`.

    Raises:
        FormatError: not one that this identity made to go with this bundle, or damaged.
    """
    try:
        return Graph.from_bytes(read_sealed(path, identity, DOMAIN, _context(bundle), MAX_BYTES, "personal model"))
    except FormatError as error:
        raise FormatError(f"{error}: no personal model of {identity.name!r} that goes with this bundle") from None
    except GraphError as error:
        raise FormatError(f"the personal model {path} is damaged: {quote(str(error))}") from None


def _context(bundle: Bundle) -> bytes:
    return hashlib.sha256(bundle.encode()).digest()

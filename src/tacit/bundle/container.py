"""The container: the bytes of a bundle, cut into sections. It knows lengths and order, not meanings.

    offset   bytes        what
    0        8            magic: 89 54 41 43 49 54 0D 0A (as in PNG, text-mode copying shows)
    8        4            version, 1
    12       4            number of sections, n
    16       12 n         section table: kind (4 bytes) and length (8 bytes) of each section
    16+12n   the rest     the sections, one after the other, without gaps

Integers are unsigned, most significant byte first. Sections come in the order of their kinds: 1 the agreement, 2
public identities, 3 signatures of the agreement, 4 the manifest, 5 signatures of the manifest, 6 the payload. Kinds
1, 4 and 6 come exactly once. There is no padding, no trailer and no optional field, so one bundle has one form.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

from tacit.bundle import manifest
from tacit.errors import FormatError
from tacit.keys import public
from tacit.study import signatures, text

MAGIC = b"\x89TACIT\r\n"
VERSION = 1
MAX_BYTES = 2**30
MAX_SECTIONS = 1024

AGREEMENT, IDENTITY, AGREEMENT_SIGNATURE, MANIFEST, MANIFEST_SIGNATURE, PAYLOAD = range(1, 7)

_HEADER = struct.Struct(">8sII")
_ROW = struct.Struct(">IQ")
_LONGEST = {
    AGREEMENT: text.MAX_BYTES,
    IDENTITY: public.MAX_FILE_BYTES,
    AGREEMENT_SIGNATURE: signatures.MAX_BYTES,
    MANIFEST: manifest.MAX_BYTES,
    MANIFEST_SIGNATURE: public.SIGNATURE_BYTES,
    PAYLOAD: MAX_BYTES,
}
_NAMES = {
    AGREEMENT: "agreement",
    IDENTITY: "public identity",
    AGREEMENT_SIGNATURE: "signature of the agreement",
    MANIFEST: "manifest",
    MANIFEST_SIGNATURE: "signature of the manifest",
    PAYLOAD: "payload",
}


class Sections(NamedTuple):
    """The parts of a bundle, as bytes. Identities and signatures are in the order of the agreement."""

    agreement: bytes
    identities: tuple[bytes, ...]
    agreement_signatures: tuple[bytes, ...]
    manifest: bytes
    manifest_signatures: tuple[bytes, ...]
    payload: bytes


def pack(sections: Sections) -> bytes:
    """Return the bundle's bytes.

    Raises:
        FormatError: a section, their number or the whole is larger than a bundle may have.
    """
    rows = [
        (AGREEMENT, sections.agreement),
        *((IDENTITY, item) for item in sections.identities),
        *((AGREEMENT_SIGNATURE, item) for item in sections.agreement_signatures),
        (MANIFEST, sections.manifest),
        *((MANIFEST_SIGNATURE, item) for item in sections.manifest_signatures),
        (PAYLOAD, sections.payload),
    ]
    table = [(kind, len(content)) for kind, content in rows]
    _check_table(table)
    head = _HEADER.pack(MAGIC, VERSION, len(rows)) + b"".join(_ROW.pack(*row) for row in table)
    _check_total(len(head) + sum(length for _, length in table))
    return b"".join((head, *(content for _, content in rows)))


def unpack(data: bytes) -> Sections:
    """Return the sections of the bundle's bytes; no others have these sections.

    Raises:
        FormatError: not a bundle, of another version, truncated, extended, or out of order.
    """
    _check_total(len(data))
    table, start = _read_table(data)
    if start + sum(length for _, length in table) != len(data):
        raise FormatError("the bundle is truncated or extended: its sections do not add up to its length")
    parts: dict[int, list[bytes]] = {kind: [] for kind in _NAMES}
    for kind, length in table:
        parts[kind].append(data[start : start + length])
        start += length
    return Sections(
        parts[AGREEMENT][0],
        tuple(parts[IDENTITY]),
        tuple(parts[AGREEMENT_SIGNATURE]),
        parts[MANIFEST][0],
        tuple(parts[MANIFEST_SIGNATURE]),
        parts[PAYLOAD][0],
    )


def _read_table(data: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return the section table, checked, and where it ends."""
    if not data.startswith(MAGIC):
        raise FormatError("this is no bundle: it does not begin like one (or it was copied as text)")
    if len(data) < _HEADER.size:
        raise FormatError("the bundle is truncated: it ends within its header")
    _, version, count = _HEADER.unpack_from(data)
    if version != VERSION:
        raise FormatError(f"bundle of version {version}; this program reads version {VERSION}")
    if count > MAX_SECTIONS:
        raise FormatError(f"the bundle declares {count} sections; at most {MAX_SECTIONS} can be")
    end = _HEADER.size + count * _ROW.size
    if len(data) < end:
        raise FormatError("the bundle is truncated: it ends within its section table")
    table = list(_ROW.iter_unpack(data[_HEADER.size : end]))
    _check_table(table)
    return table, end


def _check_table(table: list[tuple[int, int]]) -> None:
    if len(table) > MAX_SECTIONS:
        raise FormatError(f"the bundle has {len(table)} sections; at most {MAX_SECTIONS} can be")
    kinds = [kind for kind, _ in table]
    unknown = sorted(set(kinds) - set(_NAMES))
    if unknown:
        raise FormatError(f"the bundle has sections of the unknown kinds {unknown}")
    if kinds != sorted(kinds):
        raise FormatError("the bundle's sections are out of order")
    for kind in (AGREEMENT, MANIFEST, PAYLOAD):
        if Counter(kinds)[kind] != 1:
            raise FormatError(f"the bundle has {Counter(kinds)[kind]} sections of kind {_NAMES[kind]}, not one")
    for kind, length in table:
        if length > _LONGEST[kind]:
            raise FormatError(f"the bundle declares a {_NAMES[kind]} of {length} bytes; none is that large")


def _check_total(size: int) -> None:
    if size > MAX_BYTES:
        raise FormatError(f"the bundle is larger than {MAX_BYTES} bytes, which none can be")

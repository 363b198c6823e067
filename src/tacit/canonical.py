"""Canonical JSON: the one byte string that stands for a value, so that it can be signed and hashed.

Keys sorted, no white space, shortest number forms, UTF-8; bytes travel as base64 (`msgspec`'s form). A decoder
accepts exactly the bytes that `encode` would produce, so no two byte strings carry the same signed value
(in the spirit of RFC 8785).
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tacit.errors import FormatError

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """Return the canonical JSON of `value` (a `msgspec.Struct`, dict, list or scalar)."""
    return msgspec.json.encode(value, order="sorted")


def decode(data: bytes, kind: type[T], what: str) -> T:
    """Return the `kind` that `data` is the canonical JSON of; `what` names the thing in errors.

    Raises:
        FormatError: not JSON, not of this type, or not in canonical form.
    """
    try:
        value = msgspec.json.decode(data, type=kind, strict=True)
        if encode(value) == data:
            return value
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
        raise FormatError(f"{what} cannot be read: {error}") from None
    raise FormatError(f"{what} is not in canonical form: it was edited or written by something else")

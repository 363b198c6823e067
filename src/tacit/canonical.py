"""Canonical JSON: the one byte string that stands for a value, so that it can be signed and hashed.

Keys sorted, no white space, shortest number forms, UTF-8; bytes travel as base64 (`msgspec`'s form). A decoder
accepts exactly the bytes that `encode` would produce, so no two byte strings carry the same signed value
(in the spirit of RFC 8785).
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import msgspec

from tacit.errors import FormatError

T = TypeVar("T")

QUOTED_CHARACTERS = 160


def encode(value: Any) -> bytes:
    """Return the canonical JSON of `value` (a `msgspec.Struct`, dict, list or scalar).

    Raises:
        ValueError: a number in it is not finite: JSON has none such, and `null` would be signed in its place.
    """
    data = msgspec.json.encode(value, order="sorted")
    if b"null" in data and not _finite(msgspec.to_builtins(value)):
        raise ValueError("a number that is not finite has no canonical form")
    return data


def decode(data: bytes, kind: type[T], what: str) -> T:
    """Return the `kind` that `data` is the canonical JSON of; `what` names the thing in errors.

    Raises:
        FormatError: not JSON, not of this type, or not in canonical form.
    """
    try:
        value = msgspec.json.decode(data, type=kind, strict=True)
        if encode(value) == data:
            return value
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
        raise FormatError(f"{what} cannot be read: {quote(str(error))}") from None
    raise FormatError(f"{what} is not in canonical form: it was edited or written by something else")


def quote(text: str) -> str:
    """Return `text`, which a stranger may have chosen, fit for an error message: one line, ASCII, not long."""
    plain = ascii(text)[1:-1]
    return plain if len(plain) <= QUOTED_CHARACTERS else plain[:QUOTED_CHARACTERS] + "..."


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_finite(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_finite(each) for each in value)
    return not isinstance(value, float) or math.isfinite(value)

"""Typed messages as msgpack: what one party says to another, and nothing that the receiver did not expect.

A kind of message is a frozen, tagged `msgspec.Struct` that forbids unknown fields:

    class Shares(msgspec.Struct, tag="shares", frozen=True, forbid_unknown_fields=True):
        round: int
        data: bytes

One value has one encoding: `decode` encodes what it read and compares, so longer integers, doubled keys, half floats,
left-out defaults, unsorted keys and extra bytes are refused, and what is signed or counted is what was sent. Sets
are refused as fields, and keys that are not text: use a sorted tuple. A field of type `float` must hold a float, as `1`
would be read as `1.0`.

Decoding takes time linear in the bytes; memory is allocated as elements arrive, never from a declared length. One
byte can still stand for some 70 bytes of Python objects (an empty list in a list): where that matters, bound a
sequence by `Annotated[list[...], msgspec.Meta(max_length=...)]`, or send arrays as `bytes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from tacit.canonical import quote
from tacit.errors import ProtocolError

T = TypeVar("T", bound=msgspec.Struct)

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, RecursionError)


def encode(message: msgspec.Struct) -> bytes:
    """Return the msgpack of `message`.

    Raises:
        TypeError: `message` is not of a kind that can be sent; the programmer's error, not a party's.
    """
    check_kind(type(message))
    return _ENCODER.encode(message)


def decode(data: bytes | bytearray, kind: type[T], *, sender: str, step: str) -> T:
    """Return the `kind` that `data` encodes; `sender` is to blame in `step` where it does not.

    Raises:
        ProtocolError: not msgpack, not this kind, trailing bytes, or not the one encoding of its value.
        TypeError: `kind` is not of a kind that can be sent.
    """
    decoder = _decoder(kind)
    try:
        message: T = decoder.decode(data)
        canonical = _ENCODER.encode(message) == data
    except _UNREADABLE as error:
        reason = quote(str(error))
        raise ProtocolError(f"sent no readable {kind.__name__}: {reason}", culprit=sender, step=step) from None
    if not canonical:
        raise ProtocolError(f"sent a {kind.__name__} in another than its one encoding", culprit=sender, step=step)
    return message


@cache
def check_kind(kind: type) -> None:
    """Check that values of `kind` can be sent; raises TypeError that says what is missing."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise TypeError(f"{kind!r} is not a message: derive it from msgspec.Struct")
    config = kind.__struct_config__
    if config.tag is None or not config.frozen or not config.forbid_unknown_fields:
        raise TypeError(f"{kind.__name__} is not a message: set tag=..., frozen=True, forbid_unknown_fields=True")
    for part in _parts(inspect.type_info(kind), []):
        if isinstance(part, inspect.SetType | inspect.FrozenSetType):
            raise TypeError(f"{kind.__name__} holds a set, which has no order of its own: use a sorted tuple")
        if isinstance(part, inspect.DictType) and not isinstance(part.key_type, inspect.StrType):
            raise TypeError(f"{kind.__name__} holds a dict whose keys are not str: use a sorted tuple of pairs")


@cache
def _decoder(kind: type[T]) -> msgspec.msgpack.Decoder[T]:
    check_kind(kind)
    return msgspec.msgpack.Decoder(kind, strict=True)


def _parts(info: Any, seen: list[Any]) -> Iterator[Any]:
    """Yield `info` and every type within it."""
    if isinstance(info, tuple):
        for each in info:
            yield from _parts(each, seen)
    elif isinstance(info, inspect.Type | inspect.Field) and not any(info is each for each in seen):
        seen.append(info)
        yield info
        for name in info.__struct_fields__:
            yield from _parts(getattr(info, name), seen)

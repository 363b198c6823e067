"""What the three parties say to one another."""

from __future__ import annotations

from typing import Annotated

import msgspec


class Hello(msgspec.Struct, tag="mpc hello", frozen=True, forbid_unknown_fields=True):
    """The first message of a session: what it is about, and this party's randomness for the key of a component."""

    session: Annotated[str, msgspec.Meta(max_length=4096)]
    terms: Annotated[str, msgspec.Meta(max_length=4096)]
    randomness: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]

    def __repr__(self) -> str:
        return f"Hello({self.session!r}, {self.terms!r}, secret)"


class Round(msgspec.Struct, tag="mpc round", frozen=True, forbid_unknown_fields=True):
    """One round, or a part of one: its number, from 0 on, and the bytes of its arrays in turn, little-endian."""

    number: int
    data: bytes

    def __repr__(self) -> str:
        return f"Round({self.number}, secret, {len(self.data)} bytes)"

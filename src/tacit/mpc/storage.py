"""Shares on disk: what a party keeps of an unfinished computation, so that it can go on after a machine has stopped.

After each epoch a party writes down its shares with the number of the epoch, in a file sealed to its own identity.
Two epochs are kept, since one party may have ended an epoch when another had not. Three parties that meet again go on
after the last epoch that all of them hold, under fresh keys, once both holders of each component have found that they
hold the same: shares of one epoch from two sessions do not fit together. A share that a corrupt party changed
meanwhile is like an error that it adds to a product: what uses it is verified against the components that the others
hold (docs/protocols/mpc.md). In active mode only what was verified is kept, since the claims about it are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tacit.errors import FormatError, ProtocolError
from tacit.keys import Identity
from tacit.keys.sealed_file import read_sealed, write_sealed
from tacit.mpc.exchange import Array, Exchange, Protocol, Wanted
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Words

DOMAIN = "shares of a computation"
FORMAT = "tacit-shares/1"
KEPT = 2
MAX_BYTES = 2**32
NOTHING = 0
DIGEST = 32  # bytes

Shares = Mapping[str, Arithmetic]


class _Epoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    number: int
    arrays: bytes

    def __repr__(self) -> str:
        return f"_Epoch({self.number}, secret)"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    format: str
    epochs: tuple[_Epoch, ...]


class Storage:
    """One party's file of shares for one computation; `context` says which, such as the digest of the agreement."""

    def __init__(self, path: Path, identity: Identity, context: bytes) -> None:
        """Read the file, if there is one; raises FormatError where it is damaged or another's."""
        self._path, self._identity, self._context = path, identity, context
        self._epochs: tuple[_Epoch, ...] = self._read() if path.exists() else ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The epochs that are held, the newest first; 0, the beginning, is always one."""
        return (*(epoch.number for epoch in self._epochs), NOTHING)

    def keep(self, number: int, shares: Shares) -> None:
        """Write down the shares after epoch `number`, 1 or more; the oldest of three is forgotten."""
        arrays = {
            f"{name}.{part}": np.ascontiguousarray(getattr(share, part))
            for name, share in shares.items()
            for part in ("own", "next")
        }
        earlier = tuple(epoch for epoch in self._epochs if epoch.number < number)
        self._epochs = (_Epoch(number, save(arrays)), *earlier)[:KEPT]
        body = msgspec.msgpack.encode(_File(FORMAT, self._epochs))
        write_sealed(self._path, self._identity, DOMAIN, self._context, body)

    def shares(self, number: int) -> dict[str, Arithmetic]:
        """The shares after epoch `number`, one of `numbers` above 0; raises FormatError where they are damaged."""
        epoch = next(epoch for epoch in self._epochs if epoch.number == number)
        try:
            arrays = load(epoch.arrays)
            names = sorted({name.rpartition(".")[0] for name in arrays})
            return {name: Arithmetic(arrays[f"{name}.own"], arrays[f"{name}.next"]) for name in names}
        except (SafetensorError, KeyError, ValueError) as error:
            raise FormatError(
                f"the shares in {self._path} cannot be read ({type(error).__name__}): {_REMEDY}"
            ) from None

    def forget(self) -> None:
        """Remove the file: the computation is done."""
        self._epochs = ()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _read(self) -> tuple[_Epoch, ...]:
        body = read_sealed(self._path, self._identity, DOMAIN, self._context, MAX_BYTES, "file of shares")
        try:
            file = msgspec.msgpack.decode(body, type=_File)
        except msgspec.MsgspecError:
            raise FormatError(f"the file of shares {self._path} cannot be read: {_REMEDY}") from None
        if file.format != FORMAT:
            raise FormatError(f"the file of shares {self._path} is of another version: {_REMEDY}")
        return file.epochs

    def __repr__(self) -> str:
        return f"Storage({self._identity.name!r}, epochs {self.numbers}, secret)"


def common_epoch(party: Party, numbers: tuple[int, ...]) -> Protocol[int]:
    """The newest epoch that all three hold, of this party's `numbers`; 0 is the beginning.

    2 rounds, 24 bytes to either neighbour: what each holds, then what each has concluded. A party that told its
    neighbours different things stops the session with a ProtocolError.
    """
    held = np.zeros(KEPT, dtype=np.uint64)
    held[: len(numbers[:KEPT])] = numbers[:KEPT]
    wanted = (Wanted((KEPT,)),)
    answer = yield Exchange((held,), (held,), wanted, wanted)
    theirs = [{int(number) for number in arrays[0]} for arrays in (answer.from_previous, answer.from_next)]
    chosen = max(set(numbers) & theirs[0] & theirs[1], default=NOTHING)
    said, one = (np.array([chosen], dtype=np.uint64),), (Wanted((1,)),)
    answer = yield Exchange(said, said, one, one)
    for name, arrays in ((party.previous, answer.from_previous), (party.next, answer.from_next)):
        if int(arrays[0][0]) != chosen:
            raise ProtocolError(
                f"goes on after epoch {arrays[0][0]} where {chosen} is the last that all have: one party told its two "
                "neighbours different things",
                culprit=name,
                step="resuming",
            )
    return chosen


def check_same(party: Party, shares: Shares) -> Protocol[None]:
    """Stop with a ProtocolError unless both holders of each component of `shares` hold the same.

    1 round, 32 bytes to either neighbour: of each component its digest, to the party that holds it as well.
    """
    own, following = _digest(shares, "own"), _digest(shares, "next")
    wanted = (Wanted((DIGEST,), np.uint8),)
    answer = yield Exchange((own,), (following,), wanted, wanted)
    for name, arrays, mine in ((party.previous, answer.from_previous, own), (party.next, answer.from_next, following)):
        if not np.array_equal(arrays[0], mine):
            raise ProtocolError(
                "holds shares of this epoch that do not fit: they are of another session, or were changed; remove the "
                "files of shares at all three to begin anew",
                culprit=name,
                step="resuming",
            )


def _digest(shares: Shares, part: Literal["own", "next"]) -> Array:
    found = hashlib.sha256(_DOMAIN)
    for name, share in sorted(shares.items()):
        component: Words = getattr(share, part)
        found.update(msgspec.msgpack.encode((name, component.shape)))
        found.update(np.ascontiguousarray(component, dtype="<u8").data)
    return np.frombuffer(found.digest(), dtype=np.uint8)


_DOMAIN = b"tacit mpc kept component"
_REMEDY = "remove it to begin anew"

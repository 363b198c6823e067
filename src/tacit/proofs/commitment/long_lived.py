"""What an owner keeps of a long-lived commitment: its key, and how often it was used.

Every proof shows some columns of the commitment. It is made for a number of proofs; that many sets of columns are
uniform, one more might not be. So a use is counted, in the file where there is one, before its proof is made, and the
next beyond the number is refused. A copy of the file is counted by itself: keep one.

The file is mode 0600, and sealed to its owner's identity where one is given (`keys.sealed_file`).
"""

from __future__ import annotations

import fcntl
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from tacit.errors import FormatError, ProofError
from tacit.files import read_bounded, write_atomically
from tacit.keys import Identity
from tacit.keys.sealed_file import read_sealed, write_sealed
from tacit.proofs.argument.prover import Opened
from tacit.proofs.argument.verifier import Commitment
from tacit.proofs.commitment.parameters import MOST_USES, Code
from tacit.proofs.commitment.prover import commit, rows_of
from tacit.proofs.commitment.randomness import KEY, Randomness
from tacit.proofs.field import Words

Key = Annotated[bytes, msgspec.Meta(min_length=KEY, max_length=KEY)]
Uses = Annotated[int, msgspec.Meta(ge=0, le=MOST_USES)]

DOMAIN = "committed secret"
MAX_BYTES = 2**33

T = TypeVar("T")


class _Used(msgspec.Struct, frozen=True):
    """secret of a commitment"""

    used: Uses


class LongLived(ABC):
    """The owner's side: `opened` is what a prover needs, `commitment` what is public. Its repr shows no secret."""

    opened: Opened

    def __init__(self, key: bytes, uses: int, used: int, path: Path | None, identity: Identity | None = None) -> None:
        if not 0 <= uses <= MOST_USES:
            raise ProofError(f"a commitment is for 1 to {MOST_USES} proofs, or 0 to hide nothing, not {uses}")
        self._key, self._uses, self._used, self._path = key, uses, used, path
        self._identity = identity

    @property
    @abstractmethod
    def commitment(self) -> Commitment:
        """The public side."""

    @abstractmethod
    def _secret(self) -> bytes:
        """What the file holds."""

    @property
    def left(self) -> int:
        """How many proofs may still be made."""
        return self._uses - self._used

    def spend(self) -> None:
        """Count one proof, before it is made; ProofError when none is left. Processes take turns at the file."""
        if not self._uses:
            return
        if self._path is None:
            self._count()
            return
        with self._path.with_name(f"{self._path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._used = max(self._used, read(self._path, _Used, self._identity).used)
            self._count()
            self._write()

    def save(self, path: Path, identity: Identity | None = None) -> None:
        """Write the secret, sealed to its owner's `identity` if there is one; from now on uses are counted there."""
        self._path, self._identity = path, identity
        self._write()

    def _count(self) -> None:
        if self.left <= 0:
            raise ProofError(
                f"{self.commitment.source.name}'s commitment was made for {self._uses} proofs, and all are made;"
                " commit to it anew"
            )
        self._used += 1

    def _write(self) -> None:
        assert self._path is not None
        if self._identity is None:
            write_atomically(self._path, self._secret(), mode=0o600)
        else:
            write_sealed(self._path, self._identity, DOMAIN, b"", self._secret())

    def _commit(self, values: Words, code: Code) -> Opened:
        randomness = Randomness(self._key) if self._uses else None
        return Opened(values, commit(rows_of(values, code), code, randomness, masked=False))

    def __repr__(self) -> str:
        root = (self.commitment.source.root or b"").hex()[:16]
        return f"{type(self).__name__}(root={root}..., {self.left} of {self._uses} proofs left)"


def read(path: Path, kind: type[T], identity: Identity | None = None) -> T:
    """The secret in a file, sealed to `identity` if there is one; FormatError where it holds none of this kind."""
    if identity is None:
        data = read_bounded(path, MAX_BYTES, str(kind.__doc__))
    else:
        data = read_sealed(path, identity, DOMAIN, b"", MAX_BYTES, str(kind.__doc__))
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise FormatError(f"{path}: no {kind.__doc__}: {type(error).__name__}") from None

"""A certificate, `NAME.proof`: what is claimed, of which commitments, in which context, and the proof of it.

msgpack of fixed form: the same certificate always has the same bytes, and every other byte string is refused. It
holds all that its verification needs, but for one thing: that the commitments in it are those of the model and the
data that its reader means. Whoever reads it compares them with commitments that it was given in another way (a
bundle, a contract, a public log).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tacit.errors import FormatError, ProofError
from tacit.files import read_bounded, write_atomically
from tacit.proofs.certificate.kinds import kind_of
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.soundness import Report
from tacit.proofs.statements.statement import Statement, verify

VERSION = "tacit.certificate/1"
MAX_BYTES = 2**30
MOST_CONTEXT = 4096

_Commitment = Annotated[bytes, msgspec.Meta(max_length=2**26)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    version: str
    kind: Annotated[str, msgspec.Meta(max_length=64)]
    model: _Commitment
    data: _Commitment
    parts: bytes
    context: Annotated[bytes, msgspec.Meta(max_length=MOST_CONTEXT)]
    proof: bytes


@dataclass(frozen=True, repr=False)
class Certificate:
    """A statement with its proof; nothing in it is believed before `verify`."""

    kind: str
    model: ModelCommitment
    data: SetCommitment | None
    parts: Any
    context: bytes
    proof: bytes

    @classmethod
    def of(cls, statement: Statement, proof: bytes, context: bytes = b"") -> Certificate:
        """The certificate of a statement about committed things, from what `prove` returned for it."""
        kind = kind_of(statement.kind)
        data = getattr(statement, "data", None)
        if data is not None and not isinstance(data, SetCommitment):
            raise ProofError("a certificate is of a committed data set: a public one is given to `verify` as it is")
        model = next(each for each in statement.committed if isinstance(each, ModelCommitment))
        return cls(statement.kind, model, data, kind.apart(statement), context, proof)

    @classmethod
    def decode(cls, data: bytes) -> Certificate:
        """What `encode` wrote; FormatError or ProofError for any other bytes, in bounded time and memory."""
        file = _decoded(data, _File)
        if file.version != VERSION:
            raise FormatError(f"a certificate of version {file.version!r}; this one reads {VERSION!r}")
        kind = kind_of(file.kind)
        if kind.needs_data != bool(file.data):
            raise FormatError(
                f"the certificate: a statement of {file.kind} is {'' if kind.needs_data else 'not '}about data"
            )
        committed = SetCommitment.from_bytes(file.data) if file.data else None
        parts = _decoded(file.parts, kind.parts)
        return cls(file.kind, ModelCommitment.from_bytes(file.model), committed, parts, file.context, file.proof)

    def encode(self) -> bytes:
        """The bytes of the file."""
        data = b"" if self.data is None else self.data.to_bytes()
        parts = msgspec.msgpack.encode(self.parts)
        return msgspec.msgpack.encode(
            _File(VERSION, self.kind, self.model.to_bytes(), data, parts, self.context, self.proof)
        )

    @classmethod
    def load(cls, path: Path) -> Certificate:
        """Read a certificate; the error names the file."""
        try:
            return cls.decode(read_bounded(path, MAX_BYTES, "certificate"))
        except (FormatError, ProofError) as error:
            raise type(error)(f"{path}: {error}") from None

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write_atomically(path, self.encode())

    @cached_property
    def statement(self) -> Statement:
        """The statement, made from what is public of it; ProofError where there is no such statement."""
        return kind_of(self.kind).together(self.model, self.data, self.parts)

    def verify(self, expected: Iterable[bytes] = (), context: bytes | None = None) -> Report:
        """How sound the proof is; ProofError, naming the check that failed, where it proves nothing.

        Args:
            expected: commitments (`to_bytes`) that the certificate has to be about, each of them.
            context: what the verifier had the proof bound to, such as its nonce; None takes the one in the certificate.
        """
        own = [self.model.to_bytes(), *(() if self.data is None else (self.data.to_bytes(),))]
        if any(each not in own for each in expected):
            raise ProofError("the certificate is about another commitment than the one it was to be about")
        if context is not None and context != self.context:
            raise ProofError(
                "the certificate was made for another context: it answers another question, or an earlier one"
            )
        return verify(self.statement, self.proof, context=self.context)

    def __repr__(self) -> str:
        return f"Certificate({self.kind}, {len(self.proof)} bytes of proof)"


def _decoded(data: bytes, kind: type[Any]) -> Any:
    try:
        found = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise FormatError(f"no certificate: {error}") from None
    if msgspec.msgpack.encode(found) != data:
        raise FormatError("no certificate: it is written in another form than the only one")
    return found

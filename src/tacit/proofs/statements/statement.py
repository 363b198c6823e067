"""What a statement is, and its verification: the transcript's beginning, then the argument.

A statement is made from public things alone, and both sides make it. Its `instance` names all that it is about; the
session id names protocol, encoding, hash and use. The instance begins with the roots of the commitments; after it as
many zero bytes are absorbed as the statement's circuit has gates (docs/protocols/proofs.md).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tacit import canonical
from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.proofs.argument import verifier
from tacit.proofs.argument.claims import Claims
from tacit.proofs.argument.verifier import Commitment, Source
from tacit.proofs.channel import Receiver
from tacit.proofs.commitment.parameters import choose
from tacit.proofs.layers import digits
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.plan import Planning
from tacit.proofs.soundness import Report
from tacit.proofs.transcript import Coins, VerifierTranscript, session_id

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

PROTOCOL = b"tacit proofs 1"
CODECS = b"goldilocks little-endian, quadratic extension by 7"
SUITE = b"SHAKE128, BLAKE3, Ligero unique decoding"
MOST_GATES = 2**30
TAKEN_FOR_GRANTED = "It takes for granted that a well-formed model was committed to, which is a statement of its own."


class Statement(ABC):
    """committed: what it is about, in the order of the sources after the witness.

    It is proved in zero knowledge where the commitments hide, and in clear where they do not.
    """

    kind: ClassVar[str]

    def __init__(self, planning: Planning, *committed: Commitment) -> None:
        self.planning, self.committed = planning, committed
        self.hidden = committed[0].uses > 0
        if any((each.uses > 0) != self.hidden for each in committed):
            raise ProofError("of the commitments, some hide and some do not: commit to all of them alike")

    @abstractmethod
    def said(self) -> dict[str, object]:
        """What is public of this statement beside the commitments: for the instance."""

    @abstractmethod
    def sentence(self) -> str:
        """The statement for people, in one or two sentences, with what it does not say."""

    @abstractmethod
    def gates(self) -> int:
        """How many gates its circuit has, about."""

    @abstractmethod
    def check(self, verifying: Verifying) -> None:
        """The statement's own checks, up to claims; the digits are checked after them."""

    @abstractmethod
    def evaluate(self, values: Values) -> None:
        """Compute the witness; ProofError where the statement is false."""

    @abstractmethod
    def follow(self, proving: Proving) -> None:
        """Send what `check` reads."""

    def core(self, receiver: Receiver, claims: Claims) -> None:
        """All checks, up to claims."""
        verifying = Verifying(receiver, claims)
        self.check(verifying)
        digits.verify(verifying, self.planning.witness)

    def sources(self) -> list[Source]:
        """The witness, and what is committed."""
        witness = Source("the witness", choose(self.planning.witness.values, int(self.hidden)))
        return [witness, *(each.source for each in self.committed)]

    def lookups(self) -> int:
        """The soundness error of all lookups, in values of a challenge."""
        return digits.unsound(self.planning.witness) + self.own_lookups()

    def own_lookups(self) -> int:
        """That of the statement's own lookups, beside that of digits."""
        return 0

    def soundness(self) -> Report:
        """How sound a proof is, before there is one."""
        return verifier.rehearse(self.core, self.sources(), self.lookups())[1]

    def session(self, context: bytes) -> bytes:
        """The session id; context: what the verifier binds the proof to, such as a nonce."""
        application = self.kind.encode() + b"\0" + context
        return session_id(protocol=PROTOCOL, codecs=CODECS, suite=SUITE, application=application)

    def instance(self) -> bytes:
        """The roots, then all that the statement is about, as canonical JSON."""
        roots = b"".join(each.source.root or b"" for each in self.committed)
        committed = [hashlib.sha256(each.to_bytes()).digest() for each in self.committed]
        return roots + canonical.encode({"committed": committed, "statement": self.kind, **self.said()})

    def zeros(self) -> int:
        """How many zero bytes are absorbed; ProofError where the statement is too large."""
        if self.gates() > MOST_GATES:
            raise ProofError(f"the statement has {self.gates()} gates; the most are {MOST_GATES}")
        return self.gates()


def verify(statement: Statement, proof: bytes, *, context: bytes = b"", coins: Coins | None = None) -> Report:
    """ProofError, naming the check that failed, unless `proof` shows the statement in this context.

    coins: the verifier's own, in an interactive proof. Returns how sound the proof is.
    """
    transcript = VerifierTranscript(statement.session(context), statement.instance(), proof, coins)
    transcript.absorb_zeros(statement.zeros())
    return verifier.verify(transcript, statement.core, statement.sources(), statement.lookups())


def digest(integers: Ints) -> dict[str, object]:
    """Public integers as an instance has them: shape, and SHA-256 of the little-endian words."""
    data = integers.astype("<i8").tobytes()
    return {"shape": list(integers.shape), "sha256": hashlib.sha256(data).digest()}

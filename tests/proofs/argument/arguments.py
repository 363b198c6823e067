"""A small statement to argue about: values of a hidden vector and of a long-lived one, and a product of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tacit.proofs import multilinear
from tacit.proofs.argument import prover, verifier
from tacit.proofs.argument.claims import Block, Claims, Point, Term
from tacit.proofs.argument.prover import Opened
from tacit.proofs.argument.verifier import Source
from tacit.proofs.channel import Receiver, Sender, Value
from tacit.proofs.commitment.parameters import choose
from tacit.proofs.commitment.prover import commit, rows_of
from tacit.proofs.commitment.randomness import Randomness, fresh_key
from tacit.proofs.field import ONE, Element, Words
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

from ..conversation import INSTANCE, SESSION, draw

WITNESS_BLOCK, MODEL_BLOCK = Block(0, 8, 3), Block(1, 64, 6)


@dataclass
class Case:
    """The witness' second block of 8 and the model's second of 64, at drawn points, multiply to `product`, sent too."""

    hidden: bool
    witness: Words
    model: Words

    def __post_init__(self) -> None:
        code = choose(len(self.model), 2 * self.hidden)
        randomness = Randomness(fresh_key()) if self.hidden else None
        matrix = commit(rows_of(self.model, code), code, randomness, masked=False)
        self.vectors = [Opened(self.witness), Opened(self.model, matrix)]
        self.sources = [
            Source("the witness", choose(len(self.witness), int(self.hidden))),
            Source("the model", code, matrix.root),
        ]

    def core(self, receiver: Receiver, claims: Claims) -> None:
        points = self.points(receiver.challenge)
        values: list[Value] = receiver.receive(2)
        (product,) = receiver.receive(1)
        for block, point, value in zip((WITNESS_BLOCK, MODEL_BLOCK), points, values, strict=True):
            claims.add([Term(ONE, block, point)], value)
        receiver.require_zero(receiver.multiply(*values) - product, "the product")

    def converse(self, sender: Sender) -> None:
        points = self.points(sender.challenge)
        values = [
            multilinear.evaluate(vector[block.offset : block.offset + (1 << block.variables)], point)
            for vector, block, point in zip(
                (self.witness, self.model), (WITNESS_BLOCK, MODEL_BLOCK), points, strict=True
            )
        ]
        sender.send(values)
        sender.send([values[0] * values[1]])

    def points(self, challenge: Callable[[], Element]) -> list[Point]:
        return [tuple(challenge() for _ in range(block.variables)) for block in (WITNESS_BLOCK, MODEL_BLOCK)]

    def prove(self, converse: Callable[[Sender], None] | None = None) -> bytes:
        told = ProverTranscript(SESSION, INSTANCE)
        prover.prove(told, self.core, converse or self.converse, self.sources, self.vectors)
        return told.proof()

    def verify(self, proof: bytes) -> verifier.Report:
        heard = VerifierTranscript(SESSION, INSTANCE, proof)
        return verifier.verify(heard, self.core, self.sources, 0)


def case(hidden: bool, seed: int = 1) -> Case:
    return Case(hidden, draw(seed, 23), draw(seed + 1, 130))


class Bent:
    """A sender that changes one of the values that it is given."""

    def __init__(self, sender: Sender, place: int) -> None:
        self.sender, self.left = sender, place

    def send(self, values: list[Element]) -> None:
        bent = [value + 1 if self.left - i == 0 else value for i, value in enumerate(values)]
        self.left -= len(values)
        self.sender.send(bent)

    def challenge(self) -> Element:
        return self.sender.challenge()

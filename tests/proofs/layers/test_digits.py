"""Digits: the lookup is about what is committed, and about multiplicities fixed before its challenge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.errors import ProofError
from tacit.graph import Linear
from tacit.proofs.argument.claims import Claims
from tacit.proofs.channel import ClearReceiver, ClearSender, Sender
from tacit.proofs.field import MODULUS, Element, Words
from tacit.proofs.layers import digits
from tacit.proofs.layers.proving import Proving
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.plan import Witness
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

from ..models import graph_of, rows_for
from .unbound import INSTANCE, SESSION, Unbound, _holds


class Watching:
    """A sender that remembers the challenges."""

    def __init__(self, sender: Sender) -> None:
        self.sender, self.heard = sender, list[Element]()

    def send(self, values: list[Element]) -> None:
        self.sender.send(values)

    def challenge(self) -> Element:
        self.heard.append(self.sender.challenge())
        return self.heard[-1]


class Forger:
    """Commits to a region with a word that is no digit, and may look up other words, and other multiplicities."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        graph = graph_of([Linear.of(rng.normal(size=(2, 3)))], (3,))
        self.made = Unbound(graph, rows_for(graph, 2))
        self.plan: Witness = self.made.claim.planning.witness
        self.witness = self.made.values.vector()

    def accepted(self, looked_up: Callable[[list[Element]], Words] | Words) -> bool:
        """Whether digits.verify accepts, its claims holding of `self.witness`; `looked_up`: the vector of the lookup.

        A function is given the challenges that are drawn before the lookup's first message: all in a first run.
        """
        heard = self.run(self.witness)[0] if callable(looked_up) else []
        proof = self.run(looked_up(heard) if callable(looked_up) else looked_up)[1]
        claims = Claims(2)
        try:
            transcript = VerifierTranscript(SESSION, INSTANCE, proof)
            digits.verify(Verifying(ClearReceiver(transcript), claims), self.plan)
            transcript.finish()
        except ProofError:
            return False
        return _holds(claims, 0, self.witness)

    def run(self, vector: Words) -> tuple[list[Element], bytes]:
        told = ProverTranscript(SESSION, INSTANCE)
        watching = Watching(ClearSender(told))
        digits.prove(Proving(watching, self.made.values, [vector]), self.plan)
        return watching.heard, told.proof()

    def drawn_before(self) -> int:
        """How many challenges are drawn before the lookup's."""
        found = [digit for limbs in self.plan.limbs() for digit in self.plan.digits(limbs.name) if digit.moved]
        return max((digit.block.variables for digit in found), default=0)

    def spoil(self) -> None:
        self.witness[1] = 2**40 + 3


def test_an_honest_prover_is_accepted() -> None:
    forger = Forger()
    assert forger.accepted(forger.witness)


def test_a_lookup_of_other_words_than_the_committed_ones_is_refused() -> None:
    forger = Forger()
    honest = forger.witness.copy()
    forger.spoil()
    assert not forger.accepted(honest)


def test_multiplicities_chosen_after_the_challenge_are_refused() -> None:
    """With alpha known, two multiplicities can make both sums equal, whatever is looked up."""
    forger = Forger()
    forger.spoil()
    size, start = 1 << forger.plan.digit_bits, forger.plan.multiplicities.offset
    region = forger.witness[: 1 << forger.plan.region.variables]

    def chosen(heard: list[Element]) -> Words:
        alpha = heard[forger.drawn_before()]
        wanted = sum(((alpha - int(word)).inverse() for word in region.tolist()), Element(0))
        counts = np.zeros(size, dtype=np.uint64)
        first, second = alpha.inverse(), (alpha - 1).inverse()
        determinant = (first.real * second.other - first.other * second.real) % MODULUS
        inverse = pow(determinant, -1, MODULUS)
        counts[0] = (wanted.real * second.other - wanted.other * second.real) * inverse % MODULUS
        counts[1] = (first.real * wanted.other - first.other * wanted.real) * inverse % MODULUS
        vector = forger.witness.copy()
        vector[start : start + size] = counts
        return vector

    assert not forger.accepted(chosen)
    spoiled = forger.witness
    forger.witness = chosen(forger.run(spoiled)[0])  # had they been committed, the lookup would pass: alpha is no more
    assert forger.accepted(forger.witness)  # what a challenge before the commitment would be worth

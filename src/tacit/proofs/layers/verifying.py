"""What a layer's verifier works with: the conversation so far, the claims it leaves, and the tensors' forms."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.proofs.argument.claims import Claims, Point, Term
from tacit.proofs.channel import Receiver, Value
from tacit.proofs.field import Element
from tacit.proofs.sumcheck import verifier as sumcheck
from tacit.proofs.tensors import Form


class Verifying:
    """The receiver, with what layers ask of it. `Proving` has the same methods where the prover has to follow."""

    def __init__(self, receiver: Receiver, claims: Claims) -> None:
        self.receiver, self.claims = receiver, claims

    def point(self, variables: int) -> Point:
        """A random point."""
        return tuple(self.receiver.challenge() for _ in range(variables))

    def receive(self) -> Value:
        """One value."""
        return self.receiver.receive(1)[0]

    def equal(self, form: Form, value: Value, check: str) -> None:
        """Claim that the form is the value. Of terms on several sources, all sums but the last are sent."""
        left = value - form.constant
        groups = by_source(form)
        for terms in groups[:-1]:
            part = self.receive()
            self.claims.add(terms, part)
            left = left - part
        if groups:
            self.claims.add(groups[-1], left)
        else:
            self.receiver.require_zero(left, check)

    def evaluation(self, form: Form, check: str) -> Value:
        """The form's value: computed where it is public, else received and claimed."""
        if not form.terms:
            return form.constant
        value = self.receive()
        self.equal(form, value, check)
        return value

    def product(self, a: Value, b: Value) -> Value:
        """a * b, of which at most one need be scaled by a public element."""
        if isinstance(a, Element):
            return b * a
        if isinstance(b, Element):
            return a * b
        return self.receiver.multiply(a, b)

    def sumcheck(self, claim: Value, variables: int, degree: int) -> tuple[Point, Value]:
        """The point and the value that a sumcheck ends with."""
        point, value = sumcheck.verify(self.receiver, claim, variables, degree)
        return tuple(point), value

    def weighted(self, claim: Value, at: Point, degree: int = 2) -> tuple[Point, Value]:
        """The point and the value that a sumcheck of eq(at, x) F(x) ends with; degree: of F."""
        point, value = sumcheck.verify_weighted(self.receiver, claim, at, degree)
        return tuple(point), value


def by_source(form: Form) -> Sequence[tuple[Term, ...]]:
    """A form's terms, by source, in the order of the sources."""
    sources = sorted({term.block.source for term in form.terms})
    return [tuple(term for term in form.terms if term.block.source == source) for source in sources]

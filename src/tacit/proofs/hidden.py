"""Zero knowledge: messages minus one-time pads, and a tape of what the verifier computes from them.

The prover has committed to a pad s_j for each value that it will send, and sends value - s_j. The verifier computes
symbolically: a `Node` is a message, or a sum of multiples of nodes and a constant, or a product of two such. All that
is required to be zero is combined by powers of one challenge, alpha, and checked on *keys* k_j = m_j + gamma s_j,
which the prover opens once everything else is fixed (docs/protocols/proofs.md): in `Tape.evaluate` a constant c counts
as gamma c, so that the key of a node of degree d is, as a polynomial in gamma, gamma^d times its value, plus lower
terms. The combination is of degree 2, and equals U + gamma V, with U and V sent beforehand, only if all are zero.

The prover finds U and V with the same code, as the values at gamma = 0 and gamma = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.proofs import field
from tacit.proofs.channel import Log, Messages, Value
from tacit.proofs.field import ONE, ZERO, Element, Words
from tacit.proofs.transcript import ProverTranscript


class Node:
    """A value that only the prover knows: a leaf, a sum of multiples of nodes plus a constant, or a product."""

    __slots__ = ("constant", "degree", "number", "parts", "product", "tape")

    def __init__(
        self,
        tape: Tape,
        constant: Element,
        parts: tuple[tuple[Node, Element | None], ...] = (),
        product: tuple[Node, Node] | None = None,
    ) -> None:
        self.tape, self.constant, self.parts, self.product = tape, constant, parts, product
        self.degree: int = 2 if product else max((node.degree for node, _ in parts), default=1)
        self.number = len(tape.nodes)
        tape.nodes.append(self)

    def __add__(self, y: Node | Element | int) -> Node:
        if isinstance(y, Node):
            return Node(self.tape, ZERO, ((self, None), (y, None)))
        return Node(self.tape, ZERO + y, ((self, None),))

    def __sub__(self, y: Node | Element | int) -> Node:
        if isinstance(y, Node):
            return Node(self.tape, ZERO, ((self, None), (y, _MINUS)))
        return Node(self.tape, ZERO - y, ((self, None),))

    def __mul__(self, y: Element | int) -> Node:
        return Node(self.tape, ZERO, ((self, ONE * y),))

    def __rsub__(self, y: Element | int) -> Node:
        return Node(self.tape, ZERO + y, ((self, _MINUS),))

    def __neg__(self) -> Node:
        return self * _MINUS

    __radd__ = __add__
    __rmul__ = __mul__


class Tape:
    """The nodes in the order in which they were made, and those that must be zero."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.leaves: list[Node] = []
        self.zeros: list[Node] = []

    def leaf(self, constant: Element = ZERO) -> Node:
        """A new unknown, plus a constant. Its key is told to `evaluate`, in the order of the leaves."""
        node = Node(self, constant)
        self.leaves.append(node)
        return node

    def evaluate(self, keys: Sequence[Element], gamma: Element, alpha: Element) -> Element:
        """The sum of alpha^i times the i-th node that must be zero, at degree 2, from the leaves' keys."""
        if len(keys) != len(self.leaves):
            raise ValueError(f"{len(self.leaves)} leaves need as many keys, not {len(keys)}")
        known: list[Element] = [ZERO] * len(self.nodes)
        for leaf, key in zip(self.leaves, keys, strict=True):
            known[leaf.number] = key
        squared = gamma * gamma
        for node in self.nodes:
            if node.product:
                left, right = node.product
                known[node.number] = known[left.number] * known[right.number]
                continue
            total = known[node.number]
            for part, factor in node.parts:
                term = known[part.number]
                if factor is not None:
                    term = term * factor
                total = total + (term if part.degree == node.degree else term * gamma)
            if node.constant:
                total = total + node.constant * (gamma if node.degree == 1 else squared)
            known[node.number] = total
        result, power = ZERO, ONE
        for node in self.zeros:
            term = known[node.number] if node.degree == 2 else known[node.number] * gamma
            result, power = result + term * power, power * alpha
        return result


class HiddenSender:
    """Sends values minus pads, and notes what was said, for the prover's own run of the verifier."""

    def __init__(self, transcript: ProverTranscript, pads: Words) -> None:
        self._transcript, self._pads, self._used = transcript, field.to_elements(pads), 0
        self.log = Log()

    def send(self, values: Sequence[Element]) -> None:
        """Write value - pad for each, using up as many pads."""
        pads = self._pads[self._used : self._used + len(values)]
        self._used += len(values)
        message = field.from_elements([value - pad for value, pad in zip(values, pads, strict=True)])
        self._transcript.write_elements(message)
        self.log.say(message)

    def challenge(self) -> Element:
        """Draw from the transcript."""
        return self.log.hear(self._transcript.challenge())


@dataclass
class Zeros:
    """Messages of zeros, to find out how many a verifier asks for."""

    count: int = 0

    def read_elements(self, count: int, what: str) -> Words:
        """As many zeros."""
        self.count += count
        return field.from_elements([ZERO] * count)

    def challenge(self) -> Element:
        """Always the same."""
        return _PLACEHOLDER


class HiddenReceiver:
    """Values are nodes of a tape, and checks are noted on it."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.tape = Tape()
        self.challenges = 0

    def receive(self, count: int) -> list[Value]:
        """A leaf for each value: the number read, plus its pad."""
        numbers = field.to_elements(self._messages.read_elements(count, "a message of the argument"))
        return [self.tape.leaf(number) for number in numbers]

    def challenge(self) -> Element:
        """The next challenge."""
        self.challenges += 1
        return self._messages.challenge()

    def multiply(self, a: Value, b: Value) -> Value:
        """The product of two nodes of degree 1; an element beside a node scales it."""
        if isinstance(a, Node) and isinstance(b, Node):
            if a.degree != 1 or b.degree != 1:
                raise ValueError("a product of products cannot be proved")
            return Node(self.tape, ZERO, product=(a, b))
        return a * b  # one of the two is an element

    def require_zero(self, value: Value, check: str) -> None:
        """Note that the node must be zero; the checks are made together, so none has a name of its own."""
        self.tape.zeros.append(value if isinstance(value, Node) else Node(self.tape, _element(value)))


def _element(value: Value) -> Element:
    assert isinstance(value, Element)
    return value


_MINUS = Element(-1)
_PLACEHOLDER = Element(3, 5)

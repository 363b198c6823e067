"""How the messages of sumchecks and lookups travel: protocols for both modes, and the clear one.

A prover is given a `Sender`, a verifier a `Receiver`. In the clear mode a value received is the `Element` that was
sent. In zero knowledge (`hidden`) it is sent minus a one-time pad, and what the verifier computes from it is a node of
a tape, evaluated when the pads have been authenticated. A verifier written for a `Receiver` serves both, as long as it
takes no branch on a value and asks for nothing but what is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.field import Element, Words
from tacit.proofs.transcript import ProverTranscript


class Value(Protocol):
    """What can be done with a value in both modes: sums with values and elements, multiples by elements and ints."""

    def __add__(self, y: Any, /) -> Value: ...
    def __radd__(self, y: Any, /) -> Value: ...
    def __sub__(self, y: Any, /) -> Value: ...
    def __rsub__(self, y: Any, /) -> Value: ...
    def __mul__(self, y: Any, /) -> Value: ...
    def __rmul__(self, y: Any, /) -> Value: ...
    def __neg__(self) -> Value: ...


class Sender(Protocol):
    """The prover's end."""

    def send(self, values: Sequence[Element]) -> None:
        """Say some elements."""

    def challenge(self) -> Element:
        """The verifier's next challenge."""


class Receiver(Protocol):
    """The verifier's end."""

    def receive(self, count: int) -> list[Value]:
        """The next values that the prover said."""

    def challenge(self) -> Element:
        """The next challenge."""

    def multiply(self, a: Value, b: Value) -> Value:
        """The product of two affine values; it may be added, scaled and required to be zero, not multiplied again."""

    def require_zero(self, value: Value, check: str) -> None:
        """Refuse the proof, by `ProofError` with this check's name, unless the value is zero."""


class Log:
    """What a prover said and heard; a receiver can read it once more, as far as it goes (`Messages`)."""

    def __init__(self) -> None:
        self._said: list[Element] = []
        self._heard: list[Element] = []
        self._read, self._drawn = 0, 0

    def say(self, elements: Words) -> None:
        """Note elements `(n, 2)` as they were written."""
        self._said += field.to_elements(elements)

    def hear(self, challenge: Element) -> Element:
        """Note a challenge, and give it back."""
        self._heard.append(challenge)
        return challenge

    def read_elements(self, count: int, what: str) -> Words:
        """The next elements that were said."""
        self._read += count
        return field.from_elements(self._said[self._read - count : self._read])

    def challenge(self) -> Element:
        """The next challenge that was heard."""
        self._drawn += 1
        return self._heard[self._drawn - 1]


class Messages(Protocol):
    """Where a receiver reads: a verifier's transcript, or a prover's `Log`."""

    def read_elements(self, count: int, what: str) -> Words:
        """The next elements."""

    def challenge(self) -> Element:
        """The next challenge."""


class ClearSender:
    """Values go as they are."""

    def __init__(self, transcript: ProverTranscript) -> None:
        self._transcript = transcript
        self.log = Log()

    def send(self, values: Sequence[Element]) -> None:
        """Write the values."""
        message = field.from_elements(values)
        self._transcript.write_elements(message)
        self.log.say(message)

    def challenge(self) -> Element:
        """Draw from the transcript."""
        return self.log.hear(self._transcript.challenge())


class ClearReceiver:
    """Values are elements, and a check is made where it is asked for."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.challenges = 0

    def receive(self, count: int) -> list[Value]:
        """Read the values."""
        return list(field.to_elements(self._messages.read_elements(count, "a message of the argument")))

    def challenge(self) -> Element:
        """Draw the next challenge."""
        self.challenges += 1
        return self._messages.challenge()

    def multiply(self, a: Value, b: Value) -> Value:
        """The product of two elements."""
        assert isinstance(a, Element)
        assert isinstance(b, Element)
        return a * b

    def require_zero(self, value: Value, check: str) -> None:
        """`ProofError` unless the element is zero."""
        if value != field.ZERO:
            raise ProofError(f"{check}: the prover's values do not fit")

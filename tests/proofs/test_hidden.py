"""Hidden messages: what is sent says nothing, and the tape says what the verifier would have computed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.channel import ClearReceiver, Log, Receiver
from tacit.proofs.field import ONE, ZERO, Element
from tacit.proofs.hidden import HiddenReceiver, HiddenSender, Zeros
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

from .conversation import INSTANCE, SESSION, draw, draw_point

X = Element(0, 1)


def conversation(receiver: Receiver) -> None:
    """A verifier with every operation: its two checks hold for (3, 5, 15) and for few others."""
    a, b, c = receiver.receive(3)
    r = receiver.challenge()
    left = receiver.multiply(a * r + 1, -b + r) + (a - 2) * 4
    # (a r + 1)(r - b) + 4 (a - 2) at a = 3, b = 5
    known = (3 * r + 1) * (r - 5) + 4
    receiver.require_zero(left - known, "first")
    receiver.require_zero(receiver.multiply(a, b) * 2 - c - 15 + (5 - b), "second")
    receiver.require_zero(ONE - 1, "third")


def run(values: list[Element], seed: int = 1) -> tuple[HiddenReceiver, list[Element], list[Element]]:
    """The verifier's tape for these values; pads and masks."""
    pads, masks = draw(seed, len(values), 2), draw_point(seed + 100, len(values))
    told = ProverTranscript(SESSION, INSTANCE)
    sender = HiddenSender(told, pads)
    sender.send(values)
    sender.challenge()
    heard = HiddenReceiver(VerifierTranscript(SESSION, INSTANCE, told.proof()))
    conversation(heard)
    return heard, field.to_elements(pads), masks


def highest(values: list[Element], alpha: Element) -> Element:
    """The coefficient of gamma^2 of the combined constraint, from its values at three points."""
    heard, pads, masks = run(values)
    at = [
        heard.tape.evaluate([m + s * gamma for m, s in zip(masks, pads, strict=True)], Element(gamma), alpha)
        for gamma in (0, 1, 2)
    ]
    return (at[2] - at[1] * 2 + at[0]) * Element(2).inverse()


RIGHT = [Element(3), Element(5), Element(15)]


def test_the_combined_constraint_vanishes_at_gamma_squared_if_and_only_if_all_checks_hold() -> None:
    alpha = Element(11, 7)
    assert highest(RIGHT, alpha) == ZERO
    for place in range(3):
        for error in (ONE, X, Element(-1)):
            wrong = list(RIGHT)
            wrong[place] = wrong[place] + error
            assert highest(wrong, alpha) != ZERO


def test_it_is_the_sum_of_powers_of_alpha_times_what_the_clear_verifier_finds() -> None:
    class Noting(ClearReceiver):
        """Notes what must be zero."""

        def require_zero(self, value: object, check: str) -> None:
            assert isinstance(value, Element)
            found.append(value)

    values, found = [Element(4, 9), Element(1, 1), X], list[Element]()
    pads = draw(1, 3, 2)
    told = ProverTranscript(SESSION, INSTANCE)
    sender = HiddenSender(told, pads)
    sender.send(values)
    log = Log()
    log.say(field.from_elements(values))
    log.hear(sender.challenge())
    conversation(Noting(log))
    alpha = Element(2, 3)
    assert highest(values, alpha) == found[0] + found[1] * alpha + found[2] * (alpha * alpha)


def test_messages_are_uniform_whatever_the_values_are() -> None:
    """Value minus pad: for every message and value there is a pad, so the message alone says nothing."""
    heard, pads, _ = run(RIGHT, seed=3)
    other, other_pads, _ = run([ZERO, ZERO, ZERO], seed=3)
    sent = [leaf.constant for leaf in heard.tape.leaves]
    assert sent == [value - pad for value, pad in zip(RIGHT, pads, strict=True)]
    assert [leaf.constant for leaf in other.tape.leaves] == [-pad for pad in other_pads]


def test_a_pad_is_used_once() -> None:
    sender = HiddenSender(ProverTranscript(SESSION, INSTANCE), draw(1, 2, 2))
    sender.send([ONE, ONE])
    with pytest.raises(ValueError):
        sender.send([ONE])


def test_a_product_of_products_is_refused() -> None:
    receiver = HiddenReceiver(Zeros())
    a, b = receiver.receive(2)
    with pytest.raises(ValueError, match="product of products"):
        receiver.multiply(receiver.multiply(a, b), a)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(numbers=st.lists(st.integers(-(2**70), 2**70), min_size=4, max_size=4))
def test_sums_and_multiples_on_the_tape_are_those_of_elements(numbers: list[int]) -> None:
    elements = [Element(number, number >> 3) for number in numbers]

    def compute(a: object, b: object) -> object:
        return elements[3] * (a - b * 3 + elements[2]) - (7 - a) + 5 + (-b) + elements[2] * a  # type: ignore[operator]

    receiver = HiddenReceiver(Zeros())
    a, b = receiver.receive(2)
    receiver.require_zero(compute(a, b), "x")  # type: ignore[arg-type]
    # with gamma = 1, a key of a node of degree 1 is its value
    assert receiver.tape.evaluate(elements[:2], ONE, ZERO) == compute(*elements[:2])


def test_a_rehearsal_counts_messages_and_challenges() -> None:
    zeros = Zeros()
    receiver = HiddenReceiver(zeros)
    conversation(receiver)
    assert (zeros.count, receiver.challenges) == (3, 1)


def test_the_clear_receiver_names_the_check_that_fails() -> None:
    told = ProverTranscript(SESSION, INSTANCE)
    told.write_elements(field.from_elements([Element(3), Element(5), Element(14)]))
    with pytest.raises(ProofError, match="second"):
        conversation(ClearReceiver(VerifierTranscript(SESSION, INSTANCE, told.proof())))


def test_every_leaf_needs_its_key() -> None:
    receiver = HiddenReceiver(Zeros())
    receiver.receive(2)
    with pytest.raises(ValueError, match="2 leaves need as many keys, not 1"):
        receiver.tape.evaluate([ONE], ONE, ONE)

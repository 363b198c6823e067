"""A prover and a verifier who talk in the clear mode, and what may go wrong between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tacit.proofs import field, transcript
from tacit.proofs.channel import ClearReceiver, ClearSender, Receiver, Sender
from tacit.proofs.field import Element
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

SESSION = transcript.derive_session_id(b"tests of the proofs")
INSTANCE = b"instance"
ELEMENT = 16  # bytes


class Said(NamedTuple):
    """What the prover's function returned, and the proof."""

    result: Any
    proof: bytes


def prove(prover: Callable[[Sender], Any], instance: bytes = INSTANCE) -> Said:
    told = ProverTranscript(SESSION, instance)
    result = prover(ClearSender(told))
    return Said(result, told.proof())


def verify(verifier: Callable[[Receiver], Any], proof: bytes, instance: bytes = INSTANCE) -> Any:
    heard = VerifierTranscript(SESSION, instance, proof)
    result = verifier(ClearReceiver(heard))
    heard.finish()
    return result


def altered(proof: bytes, seed: int = 1) -> Iterator[bytes]:
    """The proof with each of its elements replaced: by one that is one more, by a random one, and by zero."""
    random = np.random.default_rng(seed).integers(0, field.MODULUS, (len(proof) // ELEMENT, 2), dtype=np.uint64)
    for place in range(len(proof) // ELEMENT):
        begin = ELEMENT * place
        old = proof[begin : begin + ELEMENT]
        real, other = (int.from_bytes(old[i : i + 8], "little") for i in (0, 8))
        for new in (Element(real + 1, other), Element(real, other + 1), Element(*random[place].tolist()), field.ZERO):
            replaced = new.real.to_bytes(8, "little") + new.other.to_bytes(8, "little")
            if replaced != old:
                yield proof[:begin] + replaced + proof[begin + ELEMENT :]


def draw(seed: int, *shape: int) -> field.Words:
    """Random words: `(n,)` over the base field, `(n, 2)` over the extension."""
    return np.random.default_rng(seed).integers(0, field.MODULUS, shape, dtype=np.uint64)


def draw_point(seed: int, variables: int) -> list[Element]:
    return field.to_elements(draw(seed, variables, 2))

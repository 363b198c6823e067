"""Interactive proofs: the same code, with coins of the verifier's own."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress

import pytest

from tacit.errors import ProofError
from tacit.proofs.argument import prover, verifier
from tacit.proofs.argument.prover import Opened
from tacit.proofs.channel import Sender
from tacit.proofs.layers import digits
from tacit.proofs.layers.proving import Proving
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.inference import Inference
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript, own_coins
from tacit.proofs.values import Values

from ..models import MODES, committed, dense, inference, rows_for


class HungUpError(Exception):
    """The verifier has refused, and draws no more coins."""


def talk(claim: Inference, model: CommittedModel) -> None:
    """A prover in a thread of its own; messages and coins go through queues."""
    said: queue.Queue[bytes] = queue.Queue()
    told: queue.Queue[bytes] = queue.Queue()

    def coins(length: int) -> bytes:
        if not (drawn := told.get(timeout=60)):
            raise HungUpError
        return drawn

    def prove() -> None:
        values = Values(claim.planning.witness, {layer.name: layer for layer in model.graph.layers}, 8)
        values.tensors["input"] = claim.rows
        claim.forward.evaluate(values)
        witness = values.vector()
        transcript = ProverTranscript(claim.session(b""), claim.instance(), coins=coins, deliver=said.put)

        def converse(sender: Sender) -> None:
            conversation = Proving(sender, values, [witness, model.opened.values])
            claim.follow(conversation)
            digits.prove(conversation, claim.planning.witness)

        with suppress(HungUpError):
            prover.prove(transcript, claim.core, converse, claim.sources(), [Opened(witness), model.opened])

    speaker = threading.Thread(target=prove, daemon=True)
    speaker.start()
    buffer = bytearray()

    def hear(length: int) -> bytes:
        while len(buffer) < length:
            buffer.extend(said.get(timeout=60))
        data = bytes(buffer[:length])
        del buffer[:length]
        return data

    heard = VerifierTranscript(claim.session(b""), claim.instance(), hear, own_coins(told.put))
    try:
        verifier.verify(heard, claim.core, claim.sources(), claim.lookups())
    finally:
        told.put(b"")
        speaker.join()


@pytest.mark.parametrize("uses", MODES)
def test_a_verifier_with_its_own_coins_accepts_what_is_so_and_nothing_else(uses: int) -> None:
    model = committed(dense([3, 3, 2]), uses)
    rows = rows_for(model.graph, 1)
    talk(inference(model, rows), model)
    wrong = model.graph.evaluate(rows)
    wrong[0, 0] += 1
    with pytest.raises(ProofError):
        talk(inference(model, rows, wrong), model)

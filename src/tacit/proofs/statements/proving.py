"""Proving a statement about what is committed."""

from __future__ import annotations

from collections.abc import Mapping

from tacit.errors import ProofError
from tacit.graph import Layer
from tacit.graph.fixed import Ints
from tacit.proofs.argument import prover
from tacit.proofs.argument.prover import Opened
from tacit.proofs.channel import Sender
from tacit.proofs.commitment.long_lived import LongLived
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.layers import digits
from tacit.proofs.layers.proving import Proving
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.statement import Statement
from tacit.proofs.transcript import Coins, ProverTranscript
from tacit.proofs.values import Values


def prove(statement: Statement, *secrets: LongLived, context: bytes = b"", coins: Coins | None = None) -> bytes:
    """The proof of a statement; a use of every commitment is spent. ProofError where the statement is false.

    secrets: of what the statement is about, in its order.
    """
    roots = [secret.commitment.source.root for secret in secrets]
    if roots != [each.source.root for each in statement.committed]:
        raise ProofError("the statement is about another committed model or data set")
    values = _values(statement, secrets)
    statement.evaluate(values)
    witness = values.vector()
    for secret in secrets:
        secret.spend()
    transcript = ProverTranscript(statement.session(context), statement.instance(), coins)
    transcript.absorb_zeros(statement.zeros())
    opened = [Opened(witness), *(secret.opened for secret in secrets)]

    def converse(sender: Sender) -> None:
        proving = Proving(sender, values, [each.values for each in opened])
        statement.follow(proving)
        digits.prove(proving, statement.planning.witness)

    prover.prove(transcript, statement.core, converse, statement.sources(), opened)
    return transcript.proof()


def _values(statement: Statement, secrets: tuple[LongLived, ...]) -> Values:
    layers: Mapping[str, Layer] = {}
    parts: Mapping[str, Ints] = {}
    for secret in secrets:
        if isinstance(secret, CommittedModel):
            layers = {layer.name: layer for layer in secret.graph.layers}
        if isinstance(secret, CommittedSet):
            parts = secret.parts
    return Values(statement.planning.witness, layers, statement.planning.fraction_bits, parts)

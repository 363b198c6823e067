"""Small sets for the tests of statements, sets that no owner would make, and provers that cheat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from tacit.errors import ProofError
from tacit.graph import Graph
from tacit.graph.fixed import Ints
from tacit.proofs.architecture import Architecture
from tacit.proofs.argument import prover
from tacit.proofs.argument.prover import Opened
from tacit.proofs.channel import Sender
from tacit.proofs.commitment.randomness import fresh_key
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.public import PublicSet
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.field import MODULUS, Words
from tacit.proofs.layers import digits
from tacit.proofs.layers.proving import Proving
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.plan import Witness
from tacit.proofs.statements import statement
from tacit.proofs.statements.assessment import Assessment
from tacit.proofs.transcript import ProverTranscript
from tacit.proofs.values import Values

from ..models import rows_for

Parts = dict[str, Ints]
Judge = Callable[[Values, Ints, Mapping[str, Ints]], None]


def describe(graph: Graph, count: int, classes: int) -> SetDescription:
    return SetDescription.of(Architecture.of(graph), count, classes=classes, grouped=True)


def arrays(graph: Graph, count: int, *, wrong: int = 0, seed: int = 0) -> Parts:
    """Rows with the labels that the graph gives them, the first `wrong` of which are wrong, and groups."""
    rng = np.random.default_rng(seed)
    rows = rows_for(graph, count, seed)
    labels = graph.decide(graph.evaluate(rows))
    labels[:wrong] = (labels[:wrong] + 1) % 2
    return {"rows": rows, "labels": labels, "groups": rng.integers(0, 2, count)}


def committed_set(graph: Graph, parts: Parts, uses: int, classes: int = 2) -> CommittedSet:
    return CommittedSet.new(describe(graph, len(parts["rows"]), classes), **parts, uses=uses)


def public_set(graph: Graph, parts: Parts, classes: int = 2) -> PublicSet:
    return PublicSet(describe(graph, len(parts["rows"]), classes), **parts)


def unchecked(graph: Graph, parts: Parts, uses: int, classes: int = 2) -> CommittedSet:
    """The commitment of an owner who does not look whether the set is one."""
    data = PublicSet.__new__(PublicSet)
    data.description = describe(graph, len(parts["rows"]), classes)
    data.rows, data.labels, data.groups = parts["rows"], parts["labels"], parts["groups"]
    return CommittedSet(data, fresh_key(), uses)


def with_vector(graph: Graph, parts: Parts, alter: Callable[[Words, CommittedSet], None]) -> CommittedSet:
    """A set committed to in clear, by a vector that `alter` has changed."""
    honest = unchecked(graph, parts, 0)
    vector = honest.opened.values.copy()
    alter(vector, honest)

    class Altered(CommittedSet):
        def _commit(self, values: Words, code: object) -> Opened:
            return super()._commit(vector, code)  # type: ignore[arg-type]

    return Altered(honest._data, fresh_key(), 0)


def cheat(
    claim: Assessment,
    model: CommittedModel,
    data: CommittedSet,
    *,
    judge: Judge | None = None,
    alter: Callable[[Words, Witness], None] | None = None,
    opened: Opened | None = None,
) -> bytes:
    """A proof by a prover that makes no checks. judge: in place of the claim's own; alter: changes the witness.

    opened: what the prover has in place of the set that it committed to.
    """
    plan = claim.planning.witness
    values = Values(plan, {layer.name: layer for layer in model.graph.layers}, model.graph.fraction_bits, data.parts)
    if judge is not None:
        claim.judge = judge  # type: ignore[method-assign]
    claim.evaluate(values)
    witness = values.vector()
    if alter is not None:
        alter(witness, plan)
        recount(witness, plan)
    vectors = [Opened(witness), model.opened, opened or data.opened]
    transcript = ProverTranscript(claim.session(b""), claim.instance())
    transcript.absorb_zeros(claim.zeros())

    def converse(sender: Sender) -> None:
        proving = Proving(sender, values, [vector.values for vector in vectors])
        claim.follow(proving)
        digits.prove(proving, plan)

    prover.prove(transcript, claim.core, converse, claim.sources(), vectors)
    return transcript.proof()


def recount(witness: Words, plan: Witness) -> None:
    """Make the multiplicities right again, as far as the digits are digits."""
    region, size = witness[: 1 << plan.region.variables], 1 << plan.digit_bits
    inside = region[region < size].astype(np.int64)
    start = plan.multiplicities.offset
    witness[start : start + size] = np.bincount(inside, minlength=size).astype(np.uint64)


def put_limb(witness: Words, plan: Witness, name: str, index: int, value: int) -> None:
    """An entry of limbs, as one digit whatever its size, the others zero; a negative one modulo p."""
    for place, digit in enumerate(plan.digits(name)):
        witness[digit.block.offset + index] = np.uint64(value % MODULUS) if place == 0 else np.uint64(0)
        if digit.moved is not None:
            moved = value << (plan.digit_bits - digit.bits) if place == 0 else 0
            witness[digit.moved.offset + index] = np.uint64(moved % MODULUS)


def refused(claim: statement.Statement, proof: bytes) -> str:
    """The error that a proof is refused with; nothing where it is accepted."""
    try:
        statement.verify(claim, proof)
    except ProofError as error:
        return str(error)
    return ""


def altered(claim: statement.Statement, proof: bytes, count: int | None = None) -> Sequence[bytes]:
    """Proofs in clear with one element that the prover said raised by one: `count` of them, or all."""
    messages = statement.verifier.rehearse(claim.core, claim.sources(), claim.lookups())[0]
    places = range(2 * messages)
    chosen = places if count is None else np.random.default_rng(0).choice(2 * messages, count, replace=False).tolist()
    return [_raised(proof, 32 + 8 * place) for place in chosen]


def gaps(predicted: Ints, parts: Parts) -> tuple[Fraction, Fraction]:
    """The gap in the positive rate, and the greater one in the true and the false positive rate."""
    groups, labels = parts["groups"], parts["labels"]

    def gap(rows: np.ndarray) -> Fraction:
        rates = [
            Fraction(int(predicted[rows & (groups == g)].sum()), int((rows & (groups == g)).sum())) for g in (0, 1)
        ]
        return abs(rates[0] - rates[1])

    return gap(labels >= 0), max(gap(labels == 1), gap(labels == 0))


def _raised(proof: bytes, start: int) -> bytes:
    word = (int.from_bytes(proof[start : start + 8], "little") + 1) % MODULUS
    return proof[:start] + word.to_bytes(8, "little") + proof[start + 8 :]

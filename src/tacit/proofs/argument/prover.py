"""The prover of an argument, in both modes: `verifier` says what is sent, and is run here on the prover's messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tacit.kernels import goldilocks, goldilocks_extension
from tacit.kernels import sumcheck as kernel
from tacit.proofs import field
from tacit.proofs.argument import pads
from tacit.proofs.argument.claims import Claim, Claims, Evaluation, reduce
from tacit.proofs.argument.verifier import (
    WITNESS,
    Core,
    Source,
    rehearse,
    require_openings,
    row_weights,
    value_of,
)
from tacit.proofs.channel import ClearReceiver, ClearSender, Receiver, Sender, Value
from tacit.proofs.commitment.parameters import Code
from tacit.proofs.commitment.prover import Matrix, commit, rows_of
from tacit.proofs.commitment.randomness import Randomness, fresh_key
from tacit.proofs.field import ONE, ZERO, Element, Words
from tacit.proofs.hidden import HiddenReceiver, HiddenSender
from tacit.proofs.sumcheck import prover as sumcheck
from tacit.proofs.transcript import ProverTranscript

CoreProver = Callable[[Sender], None]


@dataclass(frozen=True, eq=False, repr=False)
class Opened:
    """A committed vector as its owner has it: values (N,), and the matrix. The witness has no matrix yet."""

    values: Words
    matrix: Matrix | None = None


def prove(
    transcript: ProverTranscript, core: Core, prover: CoreProver, sources: Sequence[Source], vectors: Sequence[Opened]
) -> None:
    """Write the proof that the core's statement holds of the vectors, the witness first.

    prover: sends what the core reads. The sources, the core and the transcript's instance are as the verifier has them.
    """
    code = sources[WITNESS].code
    randomness = Randomness(fresh_key()) if code.hidden else None
    witness = commit(rows_of(vectors[WITNESS].values, code), code, randomness, masked=code.hidden)
    transcript.write(witness.root)
    matrices = [witness, *(_matrix(vector) for vector in vectors[1:])]
    values = [vector.values for vector in vectors]
    if randomness is None:
        sender = ClearSender(transcript)
        left = _converse(sender, _Trusting(sender.log), core, prover, sources, values)
        for each, _ in left:
            transcript.write_elements(matrices[each.source].combine(row_weights(each.point, sources[each.source].code)))
        for each, _ in left:
            _write_columns(transcript, [matrices[each.source]], sources[each.source].code)
    else:
        _prove_hidden(transcript, core, prover, sources, values, matrices, randomness)


def _prove_hidden(
    transcript: ProverTranscript,
    core: Core,
    prover: CoreProver,
    sources: Sequence[Source],
    values: Sequence[Words],
    matrices: Sequence[Matrix],
    randomness: Randomness,
) -> None:
    messages, _ = rehearse(core, sources, 0)
    pad_code = pads.code(messages)
    secret = randomness.elements(pads.ROWS, messages + 1)
    pad_matrix = commit(secret, pad_code, randomness, masked=True)
    transcript.write(pad_matrix.root)
    masks = [
        commit(np.zeros((0, source.code.columns), np.uint64), source.code, randomness, masked=True)
        for source in sources[1:]
    ]
    for mask in masks:
        transcript.write(mask.root)
    sender = HiddenSender(transcript, np.ascontiguousarray(secret.T)[:messages])
    receiver = HiddenReceiver(sender.log)
    left = _converse(sender, receiver, core, prover, sources, values)
    trees = [[matrices[WITNESS]], *([matrix, mask] for matrix, mask in zip(matrices[1:], masks, strict=True))]
    masking = [_mask_row(trees[each.source][-1]) for each, _ in left]
    require_openings(receiver, [each for each, _ in left])
    _send_constraint(transcript, receiver, pad_matrix, messages, left, masking, sources)
    gamma = transcript.challenge()
    for (each, _), mask_row in zip(left, masking, strict=True):
        code = sources[each.source].code
        weights = goldilocks_extension.multiply(row_weights(each.point, code), field.from_elements([gamma]))
        transcript.write_elements(goldilocks.add(matrices[each.source].combine(weights), mask_row))
    transcript.write_elements(pad_matrix.combine(field.from_elements(pads.weights(gamma))))
    for each, _ in left:
        _write_columns(transcript, trees[each.source], sources[each.source].code)
    _write_columns(transcript, [pad_matrix], pad_code)


def _converse(
    sender: ClearSender | HiddenSender,
    receiver: Receiver,
    core: Core,
    prover: CoreProver,
    sources: Sequence[Source],
    values: Sequence[Words],
) -> list[tuple[Evaluation, Element]]:
    """Steps 2 to 4, the verifier's run beside the prover's; what is left, and each source's value at its point."""
    claims = Claims(len(sources))
    prover(sender)
    core(receiver, claims)
    left = []
    for number, source in enumerate(sources):
        if claims.on(number):
            table = np.zeros(2**source.code.variables, dtype=np.uint64)
            table[: len(values[number])] = values[number]
            weights = _weights(claims.on(number), sender.challenge(), source.code.variables)
            _, finals = sumcheck.prove(sender, [(ONE, (0, 1))], [table, weights])
            left.append((reduce(receiver, number, claims.on(number), source.code.variables), finals[0]))
    return left


def _weights(claims: Sequence[Claim], beta: Element, variables: int) -> Words:
    """w of `claims`, as a table (2^variables, 2)."""
    weights = np.zeros((2**variables, 2), dtype=np.uint64)
    power = ONE
    for claim in claims:
        for term in claim.terms:
            factor = field.from_elements([term.factor * power])[0]
            table = kernel.equality_table(field.from_elements(term.point), factor)
            part = weights[term.block.offset : term.block.offset + len(table)]
            goldilocks.add(part, table, part)
        power = power * beta
    return weights


def _send_constraint(
    transcript: ProverTranscript,
    receiver: HiddenReceiver,
    pad_matrix: Matrix,
    messages: int,
    left: Sequence[tuple[Evaluation, Element]],
    masking: Sequence[Words],
    sources: Sequence[Source],
) -> None:
    """U and V: the combined constraint, of degree 2 in gamma and 0 at gamma^2, by its values at 0 and 1."""
    alpha = transcript.challenge()
    rows = pad_matrix.messages[:, : messages + 1]
    secret, mask = (field.to_elements(np.ascontiguousarray(rows[i : i + 2].T)) for i in (0, 2))
    openings = [
        (value_of(row, each.point, sources[each.source].code), value)
        for (each, value), row in zip(left, masking, strict=True)
    ]
    values = []
    for gamma in (ZERO, ONE):
        keys = [m + s * gamma for m, s in zip(mask, secret, strict=True)]
        opened = [m + value * gamma for m, value in openings]
        values.append(receiver.tape.evaluate([*keys[:messages], *opened], gamma, alpha) + keys[messages])
    transcript.write_elements(field.from_elements([values[0], values[1] - values[0]]))


class _Trusting(ClearReceiver):
    """Makes no checks: the prover's own values fit."""

    def require_zero(self, value: Value, check: str) -> None:
        """Nothing."""


def _mask_row(matrix: Matrix) -> Words:
    """The mask of a matrix, as a row over the extension (k, 2): its last two rows."""
    return np.ascontiguousarray(matrix.messages[-pads.ROWS :].T)


def _write_columns(transcript: ProverTranscript, trees: Sequence[Matrix], code: Code) -> None:
    positions = sorted(set(transcript.positions(code.queries, code.points)))
    for matrix in trees:
        columns, path = matrix.columns(positions)
        transcript.write(columns.astype("<u8", copy=False).tobytes())
        transcript.write(path)


def _matrix(vector: Opened) -> Matrix:
    if vector.matrix is None:
        raise ValueError("only the witness is committed while proving")
    return vector.matrix

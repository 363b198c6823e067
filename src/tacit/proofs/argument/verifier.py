"""The verifier of an argument, in both modes; docs/protocols/proofs.md numbers the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.argument import pads
from tacit.proofs.argument.claims import Claims, Evaluation, Point, reduce
from tacit.proofs.channel import ClearReceiver, Receiver
from tacit.proofs.commitment.parameters import DIGEST, Code
from tacit.proofs.commitment.verifier import check_columns, read_columns
from tacit.proofs.field import ONE, Element, Words
from tacit.proofs.hidden import HiddenReceiver, Zeros
from tacit.proofs.multilinear import equality_table
from tacit.proofs.soundness import Report, of_argument
from tacit.proofs.transcript import VerifierTranscript

WITNESS = 0  # the source that each proof commits to itself

Core = Callable[[Receiver, Claims], None]


@dataclass(frozen=True)
class Source:
    """A vector that claims are made on. root: None for the witness, whose root is in the proof."""

    name: str
    code: Code
    root: bytes | None = None


class Commitment(Protocol):
    """The public side of a long-lived vector."""

    uses: int

    @property
    def source(self) -> Source:
        """As claims see it."""

    def to_bytes(self) -> bytes:
        """All of it, for an instance."""


def verify(transcript: VerifierTranscript, core: Core, sources: Sequence[Source], lookups: int) -> Report:
    """ProofError, naming the check, unless the proof is one of the core's statement about these sources.

    core: the statement's verifier, which reads values and leaves claims. sources: the witness first; all of them hide,
    or none does. The transcript's instance must bind the roots, and all that the core's code depends on. lookups: the
    soundness error of the core's lookups (`lookup.verifier.unsound`). Returns how sound the argument is.
    """
    witness = transcript.read(DIGEST, "the witness' commitment")
    roots = [witness, *(source.root or b"" for source in sources[1:])]
    if sources[WITNESS].code.hidden:
        report = _verify_hidden(transcript, core, sources, roots, lookups)
    else:
        report = _verify_clear(transcript, core, sources, roots, lookups)
    transcript.finish()
    return report


def evaluations(receiver: Receiver, core: Core, sources: Sequence[Source]) -> list[Evaluation]:
    """Run the core, then reduce its claims to one point for each source that it has claims on: steps 2 to 4."""
    claims = Claims(len(sources))
    core(receiver, claims)
    return [
        reduce(receiver, number, claims.on(number), source.code.variables)
        for number, source in enumerate(sources)
        if claims.on(number)
    ]


def rehearse(core: Core, sources: Sequence[Source], lookups: int) -> tuple[int, Report]:
    """How many values the prover sends in steps 2 to 4, and how sound the argument is: from what is public alone."""
    zeros = Zeros()
    receiver = HiddenReceiver(zeros)
    left = evaluations(receiver, core, sources)
    require_openings(receiver, left)
    return zeros.count, sound(receiver, left, sources, lookups)


def sound(
    receiver: ClearReceiver | HiddenReceiver, left: Sequence[Evaluation], sources: Sequence[Source], lookups: int
) -> Report:
    """How sound an argument is, once its core has run and openings are required."""
    codes = [(sources[each.source].name, sources[each.source].code) for each in left]
    constraints = 0
    if isinstance(receiver, HiddenReceiver):
        constraints = len(receiver.tape.zeros)
        codes.append(("the pads", pads.code(len(receiver.tape.leaves) - len(left))))
    return of_argument(receiver.challenges, [each.claims for each in left], constraints, codes, lookups)


def split(point: Point, code: Code) -> tuple[Point, Point]:
    """The coordinates of a point that say which row, and those that say where in it."""
    cut = len(point) - code.column_variables
    return point[:cut], point[cut:]


def row_weights(point: Point, code: Code) -> Words:
    """What the rows of a source are combined by, (R, 2)."""
    return equality_table(split(point, code)[0])[: code.rows]


def value_of(row: Words, point: Point, code: Code) -> Element:
    """The inner product of a combined row's values, without its random symbols, with eq(z_col)."""
    return field.dot_extension(row[: code.columns], equality_table(split(point, code)[1]))


def _verify_clear(
    transcript: VerifierTranscript, core: Core, sources: Sequence[Source], roots: Sequence[bytes], lookups: int
) -> Report:
    receiver = ClearReceiver(transcript)
    left = evaluations(receiver, core, sources)
    report = sound(receiver, left, sources, lookups).require()
    rows = [_read_row(transcript, sources[each.source]) for each in left]
    for each, row in zip(left, rows, strict=True):
        source = sources[each.source]
        if each.value != each.factor * value_of(row, each.point, source.code):
            raise ProofError(f"the claims on {source.name} do not fit what is committed")
    for each, row in zip(left, rows, strict=True):
        source = sources[each.source]
        positions = sorted(transcript.positions(source.code.queries, source.code.points))
        columns = read_columns(transcript, roots[each.source], source.code, source.code.rows, positions, source.name)
        check_columns(columns, row_weights(each.point, source.code), row, source.code, positions, source.name)
    return report


def _verify_hidden(
    transcript: VerifierTranscript, core: Core, sources: Sequence[Source], roots: Sequence[bytes], lookups: int
) -> Report:
    pad_root = transcript.read(DIGEST, "the pads' commitment")
    mask_roots = [transcript.read(DIGEST, f"the mask for {source.name}") for source in sources[1:]]
    receiver = HiddenReceiver(transcript)
    left = evaluations(receiver, core, sources)
    messages = len(receiver.tape.leaves)
    require_openings(receiver, left)
    report = sound(receiver, left, sources, lookups).require()
    alpha = transcript.challenge()
    constant, linear = field.to_elements(transcript.read_elements(2, "U and V"))
    gamma = transcript.challenge()
    rows = [_read_row(transcript, sources[each.source]) for each in left]
    code = pads.code(messages)
    pad_row = transcript.read_elements(code.length, "the masked pads")
    keys = field.to_elements(pad_row[: messages + 1])
    opened = [value_of(row, each.point, sources[each.source].code) for each, row in zip(left, rows, strict=True)]
    total = receiver.tape.evaluate([*keys[:messages], *opened], gamma, alpha) + keys[messages]
    if total != constant + linear * gamma:
        raise ProofError("the hidden messages: a sumcheck, a lookup or a claim on a commitment does not hold")
    for each, row in zip(left, rows, strict=True):
        source = sources[each.source]
        mask = mask_roots[each.source - 1] if each.source != WITNESS else None
        _check_masked(transcript, source, roots[each.source], mask, each.point, gamma, row)
    positions = sorted(transcript.positions(code.queries, code.points))
    columns = read_columns(transcript, pad_root, code, 2 * pads.ROWS, positions, "the pads")
    check_columns(columns, field.from_elements(pads.weights(gamma)), pad_row, code, positions, "the pads")
    return report


def require_openings(receiver: HiddenReceiver, left: Sequence[Evaluation]) -> None:
    """A leaf for each evaluation, whose key is opened later, and the constraint that it fits what is left."""
    for each in left:
        leaf = receiver.tape.leaf()
        receiver.require_zero(each.value - leaf * each.factor, "the claims on a commitment")


def _check_masked(
    transcript: VerifierTranscript,
    source: Source,
    root: bytes,
    mask_root: bytes | None,
    point: Point,
    gamma: Element,
    row: Words,
) -> None:
    """The opened columns of a source, and of its mask, in a tree of its own or in the same."""
    code, name = source.code, source.name
    positions = sorted(transcript.positions(code.queries, code.points))
    if mask_root is None:
        columns = read_columns(transcript, root, code, code.rows + pads.ROWS, positions, name)
    else:
        committed = read_columns(transcript, root, code, code.rows, positions, name)
        mask = read_columns(transcript, mask_root, code, pads.ROWS, positions, f"the mask for {name}")
        columns = np.concatenate([committed, mask], axis=1)
    weights = field.multiply_extension(row_weights(point, code), field.from_elements([gamma * ONE]))
    weights = np.concatenate([weights, field.from_elements(pads.COORDINATES)])
    check_columns(columns, weights, row, code, positions, name)


def _read_row(transcript: VerifierTranscript, source: Source) -> Words:
    return transcript.read_elements(source.code.length, f"the combined row of {source.name}")

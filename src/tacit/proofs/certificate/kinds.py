"""The public parts of each kind of statement, as a certificate's bytes have them; one pair of functions a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Annotated, Any

import msgspec
import numpy as np

from tacit.errors import FormatError, ProofError
from tacit.graph.fixed import Ints, Shape
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.fairness import DemographicParity, EqualisedOdds, Fairness, Sizes
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.optimality import Objective, Optimality
from tacit.proofs.statements.statement import Statement
from tacit.proofs.statements.well_formed import WellFormed

MOST_BYTES = 2**28  # of the rows or the outputs of an inference

_Side = Annotated[int, msgspec.Meta(ge=1, le=2**24)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
_Ratio = tuple[Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)], Annotated[int, msgspec.Meta(ge=1, le=2**62)]]
_Bits = Annotated[int, msgspec.Meta(ge=0, le=64)]
_Exact = Annotated[str, msgspec.Meta(max_length=400, pattern="^[0-9]{1,200}(/[1-9][0-9]{0,199})?$")]
_Pair = tuple[_Count, _Count]
_Integers = Annotated[bytes, msgspec.Meta(max_length=MOST_BYTES)]


class InferenceParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """Rows and outputs, little-endian words of 64 bits, and the outputs' shape (count, ...)."""

    shape: Annotated[tuple[_Side, ...], msgspec.Meta(min_length=1, max_length=8)]
    rows: _Integers
    outputs: _Integers


class AccuracyParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """At least so many rows; the tolerance, or None for classes."""

    least: _Count
    tolerance: _Ratio | None


class FairnessParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """The bound and the sizes of the groups; of the positives in each, where the statement needs them."""

    bound: _Ratio
    groups: _Pair
    positives: _Pair | None


class OptimalityParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """The objective: loss, mu, the bounds of gradient and slackness, the bits of scores and of the sigmoid's table."""

    loss: Annotated[str, msgspec.Meta(max_length=32)]
    mu: _Exact
    gradient: _Exact
    slackness: _Exact
    score_bits: _Bits
    table_bits: _Bits


class NoParts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """Nothing beside the commitments."""


@dataclass(frozen=True)
class Kind:
    """How a kind of statement is taken apart and put together."""

    parts: type[msgspec.Struct]
    needs_data: bool
    apart: Callable[[Any], msgspec.Struct]
    together: Callable[[ModelCommitment, Any, Any], Statement]


def _inference(model: ModelCommitment, _: None, parts: InferenceParts) -> Statement:
    rows = _integers(parts.rows, (parts.shape[0], *model.architecture.input_shape), "rows")
    return Inference(model, rows, _integers(parts.outputs, parts.shape, "outputs"))


def _accuracy(model: ModelCommitment, data: SetCommitment, parts: AccuracyParts) -> Statement:
    return Accuracy(model, data, parts.least, None if parts.tolerance is None else Fraction(*parts.tolerance))


def _fairness(kind: type[Fairness]) -> Callable[[ModelCommitment, SetCommitment, FairnessParts], Statement]:
    def together(model: ModelCommitment, data: SetCommitment, parts: FairnessParts) -> Statement:
        return kind(model, data, Fraction(*parts.bound), Sizes(parts.groups, parts.positives))

    return together


def _optimality(model: ModelCommitment, data: SetCommitment, parts: OptimalityParts) -> Statement:
    exact = Fraction(parts.mu), Fraction(parts.gradient), Fraction(parts.slackness)
    return Optimality(model, data, Objective(parts.loss, *exact, parts.score_bits, parts.table_bits))


def _of_optimality(statement: Optimality) -> OptimalityParts:
    said = statement.objective
    exact = str(said.mu), str(said.gradient), str(said.slackness)
    return OptimalityParts(said.loss, *exact, said.score_bits, said.table_bits)


def _of_fairness(statement: Fairness) -> FairnessParts:
    return FairnessParts(_ratio(statement.bound), statement.sizes.groups, statement.sizes.positives)


KINDS: dict[str, Kind] = {
    Inference.kind: Kind(
        InferenceParts,
        False,
        lambda statement: InferenceParts(statement.outputs.shape, _bytes(statement.rows), _bytes(statement.outputs)),
        _inference,
    ),
    WellFormed.kind: Kind(NoParts, False, lambda statement: NoParts(), lambda model, _, parts: WellFormed(model)),
    Accuracy.kind: Kind(
        AccuracyParts,
        True,
        lambda statement: AccuracyParts(
            statement.least, None if statement.tolerance is None else _ratio(statement.tolerance)
        ),
        _accuracy,
    ),
    DemographicParity.kind: Kind(FairnessParts, True, _of_fairness, _fairness(DemographicParity)),
    Optimality.kind: Kind(OptimalityParts, True, _of_optimality, _optimality),
    EqualisedOdds.kind: Kind(FairnessParts, True, _of_fairness, _fairness(EqualisedOdds)),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; ProofError where there is none."""
    if name not in KINDS:
        raise ProofError(f"no such statement is known here: {name!r}; a newer version may know it")
    return KINDS[name]


def _ratio(fraction: Fraction) -> tuple[int, int]:
    return fraction.numerator, fraction.denominator


def _bytes(integers: Ints) -> bytes:
    return integers.astype("<i8").tobytes()


def _integers(data: bytes, shape: Shape, name: str) -> Ints:
    if len(data) != 8 * prod(shape):
        raise FormatError(f"the certificate: {name} have {len(data)} bytes, not the {8 * prod(shape)} of {shape}")
    return np.frombuffer(data, dtype="<i8").astype(np.int64).reshape(shape)

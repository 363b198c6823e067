"""Statements about what is committed, made by the owner of both sides: the strongest that is true, or a weaker one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tacit.data import Schema, load
from tacit.errors import ProofError
from tacit.evidence.committing import encoded
from tacit.proofs.certificate import Certificate
from tacit.proofs.commitment.long_lived import LongLived
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.fairness import DemographicParity, EqualisedOdds, Sizes
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.optimality import Objective, Optimality
from tacit.proofs.statements.optimality.fitting import provable
from tacit.proofs.statements.optimality.objective import HINGE, LEAST_SCORE_BITS, MOST_SCORE_BITS
from tacit.proofs.statements.proving import prove
from tacit.proofs.statements.statement import Statement


def inference(model: CommittedModel, path: Path, schema: Schema) -> Inference:
    """That the model gives the outputs that it gives on the rows of a table, which the statement shows."""
    rows = encoded(load(path, schema, labelled=False), model.commitment.architecture)
    return Inference(model.commitment, rows, model.graph.evaluate(rows))


def accuracy(
    model: CommittedModel, data: CommittedSet, least: int | None = None, tolerance: Fraction | None = None
) -> Accuracy:
    """That the model is right on at least `least` rows; None takes the number on which it is, which then is shown."""
    right = int(_right(model, data, tolerance).sum())
    if least is not None and least > right:
        raise ProofError(f"the model is right on {right} of {len(data.parts['rows'])} rows: not on {least}")
    return Accuracy(model.commitment, data.commitment, right if least is None else least, tolerance)


def fairness(
    model: CommittedModel, data: CommittedSet, bound: Fraction, *, odds: bool
) -> DemographicParity | EqualisedOdds:
    """That the gap between the groups is at most `bound`: in positive rates, or with `odds` in true and false ones."""
    if data.commitment.description.grouped is False:
        raise ProofError("this set was committed without groups: commit to it with --group COLUMN=VALUE")
    kind = EqualisedOdds if odds else DemographicParity
    return kind(model.commitment, data.commitment, bound, Sizes.of(data.parts, by_label=odds))


def optimality(model: CommittedModel, data: CommittedSet, loss: str, mu: Fraction) -> Optimality:
    """That the model is within the smallest bounds that can be proved of the minimiser of the loss on the set.

    ProofError where the model is not one linear layer, or its scores on these rows are out of every range.
    """
    rows, labels = data.parts["rows"], data.parts["labels"]
    if loss == HINGE:
        raise ProofError("the hinge needs its dual solution, which is there when a model is fitted: `tacit commit fit`")
    for bits in range(LEAST_SCORE_BITS, MOST_SCORE_BITS + 1):
        start = Objective(loss, mu, Fraction(1), score_bits=bits)
        try:
            objective, _ = provable(model.graph, data.commitment.description, rows, labels, start)
        except ProofError as error:
            refused = error
        else:
            return Optimality(model.commitment, data.commitment, objective)
    raise refused


def certify(statement: Statement, *secrets: LongLived, context: bytes = b"") -> Certificate:
    """Prove a statement and put it in a certificate; a use of every commitment is spent."""
    return Certificate.of(statement, prove(statement, *secrets, context=context), context)


def _right(model: CommittedModel, data: CommittedSet, tolerance: Fraction | None) -> npt.NDArray[np.bool_]:
    outputs, labels = model.graph.evaluate(data.parts["rows"]), data.parts["labels"]
    if tolerance is None:
        return np.asarray(model.graph.decide(outputs) == labels)
    units = int(tolerance * (1 << model.graph.fraction_bits))
    return np.asarray(np.abs(outputs.reshape(len(outputs), -1)[:, 0] - labels) <= units)

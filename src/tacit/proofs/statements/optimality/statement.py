"""Optimality: the committed model is within a stated distance of the minimiser of a stated loss on a committed set.

docs/protocols/optimality.md has the theorem. The prover shows one gradient, not how the model was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.graph.layers import INPUT
from tacit.proofs.architecture import Step
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.model.commitment import ModelCommitment, parameters
from tacit.proofs.plan import Planning
from tacit.proofs.statements.optimality.gradient import Entries, Gradient
from tacit.proofs.statements.optimality.logistic import Logistic
from tacit.proofs.statements.optimality.margins import Hinge, SquaredHinge
from tacit.proofs.statements.optimality.objective import HINGE, LOGISTIC, RIDGE, SQUARED_HINGE, Objective
from tacit.proofs.statements.optimality.residual import Residual
from tacit.proofs.statements.optimality.ridge import Ridge
from tacit.proofs.statements.optimality.scales import scales
from tacit.proofs.statements.optimality.scores import Scores
from tacit.proofs.statements.statement import Statement

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

RESIDUALS: dict[str, type[Residual]] = {
    RIDGE: Ridge,
    LOGISTIC: Logistic,
    SQUARED_HINGE: SquaredHinge,
    HINGE: Hinge,
}
NAMED = 16  # hexadecimal digits of a root in a sentence


class Optimality(Statement):
    """model: a linear layer with one output on the set's features, and after it at the most a sigmoid.

    ProofError, which says what would fit, where bits, bound or objective do not. For the hinge the owner sets `dual`,
    beta (n,) with `scales.residual_bits` fractional bits, before proving.
    """

    kind: ClassVar[str] = "optimality"

    def __init__(self, model: ModelCommitment, data: SetCommitment, objective: Objective) -> None:
        super().__init__(Planning(model.architecture), model, data)
        data.description.check_model(model.architecture)
        self.model, self.data, self.objective, self._step = model, data, objective, _linear(model, objective)
        _check_labels(objective, data.description.classes)
        self.scales = scales(objective, data.description, self._step)
        found = parameters(model.architecture).blocks
        self._blocks = found[self._step.name, "weight"], found[self._step.name, "bias"]
        self.dual: Ints | None = None
        self.planning.twice(self._build)

    def said(self) -> dict[str, object]:
        """The objective, its bounds, and the theorem's constants."""
        return {"set": self.data.said(), "objective": self.objective.said(), "constants": self.scales.said()}

    def sentence(self) -> str:
        """The statement for people, with what it does not say."""
        objective = self.objective
        return (
            f"The model committed to as {self.model.root.hex()[:NAMED]}... minimises the {objective.loss} loss with"
            f" penalty mu/2 |w|^2, mu = {float(objective.mu):g}, intercept included, on the {self.scales.rows} rows of"
            f" the set committed to as {self.data.root.hex()[:NAMED]}..., up to {float(objective.gap):.3g} in the loss"
            f" and {float(objective.distance):.3g} in the distance of its weights from those of the one minimiser. It"
            " does not say where the rows come from or whether their labels are true, nor that the model is good,"
            " fair, or right on any row, nor that this loss is the one to minimise; it is about the model's weights,"
            " not the rounding of its outputs."
        )

    def gates(self) -> int:
        """Two for each feature of each row, and one for each digit."""
        return 2 * self.scales.rows * self.scales.features + self.planning.witness.values

    @property
    def slack(self) -> int:
        """What `measure` found for the hinge's slackness, in n 2^(2q); 0 for other losses."""
        return self._residual.slack if isinstance(self._residual, Hinge) else 0

    def own_lookups(self) -> int:
        """Those of the set's rows, and of the loss."""
        return self._placed.unsound() + self._residual.unsound()

    def check(self, verifying: Verifying) -> None:
        """The set's rows and the model's numbers, the scores, the residuals, the gradient."""
        self._placed.verify(verifying)
        self._scores.verify_model(verifying)
        tau = verifying.point(self._scores.rows.variables)
        score = self._scores.verify(verifying, tau)
        self._residual.verify(verifying, tau, score)
        self._gradient.verify(verifying)

    def evaluate(self, values: Values) -> None:
        """Everything that is committed; ProofError where the gradient is larger than stated."""
        self._gradient.evaluate(values, self.measure(values))

    def measure(self, values: Values) -> Entries:
        """The gradient, and everything that is committed before it."""
        self._placed.evaluate(values)
        layer = values.layers[self._step.name]
        weight, bias = layer.weight[0], int(layer.bias[0])  # type: ignore[attr-defined]
        if isinstance(self._residual, Hinge):
            self._residual.dual = self.dual
        scores, intercept = self._scores.evaluate(values, weight, bias)
        residuals = self._residual.evaluate(values, scores, values.parts["labels"])
        return self._gradient.entries(values.parts["rows"], residuals, weight, intercept)

    def follow(self, proving: Proving) -> None:
        """What `check` reads."""
        self._placed.prove(proving)
        self._scores.prove_model(proving)
        features = proving.table(self._placed.rows).reshape(self._placed.rows.axes.padded)
        turned = np.ascontiguousarray(features.T)
        tau = proving.point(self._scores.rows.variables)
        self._scores.prove(proving, tau, turned)
        self._residual.prove(proving, tau)
        self._gradient.prove(proving, turned)

    def _build(self) -> None:
        planning = self.planning
        self._placed = self.data.place(planning)
        self._scores = Scores(self.scales, self._placed.rows, *self._blocks, planning)
        self._residual = RESIDUALS[self.objective.loss](self.scales, self._placed.labels, planning)
        self._gradient = Gradient(self.scales, self._placed.rows, self._scores, self._residual.tensor, planning)


def _linear(model: ModelCommitment, objective: Objective) -> Step:
    """The linear layer; ProofError where the model is another."""
    first, *others = model.architecture.steps
    kinds = [step.kind for step in others]
    shape = model.architecture.input_shape
    fits = first.kind == "linear" and first.inputs == (INPUT,) and first.parameters.get("weight") == (1, *shape)
    if not fits or len(shape) != 1 or (kinds and (kinds != ["sigmoid"] or objective.loss != LOGISTIC)):
        found = ", ".join(step.kind for step in model.architecture.steps)
        raise ProofError(
            f"optimality is of one linear layer with one output (and a sigmoid, for the logistic loss), not of: {found}"
        )
    return first


def _check_labels(objective: Objective, classes: int) -> None:
    if objective.loss != RIDGE and classes != 2:
        raise ProofError(
            f"the {objective.loss} loss is for labels of 2 classes; the set's are of {classes or 'numbers'}"
        )

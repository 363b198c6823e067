"""What statements about a committed model on a set of rows have in common.

Such a statement says nothing of the rows themselves: where they are from, whether they are like those that the model
will meet, whether the model has seen them before, or whether their labels are true.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.graph.layers import INPUT
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.dataset.placed import Placed
from tacit.proofs.dataset.public import PublicSet
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.plan import Planning
from tacit.proofs.statements.prediction import Prediction, predict
from tacit.proofs.statements.statement import TAKEN_FOR_GRANTED, Statement

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

NAMED = 16  # digits of a root, in sentences


class Assessment(Statement):
    """data: committed, or public. A subclass sets what it needs and calls `prepare`, which calls its `place`."""

    nothing_of: ClassVar[str] = (
        "It does not say where the rows come from, whether they are like those that the model will be used on, whether"
        " the model was trained on them, or whether their labels are true; and it says nothing of single rows."
        f" {TAKEN_FOR_GRANTED}"
    )

    def __init__(self, model: ModelCommitment, data: SetCommitment | PublicSet) -> None:
        committed = (model, data) if isinstance(data, SetCommitment) else (model,)
        super().__init__(Planning(model.architecture), *committed)
        data.description.check_model(model.architecture)
        self.model, self.data, self.count = model, data, data.description.rows

    @abstractmethod
    def asked(self) -> dict[str, object]:
        """What the statement claims, for its instance."""

    @abstractmethod
    def place(self) -> None:
        """Ask `planning` for what the statement itself commits to."""

    @abstractmethod
    def judge(self, values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        """Compute what is committed beside the layers; ProofError where the statement is false."""

    @abstractmethod
    def check_claim(self, verifying: Verifying) -> None:
        """The statement's own checks, on the predictions."""

    @abstractmethod
    def follow_claim(self, proving: Proving) -> None:
        """Send what `check_claim` reads."""

    @abstractmethod
    def sentence(self) -> str:
        """The statement for people, with what it does not say."""

    def prepare(self) -> None:
        """Plan the statement; ProofError where labels and predictions are of different kinds."""
        self.planning.twice(self._build)
        classes, labels = self.prediction.classes, self.data.description.classes
        if classes != labels:
            raise ProofError(f"the model tells {classes} classes apart, and the set's labels are of {labels}")

    def said(self) -> dict[str, object]:
        """The set, and the claim."""
        return {"set": self.data.said(), "claim": self.asked()}

    def gates(self) -> int:
        """One for each product and each digit."""
        return self.count * self.model.architecture.parameters + self.planning.witness.values

    def own_lookups(self) -> int:
        """Those of the set's rows, and of the layers."""
        return self.placed.unsound() + self.prediction.unsound()

    def check(self, verifying: Verifying) -> None:
        """The set's rows, the model's predictions on them, and the claim."""
        self.placed.verify(verifying)
        self.prediction.verify(verifying)
        self.check_claim(verifying)

    def evaluate(self, values: Values) -> None:
        """Everything that is committed."""
        parts = self.data.parts if isinstance(self.data, PublicSet) else values.parts
        values.tensors[INPUT] = parts["rows"]
        self.placed.evaluate(values)
        self.judge(values, self.prediction.evaluate(values), parts)

    def follow(self, proving: Proving) -> None:
        """What `check` reads."""
        self.placed.prove(proving)
        self.prediction.prove(proving)
        self.follow_claim(proving)

    @property
    def subject(self) -> tuple[str, str]:
        """The model and the set, for sentences."""
        data = self.data.root.hex()[:NAMED] if isinstance(self.data, SetCommitment) else ""
        which = f"the set committed to as {data}..." if data else "the public set"
        return f"The model committed to as {self.model.root.hex()[:NAMED]}...", which

    def _build(self) -> None:
        architecture, classes = self.model.architecture, self.data.description.classes > 0
        self.placed: Placed = self.data.place(self.planning)
        self.prediction: Prediction = predict(architecture, self.planning, self.placed.rows, classes=classes)
        self.place()

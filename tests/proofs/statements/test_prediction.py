"""The predicted class of a single number: a wrong one is refused, whatever distance is committed beside it."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import Linear, Sigmoid
from tacit.graph.fixed import Ints
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.field import Words
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.plan import Witness
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.prediction import PREDICTION
from tacit.proofs.values import Values

from ..dataset.sets import arrays, cheat, committed_set, put_limb, refused
from ..models import committed, graph_of

CLASS, DISTANCE = f"{PREDICTION}/class", f"{PREDICTION}/distance"


def case() -> tuple[CommittedModel, CommittedSet, Accuracy]:
    """A claim that a model is right on all of five rows, the first of which has the wrong label."""
    graph = graph_of([Linear.of([[1.0, -2.0, 0.5]], [0.1]), Sigmoid.of()], (3,))
    model, data = committed(graph, 0), committed_set(graph, arrays(graph, 5, wrong=1), 0)
    return model, data, Accuracy(model.commitment, data.commitment, 5)


def wrong_first(claim: Accuracy, distances: str) -> Ints:
    """Make the prover say the other class of row 0; returns the distance that would fit, which is negative."""
    honest = claim.prediction._evaluate
    fitting = np.zeros(5, dtype=np.int64)

    def evaluate(values: Values) -> Ints:
        chosen = honest(values).copy()
        over = claim.prediction._last(values)[:, 0] - claim.prediction._least  # type: ignore[attr-defined]
        chosen[0] = 1 - chosen[0]
        fitting[:] = np.where(chosen == 1, over, -1 - over)
        values.put(CLASS, chosen)
        values.put(DISTANCE, np.maximum(fitting, 0) if distances == "zero" else np.abs(fitting))
        return chosen

    claim.prediction._evaluate = evaluate  # type: ignore[method-assign]
    return fitting


@pytest.mark.parametrize("distances", ["zero", "absolute"])
def test_a_wrong_class_is_refused(distances: str) -> None:
    model, data, claim = case()
    wrong_first(claim, distances)
    assert "the predicted class" in refused(claim, cheat(claim, model, data))


def test_a_wrong_class_with_a_negative_distance_is_refused_by_the_lookup() -> None:
    model, data, claim = case()
    fitting = wrong_first(claim, "zero")

    def alter(witness: Words, plan: Witness) -> None:
        put_limb(witness, plan, DISTANCE, 0, int(fitting[0]))

    assert "lookup" in refused(claim, cheat(claim, model, data, alter=alter))
    assert fitting[0] < 0

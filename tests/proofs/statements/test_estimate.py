"""The plan of a proof: its size is foretold, and nothing is spent."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.estimate import estimate
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.proving import prove

from ..models import MODES, committed, dense, rows_for


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("sizes", [(3, 2), (40, 20, 4)])
def test_the_size_of_an_inference_is_foretold(uses, sizes):
    model = committed(dense(sizes), uses)
    rows = rows_for(model.graph, 3)
    statement = Inference(model.commitment, rows, model.graph.evaluate(rows))
    found = estimate(statement)
    assert model.left == uses
    assert abs(found.size / len(prove(statement, model)) - 1) < (0.03 if uses else 0.1)


def test_the_size_of_an_accuracy_is_foretold_and_grows_with_the_rows():
    model = committed(dense((6, 5, 3)), 9)
    sizes, seconds = [], []
    for count in (4, 3000):
        rows = rows_for(model.graph, count)
        labels = model.graph.evaluate(rows).argmax(axis=1).astype(np.int64)
        description = SetDescription.of(model.commitment.architecture, count, classes=3)
        data = CommittedSet.new(description, rows, labels, uses=3)
        statement = Accuracy(model.commitment, data.commitment, 1)
        found = estimate(statement)
        assert abs(found.size / len(prove(statement, model, data)) - 1) < 0.03
        sizes.append(found.size)
        seconds.append(found.seconds)
    assert sizes[0] < sizes[1]
    assert seconds[0] < seconds[1]


def test_it_is_told_in_words_and_to_programs():
    model = committed(dense((3, 2)), 1)
    rows = rows_for(model.graph, 1)
    found = estimate(Inference(model.commitment, rows, model.graph.evaluate(rows)))
    assert [name for name, _ in found.rows()] == ["time", "memory", "proof"]
    assert found.as_dict()["proof_bytes"] == found.size

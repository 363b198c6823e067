"""Statements: what binds a proof, and what they may not be about."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.statement import MOST_GATES, Statement, digest

from ..models import committed, dense, inference, rows_for


def test_the_instance_begins_with_the_root_and_differs_for_every_public_thing() -> None:
    model = committed(dense([3, 2]), 2)
    rows = rows_for(model.graph, 2)
    claim = inference(model, rows)
    assert claim.instance().startswith(model.commitment.root)
    moved = np.where(rows > 0, rows - 1, rows + 1)
    others = [
        Inference(model.commitment, moved, claim.outputs),
        Inference(model.commitment, rows, claim.outputs + 1),
        Inference(model.commitment, rows[:1], claim.outputs[:1]),
        inference(committed(model.graph, 2), rows),
        inference(committed(model.graph, 3), rows),
    ]
    instances = {each.instance() for each in [claim, *others]}
    assert len(instances) == 1 + len(others)


def test_the_session_differs_for_every_context_and_kind() -> None:
    claim = inference(committed(dense([3, 2]), 0), np.zeros((1, 3), dtype=np.int64))
    assert len({claim.session(context) for context in (b"", b"a", b"b", b"a\0")}) == 4


def test_another_architecture_over_the_same_root_is_another_instance() -> None:
    one, two = (committed(dense([3, 2], fraction_bits=bits), 0) for bits in (8, 9))
    rows = np.zeros((1, 3), dtype=np.int64)
    forged = ModelCommitment(two.commitment.architecture, one.commitment.root, 0)
    assert inference(one, rows).instance() != Inference(forged, rows, two.graph.evaluate(rows)).instance()


def test_a_statement_of_too_many_gates_is_refused() -> None:
    class Huge(Inference):
        """Says that it is too large."""

        kind: ClassVar[str] = "huge"

        def gates(self) -> int:
            return MOST_GATES + 1

    model = committed(dense([3, 2]), 0)
    rows = rows_for(model.graph, 1)
    with pytest.raises(ProofError, match="the most are"):
        Huge(model.commitment, rows, model.graph.evaluate(rows)).zeros()


def test_commitments_that_hide_and_that_do_not_are_not_mixed() -> None:
    hiding, clear = (committed(dense([3, 2]), uses).commitment for uses in (2, 0))

    class Pair(Inference):
        """About two models, as no statement is."""

        def __init__(self) -> None:
            Statement.__init__(self, None, hiding, clear)  # type: ignore[arg-type]

    with pytest.raises(ProofError, match="commit to all of them alike"):
        Pair()


def test_public_integers_are_told_apart_by_shape_and_value() -> None:
    numbers = np.arange(6).reshape(2, 3)
    assert digest(numbers) != digest(numbers.reshape(3, 2))
    assert digest(numbers) != digest(numbers + 1)
    assert digest(numbers) == digest(numbers.copy())

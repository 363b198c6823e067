"""Statements from tables: the strongest that is true, proved and verified; what is false is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tacit.data import Column, Schema
from tacit.errors import DataError, ProofError
from tacit.evidence import accuracy, commit_fit, commit_table, fairness, inference, optimality
from tacit.evidence.statements import certify
from tacit.graph import ArgMax, Graph, Linear, Sigmoid
from tacit.proofs.model.secret import CommittedModel

SCHEMA = Schema(
    label="ill",
    max_rows=100,
    columns=(
        Column(name="age", kind="number", low=0.0, high=1.0),
        Column(name="sex", kind="category", values=("female", "male")),
        Column(name="ill", kind="category", values=("no", "yes")),
    ),
)


@pytest.fixture
def table(tmp_path):
    """Who is older than 0.5 is ill; every third is male."""
    path = tmp_path / "rows.csv"
    rows = [f"{i / 40},{'male' if i % 3 == 0 else 'female'},{'yes' if i > 20 else 'no'}" for i in range(40)]
    path.write_text("\n".join(["age,sex,ill", *rows]) + "\n")
    return path


def committed(*layers):
    graph = Graph.build(list(layers), SCHEMA.feature_low, SCHEMA.feature_high, fraction_bits=12)
    return CommittedModel.new(graph, uses=20)


def older(threshold=0.51):
    return committed(Linear.of(np.array([[8.0, 0.0, 0.0]]), np.array([-8.0 * threshold])), Sigmoid.of())


def test_the_number_of_right_rows_is_found_and_more_is_refused(table):
    model = older()
    data = commit_table(table, SCHEMA, model.commitment)
    statement = accuracy(model, data)
    assert statement.least == 40
    assert certify(statement, model, data).verify().bits >= 100
    worse = older(0.7)
    assert accuracy(worse, data).least == 32
    with pytest.raises(ProofError, match="right on 32 of 40"):
        accuracy(worse, data, 33)


def test_classes_by_argmax_are_counted_alike(table):
    model = committed(Linear.of(np.array([[0.0, 0, 0], [8.0, 0, 0]]), np.array([0.0, -4.08])), ArgMax.of())
    data = commit_table(table, SCHEMA, model.commitment)
    assert accuracy(model, data).least == 40
    two = committed(Linear.of(np.array([[0.0, 0, 0], [8.0, 0, 0]]), np.array([0.0, -4.08])))
    assert accuracy(two, commit_table(table, SCHEMA, two.commitment)).least == 40


def test_groups_are_those_of_the_column_and_its_value(table):
    model = older()
    data = commit_table(table, SCHEMA, model.commitment, "sex=male")
    assert data.parts["groups"].sum() == 14
    parity = fairness(model, data, Fraction(1, 5), odds=False)
    assert parity.sizes.groups == (26, 14)
    assert certify(parity, model, data).verify().bits >= 100
    by_number = commit_table(table, SCHEMA, model.commitment, "age=0.5")
    assert by_number.parts["groups"].sum() == 1
    with pytest.raises(ProofError, match="without groups"):
        fairness(model, commit_table(table, SCHEMA, model.commitment), Fraction(1, 5), odds=True)
    for wrong in ("hair=red", "sex", "age=old"):
        with pytest.raises(DataError, match="not COLUMN=VALUE"):
            commit_table(table, SCHEMA, model.commitment, wrong)


def test_an_inference_states_what_the_model_gives(table):
    model = older()
    statement = inference(model, table, SCHEMA)
    np.testing.assert_array_equal(statement.outputs, model.graph.evaluate(statement.rows))
    assert certify(statement, model).verify().bits >= 100


def test_a_table_of_another_model_is_refused(table):
    graph = Graph.build([Linear.of(np.ones((2, 2)))], 0.0, 1.0, input_shape=(2,), fraction_bits=12)
    with pytest.raises(DataError, match="3 features"):
        commit_table(table, SCHEMA, CommittedModel.new(graph, uses=2).commitment)


def test_the_best_model_is_nearer_to_the_best_than_another(table):
    model, data = commit_fit(table, SCHEMA, "logistic", 0.1, uses=4)
    best = optimality(model, data, "logistic", Fraction(round(0.1 * 2**20), 2**20))
    assert best.objective.distance < Fraction(1, 100)
    assert certify(best, model, data).verify().bits >= 100
    with pytest.raises(ProofError, match="dual"):
        optimality(model, data, "hinge", Fraction(1, 8))

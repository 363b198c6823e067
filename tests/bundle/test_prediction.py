import json
import stat

import numpy as np
import pytest

from tacit.bundle import Bundle
from tacit.bundle.prediction import Predictions, predict
from tacit.data import Column, Schema
from tacit.errors import DataError, IdentityError, ProofError
from tacit.graph import Graph, Linear, Softmax


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text("age\n20\n64\n100\n")
    return path


def test_a_holder_predicts_with_the_very_model(world, table):
    result = predict(Bundle.decode(world.data), world.identities["buyer"], table)
    graph = Bundle.decode(world.data).open(world.identities["ash"])
    expected = graph.predict([[20.0], [64.0], [100.0]]).reshape(-1)
    assert len(result) == 3
    assert (result.scores[:, 1] == expected).all()
    assert result.scores[0, 1] < 0.5 < result.scores[2, 1]
    assert result.values[0] == "false"
    assert result.values[2] == "true"


def test_rows_as_people_and_programs_read_them(world, table):
    result = predict(Bundle.decode(world.data), world.identities["ash"], table)
    assert result.columns == ("readmitted", "probability of false", "probability of true")
    first = next(result.rows())
    assert first[:2] == [1, "false"]
    assert first[2] + first[3] == pytest.approx(1, abs=1e-3)
    shown = json.loads(json.dumps(result.as_dict()))
    assert shown["label"] == "readmitted"
    assert shown["classes"] == ["false", "true"]
    assert len(shown["probabilities"]) == 3
    assert repr(result) == "Predictions(3 rows, hidden)"


def test_the_file_is_for_its_owner_alone(world, table, tmp_path):
    result = predict(Bundle.decode(world.data), world.identities["ash"], table)
    path = tmp_path / "predictions.csv"
    result.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text().splitlines()
    assert lines[0] == "row,readmitted,probability of false,probability of true"
    assert len(lines) == 4


def test_numbers_and_many_classes():
    numbers = Schema("y", (Column("x", "number", 0.0, 1.0), Column("y", "number", 0.0, 9.0)))
    result = Predictions(numbers, np.array([1.5, 2.25]))
    assert result.columns == ("y",)
    assert list(result.rows()) == [[1, 1.5], [2, 2.25]]
    assert result.as_dict() == {"label": "y", "predictions": [1.5, 2.25]}
    classes = Schema("y", (Column("x", "number", 0.0, 1.0), Column("y", "category", values=("a", "b", "c"))))
    result = Predictions(classes, np.array([[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]]))
    assert result.values == ["c", "a"]
    assert next(result.rows()) == [1, "c", 0.1, 0.2, 0.7]


def test_a_model_that_anybody_can_have_made_comes_with_a_warning(world, table):
    """A forger needs nothing but a holder's public identity to seal it a model of its own."""
    bundle, ash = Bundle.decode(world.data), world.identities["ash"]
    unpinned = predict(bundle, ash, table)
    assert [warning.partition(":")[0] for warning in unpinned.warnings] == ["keys pinned"]
    assert unpinned.as_dict()["warnings"] == list(unpinned.warnings)
    for expected in ({"study": world.study}, {"pins": iter(world.study.parties)}):
        pinned = predict(bundle, ash, table, **expected)
        assert pinned.warnings == ()
        assert "warnings" not in pinned.as_dict()


def test_a_model_of_others_than_expected_predicts_nothing(world, table, tmp_path, outsider):
    bundle, ash = Bundle.decode(world.data), world.identities["ash"]
    for expected in ({"study": world.another_study(tmp_path / "real", keep=False)}, {"pins": [outsider.public]}):
        with pytest.raises(ProofError, match="keys pinned"):
            predict(bundle, ash, table, **expected)


LABELS = {
    "regression": (
        'kind = "number"\nlow = 0.0\nhigh = 60.0',
        "linear",
        [Linear.of(np.array([[0.5]]), np.array([0.0]))],
    ),
    "multiclass": (
        'kind = "category"\nvalues = ["low", "middle", "high"]',
        "logistic",
        [Linear.of(np.array([[-0.25], [0.0], [0.25]]), np.array([8.0, 2.0, -20.0])), Softmax.of()],
    ),
}


@pytest.mark.parametrize("task", LABELS)
def test_predictions_of_other_tasks_belong_to_their_rows(world, table, tmp_path, task):
    label, model, layers = LABELS[task]

    def change(text):
        return text.replace('kind = "boolean"', label).replace('kind = "logistic"', f'kind = "{model}"')

    graph = Graph.build(layers, [0.0], [120.0])
    study = world.another_study(tmp_path / "study", change)
    data = world.sealed(world.outcome(study=study, graph=graph.to_bytes()))
    result = predict(Bundle.decode(data), world.identities["ash"], table, study)
    expected = graph.predict([[20.0], [64.0], [100.0]])
    assert len(result) == len(list(result.rows())) == 3
    if task == "regression":
        assert result.values == expected[:, 0].tolist()
        assert [round(value) for value in result.values] == [10, 32, 50]
    else:
        assert (result.scores == expected).all()
        assert result.values == ["low", "middle", "high"]


def test_who_is_no_holder_predicts_nothing(world, table):
    with pytest.raises(IdentityError, match="is not a holder"):
        predict(Bundle.decode(world.data), world.identities["birch"], table)


def test_a_bundle_that_does_not_hold_predicts_nothing(world, table):
    bundle = Bundle.decode(world.packed(payload=b"x" * len(world.proposal.payload)))
    with pytest.raises(ProofError, match="does not hold"):
        predict(bundle, world.identities["ash"], table)


def test_a_row_outside_the_schema_is_named(world, tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text("age\n20\n121\n")
    with pytest.raises(DataError, match=r"patients\.csv"):
        predict(Bundle.decode(world.data), world.identities["ash"], path)

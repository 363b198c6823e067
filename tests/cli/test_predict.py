"""`tacit predict`: a holder's key opens the model, and predictions are as private as rows."""

import csv
import stat

import numpy as np
import pytest

from tacit.bundle import Bundle
from tacit.bundle.personal import save_personal
from tacit.bundle.prediction import Predictions
from tacit.cli.predict import _show
from tacit.data import Column, Schema
from tacit.graph import Graph, Linear, Sigmoid
from tacit.keys import Identity


def test_prints_a_prediction_for_every_row(tacit, sealed):
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--json")
    assert done.code == 0
    assert len(done.json["predictions"]) == 80
    assert set(done.json["predictions"]) <= {"yes", "no"}
    assert all(abs(sum(row) - 1) < 1e-5 for row in done.json["probabilities"])
    shown = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key")
    assert "probability of yes" in shown.out


@pytest.mark.parametrize(("count", "whole"), [(4, True), (5, False), (12, False)])
def test_of_many_classes_the_predicted_ones_probability_is_shown(capsys, count, whole):
    digits = tuple(str(digit) for digit in range(count))
    schema = Schema("digit", (Column("pixel", "integer", 0, 16), Column("digit", "category", values=digits)))
    scores = np.full((2, count), 0.25 / (count - 1))
    scores[0, 3] = scores[1, 1] = 0.75
    _show(Predictions(schema, scores))
    printed = capsys.readouterr().out
    assert ("probability of 3" in printed) == whole
    assert (f"probabilities of all {count} classes are in what --out and --json write" in printed) != whole
    lines = [line.split() for line in printed.splitlines()]
    assert whole or lines[1:3] == [["1", "3", "0.75"], ["2", "1", "0.75"]]


def test_numbers_are_shown_as_they_are(capsys):
    schema = Schema("days", (Column("age", "integer", 0, 120), Column("days", "number", 0, 100)))
    _show(Predictions(schema, np.array([1.5, 22.25])))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["row", "days"], ["1", "1.5"], ["2", "22.25"]]


def test_needs_no_label(tacit, sealed):
    sealed.table.write_text("sex,age\nmale,30\nfemale,80\n")
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--json")
    assert done.json["predictions"] == ["no", "yes"]


def test_writes_a_file_that_only_its_owner_reads(tacit, sealed):
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--out", "out.csv")
    assert done.code == 0
    assert stat.S_IMODE((sealed.here / "out.csv").stat().st_mode) == 0o600
    with (sealed.here / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80
    assert rows[0]["row"] == "1"


def test_only_a_holder_can(tacit, sealed):
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "carrier.key")
    assert done.code == 1
    assert "holder" in done.err


def test_an_altered_bundle_predicts_nothing(tacit, sealed):
    data = bytearray(sealed.bundle.read_bytes())
    data[-1] ^= 1
    sealed.bundle.write_bytes(data)
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--out", "out.csv")
    assert done.code == 1
    assert not (sealed.here / "out.csv").exists()


def test_a_bad_cell_is_named_and_not_shown(tacit, sealed):
    sealed.table.write_text("age,sex\n30,male\n777.5,female\n")
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key")
    assert done.code == 1
    assert "line 3, column 'age'" in done.err
    assert "777" not in done.err


def test_says_when_anybody_could_have_made_the_model(tacit, sealed):
    arguments = ("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--out", "out.csv")
    done = tacit(*arguments)
    assert done.code == 0
    assert "NOBODY'S KEY WAS COMPARED" in done.err
    pinned = tacit(*arguments, "--study", sealed.study)
    assert pinned.code == 0
    assert pinned.err == ""


def test_another_study_than_expected_predicts_nothing(tacit, sealed):
    text = (sealed.study / "study.toml").read_text()
    (sealed.study / "study.toml").write_text(text.replace("a test", "b test"))
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--study", sealed.study)
    assert done.code == 1
    assert "probability" not in done.out


def test_identity_may_come_from_the_environment(tacit, sealed, monkeypatch):
    monkeypatch.setenv("TACIT_IDENTITY", "north.key")
    assert tacit("predict", sealed.bundle, sealed.table).code == 0


def test_a_personal_model_predicts_and_is_said_to_be_certified_by_nobody(tacit, sealed):
    bundle, north = Bundle.load(sealed.bundle), Identity.load(sealed.here / "north.key")
    schema = bundle.agreement.data
    always = Linear.of(np.zeros((1, len(schema.features))), np.array([4.0]))
    graph = Graph.build([always, Sigmoid.of()], schema.feature_low, schema.feature_high)
    save_personal(sealed.here / "own", graph, bundle, north)
    arguments = ("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--study", sealed.study)
    done = tacit(*arguments, "--personal", "own")
    assert done.code == 0
    assert "those of the common model and not of this one" in done.err
    assert set(tacit(*arguments, "--personal", "own", "--json").json["predictions"]) == {"yes"}
    assert set(tacit(*arguments, "--json").json["predictions"]) == {"yes", "no"}


def test_a_personal_model_of_somebody_else_predicts_nothing(tacit, sealed):
    bundle, east = Bundle.load(sealed.bundle), Identity.load(sealed.here / "east.key")
    save_personal(sealed.here / "own", bundle.open(east), bundle, east)
    done = tacit("predict", sealed.bundle, sealed.table, "--identity", "north.key", "--personal", "own")
    assert done.code == 1
    assert "no personal model of 'north' that goes with this bundle" in done.err
    assert "probability" not in done.out

"""`tacit train`: what it refuses before anything runs. Whole runs are in tests/run, tests/demo and tests/docs."""

import pytest


@pytest.fixture
def signed(tacit, study):
    for name in ("north", "east", "south"):
        tacit("study", "sign", "trial", "--identity", f"{name}.key")
    return study


def test_refuses_an_agreement_that_not_all_have_signed(tacit, study, members):
    tacit("study", "sign", "trial", "--identity", "north.key")
    done = tacit("train", "trial", "--identity", "carrier.key")
    assert done.code == 1
    assert "east: has not signed" in done.err


def test_party_needs_its_table(tacit, signed):
    done = tacit("train", "trial", "--identity", "north.key")
    assert done.code == 1
    assert "--data" in done.err


def test_coordinator_takes_no_table(tacit, signed, members):
    (members / "rows.csv").write_text("age,sex,ill\n30,male,no\n40,male,yes\n")
    done = tacit("train", "trial", "--identity", "carrier.key", "--data", "rows.csv")
    assert done.code == 1
    assert "never sees a table" in done.err


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("age,sex\n30,male\n", "column 'ill' is missing"),
        ("age,sex,ill\n130,male,no\n40,male,yes\n", "line 2, column 'age': is out of bounds, 0 to 120"),
        ("age,sex,ill\n30,other,no\n40,male,yes\n", "line 2, column 'sex': is none of the categories"),
        ("age,sex,ill\nnan,male,no\n40,male,yes\n", "line 2, column 'age': is not a finite number"),
        ("age,sex,ill\n30,male,no\n40,male,no\n", "every row has the same class"),
        ("", "is empty"),
    ],
)
def test_bad_tables_are_refused_before_connecting(tacit, signed, members, rows, says):
    (members / "rows.csv").write_text(rows)
    done = tacit("train", "trial", "--identity", "north.key", "--data", "rows.csv")
    assert done.code == 1
    assert says in done.err
    assert "rows.csv" in done.err

"""The command line on studies that train by multi-party computation. Whole runs are in tests/run and tests/docs."""

import pytest

from tacit.study import Study

ADDRESSES = [word for port in (7001, 7002, 7003) for word in ("--party-address", f"127.0.0.1:{port}")]
MPC = ["--method", "mpc", "--security", "active", *ADDRESSES]
BY_COLUMNS = ["--columns", "north=sex", "--columns", "east=age", "--labels", "south"]


@pytest.fixture
def computed(tacit, new_study_arguments, members):
    assert tacit(*new_study_arguments, *MPC).code == 0
    for name in ("north", "east", "south"):
        assert tacit("study", "sign", "trial", "--identity", f"{name}.key").code == 0
    return members


def test_what_is_left_open_is_what_a_computation_can_have(computed):
    agreement = Study.load(computed / "trial").agreement
    assert (agreement.training.method, agreement.computation.security) == ("mpc", "active")
    assert agreement.computation.addresses == ("127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7003")
    assert (agreement.privacy.unit, agreement.trust.corrupt, agreement.trust.dropping) == ("none", 1, 0)
    assert (agreement.training.batch_rows, agreement.training.learning_rate) == (128, 0.1)
    assert agreement.split == "horizontal"


def test_columns_of_each_party_can_be_given(tacit, new_study_arguments, members):
    assert tacit(*new_study_arguments, *MPC, *BY_COLUMNS).code == 0
    agreement = Study.load(members / "trial").agreement
    assert agreement.split == "vertical"
    assert agreement.computation.columns == {"north": ("sex",), "east": ("age",)}
    assert agreement.computation.labels == "south"
    shown = tacit("study", "show", "trial").out
    assert "south: ill (the label)" in shown


def test_show_says_in_a_line_how_secure_it_is_and_what_that_promises(tacit, computed):
    shown = tacit("study", "show", "trial", "--json").json
    assert shown["security"].startswith("active: one of the three may do what it likes and learns nothing")
    assert "\n" not in shown["security"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--method", "mpc", *ADDRESSES], "security"),
        (["--method", "mpc", "--security", "active"], "addresses"),
        ([*MPC, "--unit", "record"], "noise that is drawn inside the computation is not built yet"),
        ([*MPC, "--dropping", "1"], "trust.dropping must be 0"),
        ([*MPC, "--corrupt", "0"], "trust.corrupt must be 1"),
        ([*MPC, "--poisoning", "1"], "trust.poisoning must be 0"),
        ([*MPC, "--columns", "north"], "--columns 'north' is not PARTY=COLUMN,COLUMN"),
        ([*MPC, "--columns", "north=sex", "--columns", "east=age"], "computation.labels must be the party"),
        ([*MPC, "--labels", "north"], "computation.labels is for split 'vertical'"),
        (["--security", "active"], "are for the method 'mpc' (--method)"),
        (ADDRESSES, "are for the method 'mpc' (--method)"),
    ],
)
def test_what_does_not_go_together_is_refused_and_nothing_written(tacit, new_study_arguments, members, options, says):
    done = tacit(*new_study_arguments, *options)
    assert done.code == 1
    assert says in done.err
    assert not (members / "trial").exists()


def test_party_and_coordinator_services_over_flower_are_refused(tacit, computed):
    (computed / "rows.csv").write_text("age,sex,ill\n30,male,no\n40,male,yes\n")
    party = tacit("party", "serve", "trial", "--identity", "north.key", "--data", "rows.csv")
    coordinator = tacit("coordinator", "serve", "trial", "--identity", "carrier.key")
    for done in (party, coordinator):
        assert done.code == 1
        assert "does not run over Flower: use `tacit train`" in done.err


def test_a_table_is_checked_for_the_partys_own_columns(tacit, new_study_arguments, members):
    assert tacit(*new_study_arguments, *MPC, *BY_COLUMNS).code == 0
    for name in ("north", "east", "south"):
        tacit("study", "sign", "trial", "--identity", f"{name}.key")
    (members / "rows.csv").write_text("age,sex,ill\n30,male,no\n40,male,yes\n")
    done = tacit("train", "trial", "--identity", "north.key", "--data", "rows.csv")
    assert done.code == 1
    assert "column 'age' is another party's by the agreement" in done.err


def test_a_place_to_listen_at_must_be_one(tacit, computed):
    (computed / "rows.csv").write_text("age,sex,ill\n30,male,no\n40,male,yes\n")
    done = tacit("train", "trial", "--identity", "north.key", "--data", "rows.csv", "--listen", "here")
    assert done.code == 1
    assert "'here' is not HOST:PORT" in done.err


def test_check_says_that_it_can_be_met(tacit, computed):
    assert tacit("study", "check", "trial").code == 0

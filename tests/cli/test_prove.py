"""`tacit commit`, `tacit prove`, and `tacit verify` of what they make."""

from __future__ import annotations

import pytest


@pytest.fixture
def committed(tacit, sealed):
    """The model and the table of the finished run, committed to by north: `model` and `rows`, with sex as the group."""
    me = ("--identity", sealed.here / "north.key")
    pinned = ("--study", sealed.study)
    assert tacit("commit", "model", sealed.bundle, "--name", "model", *me, *pinned).code == 0
    columns = ("--bundle", sealed.bundle, "--model", "model.commitment")
    done = tacit("commit", "data", sealed.table, *columns, "--name", "rows", "--group", "sex=male", *me)
    assert done.code == 0, done.err
    return sealed


@pytest.fixture
def prove(tacit, committed):
    def call(statement, *arguments, out="a.proof"):
        secrets = ["--model", "model.secret"]
        if statement not in ("model", "inference"):
            secrets += ["--data", "rows.secret"]
        me = ("--identity", committed.here / "north.key")
        return tacit("prove", statement, *secrets, *me, "--out", out, *arguments)

    return call


def commitments(*names):
    return [word for name in names for word in ("--commitment", f"{name}.commitment")]


def test_secrets_are_sealed_and_private_and_commitments_are_small(tacit, committed):
    for name in ("model", "rows"):
        secret, shown = committed.here / f"{name}.secret", committed.here / f"{name}.commitment"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert b"tacit.model-secret" not in secret.read_bytes()
        assert shown.stat().st_size < 4096
    other = ("--identity", committed.here / "east.key")
    done = tacit("prove", "accuracy", "--model", "model.secret", "--data", "rows.secret", "--out", "a.proof", *other)
    assert done.code == 1
    assert "cannot be used" in done.err


@pytest.mark.parametrize(
    ("statement", "options"),
    [
        ("accuracy", ()),
        ("fairness", ("--kind", "parity", "--bound", "0.999")),
        ("fairness", ("--kind", "odds", "--bound", "999/1000")),
    ],
)
def test_a_statement_is_proved_and_verified(tacit, prove, statement, options):
    done = prove(statement, *options, "--context", "7")
    assert done.code == 0, done.err
    assert "It does not say" in done.out or "says nothing" in done.out
    shown = tacit("verify", "a.proof", *commitments("model", "rows"), "--context", "7")
    assert shown.code == 0
    assert "holds" in shown.out
    assert "warning" not in shown.out
    assert "all together" in shown.out
    assert tacit("verify", "a.proof", "--json").json["bits"] >= 100


def test_an_inference_shows_its_rows(tacit, prove, committed):
    assert prove("inference", committed.table, "--bundle", committed.bundle).code == 0
    done = tacit("verify", "a.proof", *commitments("model"), "--json")
    assert done.code == 0
    assert done.json["pinned"] is True
    assert tacit("verify", "a.proof", *commitments("rows")).code == 1


def test_the_best_model_of_ones_own_rows_is_proved_to_be_it(tacit, sealed):
    me = ("--identity", sealed.here / "north.key")
    done = tacit("commit", "fit", sealed.table, "--bundle", sealed.bundle, "--name", "best", "--mu", "0.05", *me)
    assert done.code == 0, done.err
    secrets = ("--model", "best-model.secret", "--data", "best-rows.secret", "--out", "a.proof", *me)
    done = tacit("prove", "optimality", "--mu", "0.05", *secrets)
    assert done.code == 0, done.err
    shown = tacit("verify", "a.proof", *commitments("best-model", "best-rows"))
    assert shown.code == 0
    assert "minimises the logistic loss" in shown.out
    done = tacit("prove", "optimality", "--loss", "hinge", *secrets)
    assert done.code == 1
    assert "dual" in done.err


def test_a_reader_is_told_what_was_not_compared(tacit, prove):
    assert prove("accuracy", "--context", "7").code == 0
    done = tacit("verify", "a.proof", *commitments("model"))
    assert done.code == 0
    assert done.out.count("warning") == 2
    assert tacit("verify", "a.proof", "--context", "8").code == 1


def test_a_false_claim_is_not_proved(prove):
    done = prove("accuracy", "--least", "81")
    assert done.code == 1
    assert "right on" in done.err
    assert prove("fairness", "--kind", "parity", "--bound", "0").code == 1


def test_any_flipped_bit_ends_with_1(tacit, prove, committed):
    assert prove("accuracy").code == 0
    path = committed.here / "a.proof"
    data = path.read_bytes()
    for place in range(40, len(data), len(data) // 25):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed)
        done = tacit("verify", "a.proof", *commitments("model", "rows"))
        assert done.code == 1
        assert "Traceback" not in done.err


def test_uses_are_counted_and_end(tacit, sealed):
    me = ("--identity", sealed.here / "north.key")
    assert tacit("commit", "model", sealed.bundle, "--name", "once", "--uses", "1", *me).code == 0
    inference = ("prove", "inference", sealed.table, "--bundle", sealed.bundle, "--model", "once.secret", *me)
    assert tacit(*inference, "--out", "1.proof", "--json").json["proofs_left"] == [0]
    done = tacit(*inference, "--out", "2.proof")
    assert done.code == 1
    assert "commit to it anew" in done.err


def test_a_plan_proves_and_counts_nothing(tacit, prove, committed):
    before = (committed.here / "model.secret").read_bytes()
    done = prove("accuracy", "--plan", "--json")
    assert done.code == 0, done.err
    assert done.json["soundness_bits"] >= 100
    assert not (committed.here / "a.proof").exists()
    assert (committed.here / "model.secret").read_bytes() == before
    assert "it would take" in prove("accuracy", "--plan").out


DATA = "commit data {table} --bundle {bundle} --name x --model"
PROVE = "--data rows.secret --out a.proof --model"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("commit model {bundle} --name model", "is there already"),
        (f"{DATA} rows.commitment", "not of a model"),
        (f"{DATA} model.commitment --group hair=red", "not COLUMN=VALUE"),
        (f"prove accuracy {PROVE} model.commitment", "everybody may see"),
        (f"prove accuracy {PROVE} rows.secret", "committed model"),
        (f"prove fairness --kind parity --bound many {PROVE} model.secret", "no number"),
    ],
)
def test_mistakes_are_told_in_words(tacit, committed, arguments, said):
    places = {"bundle": committed.bundle.name, "table": committed.table.name}
    me = ("--identity", committed.here / "north.key")
    done = tacit(*arguments.format(**places).split(), *me)
    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_neither_bundle_nor_proof_is_refused(tacit, here):
    (here / "a.proof").write_bytes(b"nothing")
    assert tacit("verify", "a.proof").code == 1
    assert tacit("verify", "a.proof", "--json").json["error"]["kind"] == "FormatError"

"""The demo does what it says: nine steps, real processes, nobody reading what is another's."""

import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tacit.bundle import Bundle, verify
from tacit.keys import Identity
from tacit.study import Study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

HOSPITALS = ("north", "east", "south", "west")


def test_reports_accuracy_beside_both_baselines(demo):
    report = demo.report
    assert report["holdout_rows"] == 114
    assert sum(report["rows"].values()) == 569 - 114
    assert report["accuracy"] > 0.88
    assert report["pooled"] > 0.9
    assert set(report["alone"]) == set(HOSPITALS)
    assert report["alone_mean"] == pytest.approx(np.mean(list(report["alone"].values())))


def test_reports_what_fixed_point_costs(demo):
    assert demo.report["fixed_point"]["rows"] == 569 - 114
    assert demo.report["fixed_point"]["changed"] <= 2
    assert demo.report["fixed_point"]["largest_difference"] < 0.01


def test_bundle_is_the_same_at_all_hospitals_and_verifies(demo):
    bundles = {(demo.folder / "hospitals" / name / "model.tacit").read_bytes() for name in HOSPITALS}
    assert len(bundles) == 1
    assert verify(bundles.pop(), study=Study.load(demo.folder / "study")).holds


def test_every_hospital_can_open_it_and_the_coordinator_cannot(demo):
    bundle = Bundle.load(demo.folder / "model.tacit")
    for name in HOSPITALS:
        identity = Identity.load(demo.folder / "hospitals" / name / f"{name}.key")
        assert bundle.open(identity).digest == demo.report["model_digest"]
    with pytest.raises(Exception, match="holder"):
        bundle.open(Identity.load(demo.folder / "coordinator" / "coordinator.key"))


def test_private_keys_have_mode_0600(demo):
    keys = list(demo.folder.rglob("*.key"))
    assert len(keys) == 5
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)


def test_each_hospital_reads_only_its_own_folder(demo):
    for name in HOSPITALS:
        own = demo.folder / "hospitals" / name
        inside = {path for path in demo.opened[own] if demo.folder in path.parents}
        assert own / "patients.csv" in inside, "the spy sees nothing: the test would be empty"
        assert [path for path in inside if own not in (path, *path.parents)] == []


def test_coordinator_reads_and_keeps_no_table(demo):
    own = demo.folder / "coordinator"
    inside = {path for path in demo.opened[own] if demo.folder in path.parents}
    assert inside, "the spy sees nothing: the test would be empty"
    assert [path for path in inside if own not in (path, *path.parents)] == []
    kept = b"".join(path.read_bytes() for path in own.rglob("*") if path.is_file())
    tables = pd.concat([pd.read_csv(demo.folder / "hospitals" / name / "patients.csv") for name in HOSPITALS])
    # Values with many digits: none of them can be there by chance.
    telling = {repr(value) for value in tables.select_dtypes("number").to_numpy().ravel() if len(repr(value)) >= 6}
    assert len(telling) > 1000
    assert not [value for value in telling if value.encode() in kept]


def test_predictions_cover_the_held_out_patients(demo):
    predictions = pd.read_csv(demo.folder / "predictions.csv")
    truth = pd.read_csv(demo.folder / "holdout.csv")["diagnosis"]
    assert np.mean(predictions["diagnosis"] == truth) == demo.report["accuracy"]


def test_test_seed_claims_no_privacy_anywhere(demo):
    assert "TEST SEED" in demo.report["void"]
    assert "test_seed = 5" in (demo.folder / "study" / "study.toml").read_text()
    rows = verify(demo.folder / "model.tacit").rows
    assert any(row.result == "warning" and "NO PRIVACY" in row.detail for row in rows)


def test_same_seed_gives_the_same_model(demo, run_another, tmp_path: Path):
    again = run_another(tmp_path, "--seed", "5").report
    for key in ("model_digest", "accuracy", "alone", "pooled", "rows"):
        assert again[key] == demo.report[key]


def test_without_a_seed_privacy_is_claimed_and_noise_is_fresh(demo, run_another, tmp_path: Path):
    report = run_another(tmp_path).report
    assert report["void"] == ""
    assert 0 < report["epsilon"] <= 4.0
    assert report["model_digest"] != demo.report["model_digest"]

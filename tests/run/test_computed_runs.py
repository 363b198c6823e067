"""Whole runs by multi-party computation: each member a process with the command line, over TLS on this machine."""

import json
import signal

import pandas as pd
import pytest

from tacit.bundle import Bundle, container, verify
from tacit.bundle.container import Sections
from tacit.bundle.manifest import SIGNING_DOMAIN, Manifest
from tacit.data import load
from tacit.demo.patients import LABEL, patient_schema, split_patients

from .computing import COORDINATOR, NAMES, SMALL, Place, events, small_table, small_tables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def patients():
    """The demo's hospitals, of which the fourth's rows are held back besides."""
    return split_patients(None)


@pytest.fixture(scope="module")
def cancer(patients, tmp_path_factory):
    """A finished run on whole rows of breast-cancer patients, secure against a party that deviates."""
    here = tmp_path_factory.mktemp("cancer")
    tables = {name: patients.hospitals[name] for name in NAMES}
    place = Place.make(here, patient_schema(), tables, security="active", rounds=3, batch_rows=64, learning_rate=0.3)
    return place, place.train_all()


def test_every_member_ends_well_and_says_how_far_it_is(cancer):
    place, ended = cancer
    for name, (code, out, errors) in ended.items():
        assert code == 0, (name, out, errors)
        assert "epoch 3 of 3" in out
        assert "Traceback" not in out + errors
    assert len({(place.here / f"{name}.tacit").read_bytes() for name in (*NAMES, COORDINATOR)}) == 1
    assert not list(place.here.glob("study/log/*/shares*"))


def test_the_bundle_verifies_and_says_how_it_was_trained(cancer):
    place, _ = cancer
    process = place.tacit("verify", "north.tacit", "--study", "study", "--json")
    report = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert report["holds"]
    said = {row["check"]: row["detail"] for row in report["rows"]}
    assert said["method"] == (
        "trained by multi-party computation, security active (abort), one of three may be corrupt"
    )
    assert said["rounds"].startswith("3 epochs of training on shares")
    assert "at most one of the three parties is corrupt, whatever it does" in said["trust"]


def test_the_model_predicts_patients_whom_nobody_has_seen(cancer, patients):
    place, _ = cancer
    patients.holdout.drop(columns=LABEL).to_csv(place.here / "new.csv", index=False)
    process = place.tacit(
        "predict", "east.tacit", "new.csv", "--identity", "east.key", "--study", "study", "--out", "out.csv"
    )
    output = process.communicate(timeout=60)
    assert process.returncode == 0, output
    found = pd.read_csv(place.here / "out.csv")
    right = (found[LABEL].to_numpy() == patients.holdout[LABEL].to_numpy()).mean()
    assert right > 0.9


@pytest.mark.parametrize("collude", [False, True])
def test_another_security_in_the_bundle_is_refused(cancer, collude):
    """Whether a bit was flipped or all three signed the lie: the agreement in the bundle says what was asked for."""
    place, _ = cancer
    sections = container.unpack((place.here / "north.tacit").read_bytes())
    manifest = sections.manifest.replace(b'"security":"active"', b'"security":"passive"')
    assert manifest != sections.manifest
    assert Manifest.decode(manifest).security == "passive"
    signatures = sections.manifest_signatures
    if collude:
        signatures = tuple(place.people[name].sign(SIGNING_DOMAIN, manifest) for name in NAMES)
    forged = container.pack(sections._replace(manifest=manifest, manifest_signatures=signatures))
    report = verify(forged, study=place.study)
    signed = [] if collude else [f"result signed by {name}" for name in NAMES]
    assert [row.check for row in report.failures] == [*signed, "method"]
    assert "its security is 'passive', but the agreement says 'active'" in report.failures[-1].detail
    with pytest.raises(Exception, match="does not hold"):
        Bundle.decode(forged).open(place.people["north"], place.study)


def test_another_security_in_the_agreement_is_refused(cancer):
    place, _ = cancer
    sections = container.unpack((place.here / "north.tacit").read_bytes())
    agreement = sections.agreement.replace(b'security = "active"', b'security = "passive"')
    assert isinstance(sections, Sections)
    assert agreement != sections.agreement
    failures = verify(container.pack(sections._replace(agreement=agreement))).failures
    assert "agreement" in {row.check for row in failures}
    assert "agreement signed by north" in {row.check for row in failures}


def test_columns_of_three_owners_make_one_model(tmp_path):
    whole = small_table(150, 5)
    tables = {"north": whole[["sex"]], "east": whole[["dose", "age"]], "south": whole[["ill"]]}
    place = Place.make(
        tmp_path,
        SMALL,
        tables,
        security="passive",
        rounds=6,
        batch_rows=50,
        learning_rate=0.3,
        model="mlp",
        hidden=(5,),
        columns={"north": ("sex",), "east": ("age", "dose")},
        labels="south",
    )
    for name, (code, out, errors) in place.train_all("--json").items():
        assert code == 0, (name, out, errors)
    graph = Bundle.load(tmp_path / "south.tacit").open(place.people["south"], place.study)
    small_table(200, 6).to_csv(tmp_path / "new.csv", index=False)
    new = load(tmp_path / "new.csv", SMALL)
    assert ((graph.predict(new.features).reshape(-1) > 0.5) == new.labels).mean() > 0.85
    said = {row.check: row.detail for row in verify(tmp_path / "south.tacit", study=place.study).rows}
    assert "security passive (a corrupt party only looks)" in said["method"]
    assert "follows the program" in said["trust"]


def test_a_party_with_another_number_of_rows_is_named_by_all(tmp_path):
    whole = small_table(60, 5)
    tables = {"north": whole[["sex"]], "east": whole[["dose", "age"]][:-1], "south": whole[["ill"]]}
    place = Place.make(
        tmp_path,
        SMALL,
        tables,
        security="active",
        columns={"north": ("sex",), "east": ("age", "dose")},
        labels="south",
    )
    ended = place.train_all()
    for name in NAMES:
        code, out, errors = ended[name]
        assert code == 1, (name, out, errors)
        assert "that of 'east' differs: north 60, east 59, south 60" in errors
        assert "Traceback" not in errors
    assert ended[COORDINATOR][0] == 1


def test_who_brings_columns_of_others_is_refused_before_it_connects(tmp_path):
    whole = small_table(60, 5)
    tables = {"north": whole[["sex", "age"]], "east": whole[["dose", "age"]], "south": whole[["ill"]]}
    place = Place.make(
        tmp_path,
        SMALL,
        tables,
        security="active",
        columns={"north": ("sex",), "east": ("age", "dose")},
        labels="south",
    )
    process = place.train("north")
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "column 'age' is another party's by the agreement" in errors


@pytest.fixture
def long(tmp_path):
    """A run of many short epochs."""
    return Place.make(
        tmp_path, SMALL, small_tables(), security="active", rounds=60, batch_rows=25, learning_rate=0.2, timeout=30
    )


def stopped_in_training(place, number, victim="south"):
    """Start everybody, and send `victim` a signal in mid-training; what the others end with."""
    started = {name: place.train(name, "--json") for name in (COORDINATOR, *NAMES)}
    try:
        for line in started["north"].stdout:
            event = json.loads(line)
            assert "error" not in event, event
            if event["event"] == "epoch" and event["step"] >= 3:
                break
        started[victim].send_signal(number)
        others = {name: started[name].communicate(timeout=200) for name in started if name != victim}
        return {name: (started[name].returncode, *said) for name, said in others.items()}
    finally:
        for process in started.values():
            process.kill()
            process.communicate()


def test_a_party_that_is_killed_is_named_and_all_go_on_after_the_kept_epoch(long):
    for name, (code, out, errors) in stopped_in_training(long, signal.SIGKILL).items():
        assert code == 1, (name, out, errors)
        assert events(out)[-1]["error"]["message"].startswith("south, in step"), (name, out)
        assert "Traceback" not in errors
    assert not list(long.here.glob("*.tacit"))
    ended = long.train_all("--json")
    for name, (code, out, errors) in ended.items():
        assert code == 0, (name, out, errors)
        joined = next(event for event in events(out) if event["event"] == "joined")
        assert joined["continues_after"] >= 2
        steps = [event["step"] for event in events(out) if event["event"] == "epoch"]
        if name != COORDINATOR:
            assert steps == list(range(joined["continues_after"] + 1, 61))
    assert verify(long.here / "south.tacit", study=long.study).holds
    graph = Bundle.load(long.here / "south.tacit").open(long.people["south"], long.study)
    small_table(200, 6).to_csv(long.here / "new.csv", index=False)
    new = load(long.here / "new.csv", SMALL)
    assert ((graph.predict(new.features).reshape(-1) > 0.5) == new.labels).mean() > 0.9
    assert not list(long.here.glob("study/log/*/shares*"))


def test_a_party_that_hangs_is_named_in_time(long):
    for name, (code, out, errors) in stopped_in_training(long, signal.SIGSTOP).items():
        assert code == 1, (name, out, errors)
        assert events(out)[-1]["error"]["message"].startswith("south, in step"), (name, out)
        assert "Traceback" not in errors

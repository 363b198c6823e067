"""Early stopping and personal models in a whole run: who says `Ready` when, and what is left of it."""

import stat

import numpy as np
import pytest

from tacit.bundle import verify
from tacit.bundle.personal import load_personal
from tacit.data import Table
from tacit.errors import ProtocolError
from tacit.federated.secagg.messages import Advertisement
from tacit.run.messages import Ready
from tacit.study import Study
from tacit.study.drafting import Choices, compose

from .acting import COORDINATOR, NAMES, SCHEMA, People, own_copy

ROUNDS = 30


@pytest.fixture(scope="module")
def hopeless(people) -> People:
    """Labels that have nothing to do with the features: the validation loss soon stops falling."""
    tables = {}
    for seed, name in enumerate(NAMES):
        draw = np.random.default_rng(seed)
        features = np.column_stack([draw.uniform(0, 100, 24), draw.uniform(-1, 1, 24)])
        tables[name] = Table(features, draw.integers(0, 2, 24), SCHEMA, f"{name}.csv")
    return People(people.identities, tables)


def make_study(people: People, folder, *, more: str, unit: str = "none") -> Study:
    budget = {"epsilon": 0.0, "delta": 0.0} if unit == "none" else {"epsilon": 4.0, "delta": 1e-5}
    choices = Choices("trial", "a test", "localhost:9440", rounds=ROUNDS, unit=unit, corrupt=1, dropping=1, **budget)
    parties = [people.identities[name].public for name in NAMES]
    text = compose(choices, parties, people.identities[COORDINATOR].public, SCHEMA).decode()
    text = text.replace("[training]", f"[training]\n{more}")
    study = Study.new(folder, text.encode(), [*parties, people.identities[COORDINATOR].public])
    for name in NAMES:
        study.sign(people.identities[name])
    return study


STOPS = "validation_share = 0.25\npatience = 2"


def rounds_of(run) -> int:
    return max(event.body["step"] for event in run.events if event.kind == "round")


@pytest.mark.parametrize("unit", ["none", "record"])
def test_all_parties_stop_at_the_same_round_and_seal_one_model(hopeless, tmp_path, unit):
    study = make_study(hopeless, tmp_path / "study", more=STOPS, unit=unit)
    run = hopeless.run(study).go()
    assert 3 <= rounds_of(run) < ROUNDS
    assert set(run.results) == set(NAMES)
    assert len({result.bundle.encode() for result in run.results.values()}) == 1
    assert verify(run.bundle.encode(), study=study).holds
    assert not run.dropped


def test_the_ledger_is_that_of_the_whole_plan(hopeless, tmp_path):
    """Nobody could know beforehand that it would stop: what was set aside for the rounds that were not is spent."""
    study = make_study(hopeless, tmp_path / "study", more=STOPS, unit="record")
    run = hopeless.run(study).go()
    assert rounds_of(run) < ROUNDS
    releases = {release.step: release.count for release in run.bundle.manifest.privacy.releases}
    assert releases["round"] == ROUNDS


def test_a_party_that_says_it_has_stopped_when_the_others_have_not_is_left_out(hopeless, tmp_path):
    study = make_study(hopeless, tmp_path / "study", more=STOPS)
    second_round = 1 + 2 * 5 + 1

    def reply(step, name, message):
        return Ready() if name == "west" and isinstance(message, Advertisement) and step > second_round - 5 else message

    run = hopeless.run(study, reply=reply).go()
    assert run.dropped == {"west": "sent Ready where Advertisement belongs"}
    assert set(run.results) == {"north", "east", "south"}


def test_a_party_that_goes_on_when_the_others_have_stopped_is_left_out(hopeless, tmp_path):
    study = make_study(hopeless, tmp_path / "study", more=STOPS)
    said = {}

    def reply(step, name, message):
        if isinstance(message, Advertisement):
            said[name] = message
        return said[name] if name == "west" and isinstance(message, Ready) else message

    run = hopeless.run(study, reply=reply).go()
    assert run.dropped == {"west": "sent Advertisement where Ready belongs"}
    assert set(run.results) == {"north", "east", "south"}


def test_without_patience_nobody_stops_early_however_many_say_so(hopeless, tmp_path):
    study = make_study(hopeless, tmp_path / "study", more="validation_share = 0.25")

    def reply(step, name, message):
        return Ready() if name != "west" and isinstance(message, Advertisement) and step > 5 else message

    run = hopeless.run(study, reply=reply).try_it()
    assert isinstance(run.failure, ProtocolError)
    assert run.bundle is None
    assert set(run.errors) == {"west"} or not run.errors


def test_a_run_that_broke_off_after_the_stop_has_only_the_sealing_left(hopeless, tmp_path):
    study = make_study(hopeless, tmp_path / "study", more=STOPS)
    stopped = {}

    def reply(step, name, message):
        if isinstance(message, Ready):
            stopped[name] = step
        return None if name in stopped else message

    first = hopeless.run(study, reply=reply).try_it()
    assert set(stopped) == set(NAMES)
    assert first.bundle is None
    again = hopeless.run(study).go()
    assert set(again.results) == set(NAMES)
    assert not [event for event in again.events if event.kind == "round"]
    whole = hopeless.run(make_study(hopeless, tmp_path / "other", more=STOPS)).go()
    opened = [run.bundle.open(hopeless.identities["north"]).to_bytes() for run in (again, whole)]
    assert opened[0] == opened[1]


def test_a_run_that_broke_off_before_the_stop_goes_on_and_stops(hopeless, tmp_path):
    study = make_study(hopeless, tmp_path / "study", more=STOPS, unit="record")
    hopeless.run(study, intercept=lambda step, name, message: None if step > 9 else message).try_it()
    again = hopeless.run(study).go()
    assert set(again.results) == set(NAMES)
    assert rounds_of(again) < ROUNDS
    assert len({result.bundle.encode() for result in again.results.values()}) == 1


PERSONAL = 'validation_share = 0.25\npersonal = "last-layer"\naverage_last = 0.0'


def test_each_party_keeps_a_personal_model_that_only_it_can_open(people, tmp_path):
    study = make_study(people, tmp_path / "study", more=PERSONAL, unit="none")
    run = people.run(study).go()
    kept = {}
    for name in NAMES:
        path = own_copy(study, name).member_folder(name) / "personal-model"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        kept[name] = load_personal(path, run.bundle, people.identities[name])
    common = run.bundle.open(people.identities["north"])
    assert any(graph.to_bytes() != common.to_bytes() for graph in kept.values())


def test_a_personal_model_that_cannot_be_kept_costs_nobody_the_bundle(people, tmp_path):
    study = make_study(people, tmp_path / "study", more=PERSONAL)
    (own_copy(study, "east").member_folder("east") / "personal-model").mkdir(parents=True)
    run = people.run(study).go()
    assert set(run.results) == set(NAMES)


def test_without_the_setting_there_is_no_personal_model(people, tmp_path):
    study = make_study(people, tmp_path / "study", more="validation_share = 0.25")
    people.run(study).go()
    assert not (own_copy(study, "north").member_folder("north") / "personal-model").exists()

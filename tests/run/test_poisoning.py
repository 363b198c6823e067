"""Whole runs in which a party sends whatever it likes: nine parties in three groups, sums secure, one process."""

from collections import Counter

import numpy as np
import pytest

from tacit.bundle import verify
from tacit.errors import TacitError
from tacit.federated.plan import make_plan
from tacit.federated.training import FederatedTraining
from tacit.keys import Identity
from tacit.run.continuing import Start
from tacit.run.messages import Total
from tacit.run.record import Record
from tacit.study import Study

from .acting import COORDINATOR, People, flip, make_tables, own_copy, replace

NINE = ("north", "east", "south", "west", "up", "down", "left", "right", "here")
BAD = "left"
ROUNDS = 6
OPENLY = {"unit": "none", "epsilon": 0.0, "delta": 0.0}


@pytest.fixture(scope="module")
def nine() -> People:
    return People({name: Identity.new(name) for name in (*NINE, COORDINATOR)}, make_tables(NINE))


@pytest.fixture
def make_study(nine, tmp_path):
    def make(folder="study", **changes) -> Study:
        settings = {"rounds": ROUNDS, "corrupt": 0, "dropping": 0, "poisoning": 1, **OPENLY}
        return nine.study(tmp_path / folder, **{**settings, **changes})

    return make


@pytest.fixture
def poison(monkeypatch):
    """From now on one party multiplies everything that it sends."""

    def begin(factor: int) -> None:
        honest = FederatedTraining.contribution

        def contribution(training, step):
            words = honest(training, step)
            return words * np.int64(factor).astype(words.dtype) if training._party == BAD else words

        monkeypatch.setattr(FederatedTraining, "contribution", contribution)

    return begin


def accuracy(nine, run) -> float:
    graph = run.bundle.open(nine.identities["north"])
    features = np.vstack([table.features for table in nine.tables.values()])
    labels = np.concatenate([table.labels for table in nine.tables.values()])
    return float(((graph.predict(features)[:, 0] > 0.5) == labels).mean())


def test_one_scaled_update_wrecks_the_sum_over_all_and_not_the_groups(nine, make_study, poison):
    honest = accuracy(nine, nine.run(make_study("honest")).go())
    assert honest > 0.9
    poison(-1000)
    study = make_study("groups")
    run = nine.run(study).go()
    assert set(run.results) == set(NINE)
    report = verify(run.bundle.encode(), study=study)
    assert report.holds
    assert "the sums of 3 groups were combined to bear 1 that poison" in str(report)
    assert accuracy(nine, run) > honest - 0.05
    plain = nine.run(make_study("plain", poisoning=0)).try_it()
    assert not plain.results or accuracy(nine, plain) < 0.7


def test_all_have_the_same_record_of_all_groups(nine, make_study):
    study = make_study(rounds=1)
    nine.run(study).go()
    [own] = own_copy(study, "north").run_logs("north")
    [carried] = own_copy(study, COORDINATOR).run_logs(COORDINATOR)
    assert own.head == carried.head
    totals = [entry.body for entry in own if entry.kind == "total"]
    for body in totals:
        assert sorted(name for each in body["sums"] for name in each["survivors"]) == sorted(NINE)
        assert [len(each["survivors"]) for each in body["sums"]] == [3, 3, 3]
        assert len({each["sha256"] for each in body["sums"]}) == 3


def settings_of(study, run=b"\x05" * 32):
    record = Record(study, "north", run, NINE, dict.fromkeys(NINE, bytes(32)), Start(0, None))
    return [record.settings(step) for step in make_plan(study.agreement).steps]


def groups_of(settings):
    return tuple(setting.names for setting in settings)


def test_every_group_has_a_setting_and_an_instance_of_its_own(make_study):
    steps = settings_of(make_study())
    for settings in steps:
        assert sorted(sum(groups_of(settings), ())) == sorted(NINE)
        assert {(setting.corrupt, setting.dropping, len(setting.parties)) for setting in settings} == {(0, 0, 3)}
    assert len({setting.instance for settings in steps for setting in settings}) == 3 * len(steps)


def test_groups_are_other_ones_in_each_step_and_run(nine, tmp_path):
    study = nine.study(tmp_path / "study", rounds=9, corrupt=0, dropping=1, poisoning=1)
    first_run, second_run = settings_of(study), settings_of(study, b"\x06" * 32)
    # There are 1,680 ways to put nine into three groups, so two of 20 are now and then alike.
    assert len({groups_of(settings) for settings in (*first_run, *second_run)}) > 15


def test_without_noise_groups_are_the_same_in_all_steps_and_runs(make_study):
    """Else the sums of many groups that overlap would come near to what single parties put in."""
    study = make_study()
    assert len({groups_of(settings) for settings in (*settings_of(study), *settings_of(study, b"\x06" * 32))}) == 1
    another = make_study("another", name="another")
    assert groups_of(settings_of(another)[0]) != groups_of(settings_of(study)[0])


def test_one_group_is_one_sum_as_ever(make_study):
    assert [groups_of(settings) for settings in settings_of(make_study(poisoning=0))] == [(NINE,)] * (ROUNDS + 1)


@pytest.mark.parametrize("step", range(1, 12))
def test_a_party_lost_at_any_step_of_a_sum_does_not_stop_the_others(nine, tmp_path, step):
    """Records are private, and each group bears one that drops."""
    study = nine.study(tmp_path / "study", rounds=1, corrupt=0, dropping=1, poisoning=1)
    run = nine.run(study, lose={BAD: step}).go()
    assert set(run.results) == set(NINE) - {BAD}
    assert verify(run.bundle.encode(), study=study).holds
    assert run.bundle.manifest.absent == (BAD,)


def first(change, to):
    """An interceptor that changes the first total that each of `to` is told."""
    done = set()

    def intercept(step, name, message):
        if isinstance(message, Total) and name in to and name not in done:
            done.add(name)
            return change(message)
        return message

    return intercept


def without(total, name):
    return replace(total, survivors=tuple(tuple(n for n in group if n != name) for group in total.survivors))


LIES = {
    "too few of another group": lambda m: without(m, other(m)),
    "a stranger in another group": lambda m: replace(m, survivors=(*m.survivors[:-1], ("a", "b", "c"))),
    "another order": lambda m: replace(m, survivors=tuple(group[::-1] for group in m.survivors)),
    "a group fewer": lambda m: replace(m, survivors=m.survivors[:-1]),
    "a total fewer": lambda m: replace(m, words=m.words[: len(m.words) // 3 * 2]),
    "words that are not packed": lambda m: replace(m, words=m.words[:-1] + bytes([m.words[-1] | 0x80])),
    "a byte more": lambda m: replace(m, words=m.words + b"\0"),
}


def other(total) -> str:
    return next(name for group in total.survivors if "north" not in group for name in group)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_cannot_be_is_refused_at_once(nine, make_study, lie):
    run = nine.run(make_study(rounds=1), intercept=first(LIES[lie], ("north",)), until="north").try_it()
    assert "total" in str(run.errors["north"])
    assert run.errors["north"].culprit == COORDINATOR


def test_another_groups_total_told_differently_shows_in_the_next_step(nine, make_study):
    def lie(total):
        place = next(place for place, group in enumerate(total.survivors) if "north" not in group)
        size = len(total.words) // 3
        start = place * size
        return replace(
            total, words=total.words[:start] + flip(total.words[start:][:size]) + total.words[start + size :]
        )

    run = nine.run(make_study(rounds=1), intercept=first(lie, ("north",))).try_it()
    assert "not signed by the identity in the agreement, for this sum" in str(run.failure)
    assert run.failure.culprit == "north"


def test_other_survivors_of_another_group_show_in_the_next_step(nine, tmp_path):
    """One may drop, so a list without it could be: but not all were told so, and the log's head differs."""
    study = nine.study(tmp_path / "study", rounds=1, corrupt=0, dropping=1, poisoning=1)
    run = nine.run(study, intercept=first(lambda total: without(total, other(total)), ("north",))).go()
    assert "not signed by the identity in the agreement, for this sum" in run.dropped["north"]
    assert set(run.results) == set(NINE) - {"north"}


@pytest.mark.parametrize("unit", ["record", "none"])
def test_a_run_that_broke_off_goes_on(nine, tmp_path, make_study, unit):
    budget = {"epsilon": 4.0, "delta": 1e-5} if unit == "record" else {}
    study = make_study(unit=unit, rounds=3, **budget)
    broken = nine.run(study, intercept=lambda step, name, message: message if step < 14 else None).try_it()
    assert isinstance(broken.failure, TacitError)
    assert not broken.results
    run = nine.run(study).go()
    assert set(run.results) == set(NINE)
    joined = next(event.body for event in run.events if event.kind == "joined")
    assert joined["continues_after"] == 1
    for name in NINE:
        logs = own_copy(study, name).run_logs(name)
        charged = Counter(entry.body["step"] for log in logs for entry in log if entry.kind == "release")
        assert set(charged.values()) == {1}
    assert verify(run.bundle.encode(), study=study).holds

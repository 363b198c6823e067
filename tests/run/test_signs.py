"""While parties compute, signs of life keep the coordinator waiting, and nothing else does."""

import threading
import time

import pytest

from tacit.errors import ProtocolError
from tacit.keys import Identity
from tacit.run import serve_coordinator
from tacit.run.heartbeat import Heartbeat
from tacit.run.messages import FromCoordinator, FromParty, Participants, Ready, Working
from tacit.run.serving import _Signs
from tacit.wire import pair

from .acting import COORDINATOR, own_copy
from .test_computing import NAMES, ComputedRun, make_study


@pytest.fixture
def trial(people, tmp_path):
    return make_study(people, tmp_path / "study")


@pytest.fixture(scope="module")
def ends():
    return Identity.new("north").public, Identity.new("carrier").public


def test_it_beats_while_the_block_runs_and_tells_each_epoch_at_once(ends):
    here, there = pair(*ends)
    with here, there:
        with Heartbeat(here, timeout=0.4) as heart:
            heart.at(1)
            assert there.receive(FromParty, "sign", 5).message == Working(1)
            assert there.receive(FromParty, "sign", 5).message == Working(1)
            heart.at(2)
        here.send(FromParty(Ready()))
        said = []
        while not said or isinstance(said[-1], Working):
            said.append(there.receive(FromParty, "sign", 5).message)
        assert said[-1] == Ready()
        with pytest.raises(ProtocolError, match="was silent"):
            there.receive(FromParty, "sign", 0.5)


def test_a_coordinator_that_has_gone_does_not_stop_it(ends):
    here, there = pair(*ends)
    there.close()
    with here, Heartbeat(here, timeout=0.1) as heart:
        heart.at(1)


def test_all_are_told_of_an_epoch_once_the_last_has_ended_it(trial):
    events = []
    signs = _Signs(trial, events.append)
    for name, epoch in (
        ("north", 1),
        ("east", 2),
        ("north", 2),
        ("south", 1),
        ("south", 1),
        ("south", 2),
        ("east", 99),
    ):
        assert signs.taken(name, epoch)
    assert [event.body["step"] for event in events] == [1, 2]


def test_in_a_federated_run_it_is_no_answer(study):
    assert not _Signs(study, lambda event: None).taken("north", 1)


def test_once_one_is_done_the_others_have_the_agreed_time_and_no_longer(trial):
    signs = _Signs(trial, lambda event: None)
    whole = signs.patience()
    assert whole == trial.agreement.training.timeout_seconds
    signs.answered()
    time.sleep(0.05)
    signs.answered()
    assert signs.patience() <= whole - 0.05
    signs.clear()
    assert signs.patience() == whole


class Threads:
    """Three parties in threads, who say what they like once they have joined, and a coordinator."""

    def __init__(self, people, study, computing):
        self.events = []
        made = ComputedRun(study, people)
        lines = {name: pair(people.identities[name].public, study.coordinator) for name in NAMES}
        waiting = [there for _, there in lines.values()]

        def party(name):
            here = lines[name][0]
            with here:
                here.send(FromParty(next(made.parties[name])))
                assert isinstance(here.receive(FromCoordinator, "join", 30).message, Participants)
                computing(name, here)

        threads = [threading.Thread(target=party, args=(name,), daemon=True) for name in NAMES]
        for thread in threads:
            thread.start()
        try:
            serve_coordinator(own_copy(study, COORDINATOR), lambda timeout: waiting.pop(0), self.events.append)
        except ProtocolError as error:
            self.failure = error
        for thread in threads:
            thread.join(10)
        for steps in made.parties.values():
            steps.close()


@pytest.fixture
def hasty(people, tmp_path):
    """Two seconds to answer."""
    study = make_study(people, tmp_path / "study", timeout=2)
    assert study.agreement.training.timeout_seconds == 2
    return study


def test_who_gives_signs_is_waited_for_and_who_gives_none_is_lost(people, hasty):
    def computing(name, line):
        for _ in range(8 if name != "south" else 1):
            line.send(FromParty(Working(1)))
            time.sleep(0.5)
        if name == "south":
            time.sleep(4)

    run = Threads(people, hasty, computing)
    lost = [event.body for event in run.events if event.kind == "dropped"]
    silent = next(body for body in lost if body["party"] == "south")
    assert "was silent for 2 s" in silent["reason"]
    assert {body["party"]: body["reason"] for body in lost if body["party"] != "south"} == {
        name: f"{name}, in step answer: hung up" for name in ("north", "east")
    }


def test_who_goes_on_giving_signs_when_the_others_are_done_is_not_waited_for_without_end(people, hasty):
    def computing(name, line):
        if name != "south":
            line.send(FromParty(Ready()))
            time.sleep(5)
            return
        for _ in range(60):
            try:
                line.send(FromParty(Working(1)))
            except ProtocolError:
                return
            time.sleep(0.25)

    run = Threads(people, hasty, computing)
    assert "south" in run.failure.culprit
    (reason,) = [e.body["reason"] for e in run.events if e.kind == "dropped" and e.body["party"] == "south"]
    assert "was silent" in reason

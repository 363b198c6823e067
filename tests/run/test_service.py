"""Services go on by themselves: whoever is killed is started again, and nobody else does anything."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tacit.bundle import Bundle, verify
from tacit.errors import AgreementError, BudgetError, DataError, FormatError, IdentityError, ProtocolError, TacitError
from tacit.keys import Identity
from tacit.run import Event, Patience, new_study, serve_runs_as_coordinator, serve_runs_as_party
from tacit.run.messages import Done, FromParty
from tacit.run.service import SEALED_WITHOUT, _Door, _Trying
from tacit.run.serving import LEFT_OUT, serve_party
from tacit.study import Study
from tacit.study.drafting import Choices
from tacit.wire.memory import pair

from .acting import COORDINATOR, own_copy
from .acting import NAMES as FOUR
from .breaking_off import SCHEMA, charged

NAMES = ("north", "east", "south")
ROUNDS = 14
QUICK = Patience(tries=4, first_pause=0.01, longest_pause=0.02)


class Meeting:
    """A door in this process: `connect` makes a pair of ends and leaves one where `accept` finds it."""

    def __init__(self, study, identities):
        self._study, self._identities = study, identities
        self._waiting, self._changed = [], threading.Condition()

    def connect(self, name):
        mine, theirs = pair(self._identities[name].public, self._study.coordinator)
        with self._changed:
            self._waiting.append(theirs)
            self._changed.notify_all()
        return mine

    def accept(self, seconds):
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, seconds):
                raise ProtocolError("nobody came", culprit="nobody", step="accept")
            return self._waiting.pop(0)


@pytest.fixture
def serve(people, tmp_path):
    """Everyone as a service, each in a thread of its own; `spoil(name, event)` may raise, which loses that member."""

    def go(study, spoil=lambda name, event: None, names=(*FOUR, COORDINATOR), patience=QUICK):
        meeting = Meeting(study, people.identities)
        events, reports, errors = {name: [] for name in names}, {}, {}

        def one(name):
            def emit(event):
                events[name].append(event)
                spoil(name, event)

            mine, identity, out = own_copy(study, name), people.identities[name], tmp_path / f"{name}.tacit"
            try:
                if name == COORDINATOR:
                    reports[name] = serve_runs_as_coordinator(
                        mine, identity, meeting.accept, out, emit, patience=patience
                    )
                else:
                    reports[name] = serve_runs_as_party(
                        mine, identity, people.tables[name], lambda: meeting.connect(name), out, emit, patience=patience
                    )
            except TacitError as error:
                errors[name] = error

        with ThreadPoolExecutor() as threads:
            for future in [threads.submit(one, name) for name in names]:
                future.result()
        return events, reports, errors

    return go


def once(name, kind, step, error):
    """Raise `error` when `name` tells of this `step`, the first time."""
    left = [error]

    def spoil(who, event):
        if (who, event.kind, event.body.get("step")) == (name, kind, step) and left:
            raise left.pop()

    return spoil


@pytest.mark.parametrize("who", [COORDINATOR, "east"])
def test_a_run_that_breaks_off_is_continued_by_all(people, serve, tmp_path, who):
    study = people.study(tmp_path / "study", rounds=3, dropping=0, timeout=20)
    events, reports, errors = serve(study, once(who, "round", 2, TacitError("the store is away")))
    assert errors == {}
    assert set(reports) == {*FOUR, COORDINATOR}
    assert len({(tmp_path / f"{name}.tacit").read_bytes() for name in reports}) == 1
    assert verify(tmp_path / "north.tacit", study=study).holds
    for name in FOUR:
        waits = [event.body for event in events[name] if event.kind == "waiting"]
        joins = [event.body for event in events[name] if event.kind == "joined"]
        assert waits, name
        assert joins[-1]["continues_after"] >= 1
        assert set(charged(own_copy(study, name), name).values()) == {1}
    folder = own_copy(study, COORDINATOR).member_folder(COORDINATOR)
    assert sorted(path.name for path in folder.iterdir()) == ["running", "runs.sqlite"]
    logs = own_copy(study, COORDINATOR).run_logs(COORDINATOR)
    assert [list(log)[-1].kind == "sealed" for log in logs].count(True) == 1


def test_started_once_more_after_the_end_it_has_nothing_to_do(people, serve, tmp_path):
    study = people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0)
    _, first, _ = serve(study)
    _, again, errors = serve(study)
    assert errors == {}
    assert {name: report.bundle.encode() for name, report in again.items()} == {
        name: report.bundle.encode() for name, report in first.items()
    }
    (tmp_path / "north.tacit").unlink()
    (tmp_path / "carrier.tacit").write_bytes(b"x")
    _, _, errors = serve(study, names=("north", COORDINATOR))
    assert "is not its bundle: copy it from another member" in str(errors["north"])
    assert isinstance(errors[COORDINATOR], FormatError)


def test_the_bundle_of_another_study_is_not_taken_for_its_own(people, serve, tmp_path):
    settings = {"unit": "none", "epsilon": 0.0, "delta": 0.0}
    study, other = people.study(tmp_path / "study", **settings), people.study(tmp_path / "other", rounds=2, **settings)
    serve(study)
    for bundle in tmp_path.glob("*.tacit"):
        bundle.unlink()
    serve(other)
    _, _, errors = serve(study, names=("north",))
    assert "is not its bundle: copy it from another member" in str(errors["north"])


def test_a_party_that_came_when_the_run_was_on_is_told_that_it_ended_without_it(people, serve, tmp_path):
    """West is lost in the first round; the others go on without it while it waits for the next run."""
    study = people.study(tmp_path / "study", rounds=2, timeout=20)

    def spoil(name, event):
        if name == "west" and event.kind == "round":
            raise TacitError("lost the line")

    events, reports, errors = serve(study, spoil)
    assert set(reports) == {"north", "east", "south", COORDINATOR}
    assert SEALED_WITHOUT in str(errors["west"])
    assert [event.kind for event in events["west"]].count("waiting") == 1
    assert not (tmp_path / "west.tacit").exists()


def test_nobody_comes_and_it_gives_up(people, serve, tmp_path):
    study = people.study(tmp_path / "study", timeout=1)
    events, _, errors = serve(study, names=(COORDINATOR,), patience=Patience(tries=2, first_pause=0.01))
    assert isinstance(errors[COORDINATOR], ProtocolError)
    assert [event.body["try"] for event in events[COORDINATOR] if event.kind == "waiting"] == [2]


def test_one_service_of_a_coordinator_in_a_folder(people, serve, tmp_path):
    study = people.study(tmp_path / "study")
    with own_copy(study, COORDINATOR).running(COORDINATOR):
        _, _, errors = serve(study, names=(COORDINATOR,))
    assert "is in another run" in str(errors[COORDINATOR])


@pytest.mark.parametrize("who", ["north", COORDINATOR])
def test_each_role_has_its_service(people, tmp_path, who):
    study, identity = people.study(tmp_path / "study"), people.identities[who]
    with pytest.raises(AgreementError, match=f"'{who}' is (party|coordinator) of the study 'trial', not"):
        if who == COORDINATOR:
            serve_runs_as_party(study, identity, people.tables["north"], None, tmp_path / "x.tacit", print)
        else:
            serve_runs_as_coordinator(study, identity, None, tmp_path / "x.tacit", print)


def test_a_party_that_comes_twice_is_heard_on_its_last_channel(people, study):
    meeting = Meeting(study, people.identities)
    first, other, last = meeting.connect("north"), meeting.connect("east"), meeting.connect("north")
    door = _Door(meeting.accept, parties=4)
    door.clear()
    taken = [door.accept(0.0) for _ in range(2)]
    assert [channel.peer.name for channel in taken] == ["east", "north"]
    with pytest.raises(ProtocolError, match="hung up"):
        first.send(FromParty(Done()), 1.0)
    last.send(FromParty(Done()), 1.0)
    assert taken[1].receive(FromParty, "answer", 1.0).message == Done()
    other.close()


def test_a_party_that_comes_without_end_keeps_nobody_from_the_next_run(people, study):
    meeting = Meeting(study, people.identities)
    meeting.connect("east")

    def accept(seconds):
        meeting.connect("north")
        return meeting.accept(seconds)

    door = _Door(accept, parties=4)
    door.clear()
    assert [door.accept(0.0).peer.name for _ in range(2)] == ["east", "north"]


def test_a_party_whose_line_breaks_gives_its_place_free_at_once(people, study):
    """Whoever keeps the error, as a log of errors does, does not keep the place."""
    mine, theirs = pair(people.identities["north"].public, study.coordinator)
    theirs.close()
    with pytest.raises(ProtocolError) as kept:
        serve_party(study, people.identities["north"], people.tables["north"], mine, lambda event: None)
    with study.running("north"):
        assert kept.value.culprit == COORDINATOR


def trying(study, patience=QUICK):
    told = []
    return _Trying(study, told.append, patience), told


@pytest.mark.parametrize("kind", [AgreementError, BudgetError, IdentityError, DataError, FormatError])
def test_what_stays_wrong_is_not_tried_again(study, kind):
    attempts, told = trying(study)
    with pytest.raises(kind):
        attempts.wait_after(kind("wrong"))
    assert told == []


def test_tries_without_progress_are_bounded_and_a_step_is_progress(study):
    attempts, told = trying(study)
    lost = ProtocolError("hung up", culprit="carrier", step="mask")
    for _ in range(3):
        attempts.wait_after(lost)
    attempts.watch(Event("round", {"step": 1}))
    for _ in range(3):
        attempts.wait_after(lost)
    with pytest.raises(ProtocolError):
        attempts.wait_after(lost)
    assert [event.body["try"] for event in told if event.kind == "waiting"] == [2, 3, 4, 2, 3, 4]


def test_left_out_twice_in_a_row_is_an_answer(study):
    attempts, _ = trying(study)
    left_out = ProtocolError(f"stopped the run: {LEFT_OUT}", culprit="carrier", step="join")
    attempts.wait_after(left_out)
    attempts.wait_after(ProtocolError("hung up", culprit="carrier", step="join"))
    attempts.wait_after(left_out)
    with pytest.raises(ProtocolError):
        attempts.wait_after(left_out)


def test_pauses_grow_and_end_where_the_others_would_miss_it():
    patience = Patience(first_pause=1.0, longest_pause=60.0)
    assert [patience.pause(count, 1000.0) for count in (1, 2, 3, 4, 7, 5000)] == [1, 2, 4, 8, 60, 60]
    assert patience.pause(9, 20.0) == 5.0


# Processes of their own, over TLS.

SERVICE = """
import json, sys
from pathlib import Path
from tacit.keys import Identity
from tacit.run import Patience, keep_taking_part
from tacit.study import Study
name, data, out = sys.argv[1], Path(sys.argv[2]) if sys.argv[2] else None, Path(sys.argv[3])
def tell(event):
    print(json.dumps({"event": event.kind, **event.body}), flush=True)
study, identity = Study.load(Path(f"of-{name}")), Identity.load(Path(f"{name}.key"))
keep_taking_part(study, identity, data, out, None, tell, patience=Patience(first_pause=0.2))
"""


@pytest.fixture
def place(tmp_path):
    people = {name: Identity.new(name) for name in (*NAMES, "carrier")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    choices = Choices(name="trial", purpose="a test", address=f"127.0.0.1:{port}", rounds=ROUNDS, dropping=0)
    publics = [people[name].public for name in NAMES]
    study = new_study(tmp_path / "study", choices, publics, people["carrier"].public, SCHEMA)
    for name, identity in people.items():
        identity.save(tmp_path / f"{name}.key")
        (tmp_path / f"of-{name}").mkdir()
        for shared in ("study.toml", "identities", "signatures"):
            (tmp_path / f"of-{name}" / shared).symlink_to(study.folder / shared)
        if name in NAMES:
            study.sign(identity)
            rows = [f"{age}.5,{'yes' if age > 50 else 'no'}" for age in range(5, 95, 3)]
            (tmp_path / f"{name}.csv").write_text("\n".join(["age,ill", *rows]) + "\n")
    return tmp_path


def start(place, name):
    data = f"{name}.csv" if name in NAMES else ""
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE, name, data, f"{name}.tacit"],
        cwd=place, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def read_until_round(process, step):
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "round" and event["step"] >= step:
            return event["step"]
    raise AssertionError("the process has ended")


@pytest.mark.slow
def test_a_coordinator_and_then_a_party_killed_in_mid_run_and_nobody_else_does_anything(place):
    processes = {name: start(place, name) for name in ("carrier", *NAMES)}
    try:
        reached = read_until_round(processes["north"], 3)
        for killed in ("carrier", "south"):
            processes[killed].send_signal(signal.SIGKILL)
            processes[killed].communicate()
            processes[killed] = start(place, killed)
            reached = read_until_round(processes["north"], reached + 2)
        outputs = {name: process.communicate(timeout=240)[0] for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    assert {name: process.returncode for name, process in processes.items()} == dict.fromkeys(processes, 0), outputs
    assert len({(place / f"{name}.tacit").read_bytes() for name in processes}) == 1
    run = Bundle.load(place / "north.tacit").manifest.run
    for name in ("carrier", *NAMES):
        study = Study.load(place / f"of-{name}")
        assert study.keepers(run) == [name]
        assert verify(place / f"{name}.tacit", study=study).holds
        logs = study.run_logs(name)
        assert len(logs) >= 3
        if name in NAMES:
            assert set(charged(study, name).values()) == {1}
            assert set(charged(study, name)) <= set(range(ROUNDS + 1))
            assert not (study.member_folder(name) / "checkpoint").exists()

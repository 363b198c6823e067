"""Every process of a run is killed by SIGKILL in mid-round; started again, they finish it."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tacit.bundle import verify
from tacit.keys import Identity
from tacit.run import new_study
from tacit.study import Study
from tacit.study.drafting import Choices

from .breaking_off import SCHEMA, charged

pytestmark = pytest.mark.slow

NAMES = ("north", "east", "south")
ROUNDS = 12


@pytest.fixture
def here(tmp_path):
    people = {name: Identity.new(name) for name in (*NAMES, "carrier")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    choices = Choices(name="trial", purpose="a test", address=f"127.0.0.1:{port}", rounds=ROUNDS, dropping=0)
    study = new_study(
        tmp_path / "study", choices, [people[name].public for name in NAMES], people["carrier"].public, SCHEMA
    )
    for name, identity in people.items():
        identity.save(tmp_path / f"{name}.key")
        if name in NAMES:
            study.sign(identity)
            rows = [f"{age}.5,{'yes' if age > 50 else 'no'}" for age in range(5, 95, 3)]
            (tmp_path / f"{name}.csv").write_text("\n".join(["age,ill", *rows]) + "\n")
    return tmp_path


def start(here, name):
    arguments = ["train", "study", "--identity", f"{name}.key", "--out", f"{name}.tacit", "--json"]
    if name in NAMES:
        arguments += ["--data", f"{name}.csv"]
    command = [sys.executable, "-c", "from tacit.cli import main; main()", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=here, env=environment, stdout=subprocess.PIPE, text=True)


def test_everybody_killed_in_a_round_loses_that_round_at_most(here):
    processes = {name: start(here, name) for name in ("carrier", *NAMES)}
    for line in processes["north"].stdout:
        event = json.loads(line)
        assert event["event"] not in ("done", "error"), event
        if event["event"] == "round" and event["step"] >= 3:
            break
    for process in processes.values():
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not list(here.glob("*.tacit"))
    again = {name: start(here, name) for name in ("carrier", *NAMES)}
    outputs = {name: process.communicate(timeout=240)[0] for name, process in again.items()}
    assert {process.returncode for process in again.values()} == {0}, outputs
    events = [json.loads(line) for line in outputs["north"].splitlines()]
    joined = next(event for event in events if event["event"] == "joined")
    assert joined["continues_after"] >= 2
    assert joined["lost"] <= 1
    study = Study.load(here / "study")
    assert verify(here / "north.tacit", study=study).holds
    for name in NAMES:
        assert set(charged(study, name).values()) == {1}
        assert set(charged(study, name)) <= set(range(ROUNDS + 1))
        assert not (study.member_folder(name) / "checkpoint").exists()

"""The commands as they are deployed: a SuperLink, a SuperNode for each party, TLS, node authentication, and kills."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("flwr")

from tacit.bundle import verify
from tacit.deploy.statements import own_certificate, own_node_key, statement_path
from tacit.keys import Identity
from tacit.run import new_study
from tacit.study import Study
from tacit.study.drafting import Choices

from ..run.breaking_off import SCHEMA, charged

pytestmark = pytest.mark.slow

NAMES = ("north", "east", "south", "west")
CARRIER = "carrier"
ROUNDS = 3


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def here(tmp_path):
    people = {name: Identity.new(name) for name in (*NAMES, CARRIER)}
    choices = Choices(
        name="trial", purpose="a test", address=f"127.0.0.1:{free_port()}", rounds=ROUNDS, corrupt=1, dropping=1
    )
    study = new_study(
        tmp_path / "study", choices, [people[name].public for name in NAMES], people[CARRIER].public, SCHEMA
    )
    agreement = study.folder / "study.toml"
    agreement.write_text(agreement.read_text().replace("timeout_seconds = 120.0", "timeout_seconds = 30.0"))
    study = Study.load(study.folder)
    for name, identity in people.items():
        identity.save(tmp_path / f"{name}.key")
        if name in NAMES:
            study.sign(identity)
            rows = [f"{age}.5,{'yes' if age > 50 else 'no'}" for age in range(5, 95, 3)]
            (tmp_path / f"{name}.csv").write_text("\n".join(["age,ill", *rows]) + "\n")
    return tmp_path, people


class Member:
    """One member's command, and what it says."""

    def __init__(self, folder, name):
        self.folder, self.name, self.events = folder, name, []
        self._heard = threading.Condition()
        self.start()

    def start(self):
        role = "coordinator" if self.name == CARRIER else "party"
        arguments = [role, "serve", "study", "-i", f"{self.name}.key", "-o", f"{self.name}.tacit", "--json"]
        if self.name != CARRIER:
            arguments += ["--data", f"{self.name}.csv", "--port", str(free_port())]
        command = [sys.executable, "-c", "from tacit.cli import main; main()", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._hear, args=(self.process,), daemon=True).start()

    def wait_for(self, kind, seconds=300, **body):
        def heard():
            return any(event.get("event") == kind and body.items() <= event.items() for event in self.events)

        with self._heard:
            assert self._heard.wait_for(heard, seconds), (self.name, kind, self.events[-5:])

    def children(self):
        """Processes of Flower's that this member started, by what they were started as."""
        out = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="], capture_output=True, text=True
        )
        return [int(line.split()[0]) for line in out.stdout.splitlines() if "tacit.deploy.pinned" in line]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _hear(self, process):
        for line in process.stdout:
            event = json.loads(line) if line.startswith("{") else {"event": "text", "line": line}
            with self._heard:
                self.events.append(event)
                self._heard.notify_all()


@pytest.fixture
def members(here):
    folder, people = here
    study = Study.load(folder / "study")
    own_certificate(study, people[CARRIER], ("127.0.0.1",))
    for name in NAMES:
        own_node_key(study, people[name])
    everyone = {CARRIER: Member(folder, CARRIER)}
    place = study.agreement.coordinator
    while True:  # nodes that come before they are registered are turned away, and try again later
        assert everyone[CARRIER].process.poll() is None, everyone[CARRIER].events
        with contextlib.suppress(OSError), socket.create_connection((place.host, place.port), timeout=1):
            break
        time.sleep(0.2)
    everyone |= {name: Member(folder, name) for name in NAMES}
    yield everyone
    for member in everyone.values():
        if member.process.poll() is None:
            member.kill()


def test_a_supernode_killed_and_a_party_lost_in_mid_round_and_training_finishes(here, members):
    """East's SuperNode is killed and comes back by itself; west is killed whole, in the middle of a round, for good."""
    folder, _ = here
    members["east"].wait_for("round", step=1)
    (node,) = members["east"].children()
    os.kill(node, signal.SIGKILL)
    members["west"].wait_for("round", step=1)
    members["west"].kill()
    left = [name for name in NAMES if name != "west"]
    for name in (*left, CARRIER):
        members[name].wait_for("done", seconds=300)
    bundles = {(folder / f"{name}.tacit").read_bytes() for name in (*left, CARRIER)}
    assert len(bundles) == 1
    study = Study.load(folder / "study")
    report = verify(bundles.pop(), study=study)
    assert report.holds
    assert any("started again" in event.get("reason", "") for event in members["east"].events)
    for name in (*left, CARRIER):
        (log,) = study.run_logs(name)
        assert log.head.size > ROUNDS
        assert charged(study, name) == dict.fromkeys(range(ROUNDS + 1), 1)


def test_statements_are_what_each_needs_of_the_others(here):
    """Without them a command says which file is missing, having made its own."""
    folder, _ = here
    study = Study.load(folder / "study")
    for name, missing in (("north", CARRIER), (CARRIER, "east")):
        member = Member(folder, name)
        member.process.wait(60)
        time.sleep(0.5)
        assert statement_path(study, name).exists()
        said = json.dumps(member.events)
        assert missing in said
        assert "AgreementError" in said

"""`tacit party serve` and `tacit coordinator serve`: a user's mistake is one line, before Flower is started."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from tacit.deploy.statements import own_certificate, own_node_key, statement_path
from tacit.keys import Identity
from tacit.study import Study

PARTIES = ("north", "east", "south")
PARTY = ("party", "serve", "trial", "-i", "north.key", "--data", "rows.csv")
COORDINATOR = ("coordinator", "serve", "trial", "-i", "carrier.key")


@pytest.fixture
def deployed(tacit, study, members):
    """A study that all have signed, and all statements."""
    for name in PARTIES:
        tacit("study", "sign", "trial", "--identity", f"{name}.key")
    (members / "rows.csv").write_text("age,sex,ill\n30,male,no\n40,male,yes\n")
    made = Study.load(members / "trial")
    for name in PARTIES:
        own_node_key(made, Identity.load(members / f"{name}.key"))
    own_certificate(made, Identity.load(members / "carrier.key"), (made.agreement.coordinator.host,))
    return made


def check_told(done, *said):
    assert done.code == 1, done.out + done.err
    assert "Traceback" not in done.out + done.err
    for each in said:
        assert each in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--superlink", "https://carrier.example:9092"), "'https://carrier.example:9092' is not HOST:PORT"),
        (("--superlink", "carrier.example"), "is not HOST:PORT"),
        (("--superlink", "carrier.example:0"), "is not HOST:PORT"),
        (("--superlink", "carrier.example:65536"), "is not HOST:PORT"),
        (("--superlink", "--insecure x:1"), "is not HOST:PORT"),
        (("--superlink", ":9092"), "is not HOST:PORT"),
    ],
)
def test_a_partys_wrong_address_is_named(tacit, deployed, arguments, said):
    check_told(tacit(*PARTY, *arguments), said)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x"])
def test_no_such_port_is_a_wrong_use(tacit, deployed, port):
    done = tacit(*PARTY, f"--port={port}")
    assert done.code == 2
    assert "--port" in done.err


def test_a_port_in_use_is_named_with_the_option_to_change_it(tacit, deployed):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_told(tacit(*PARTY, "--port", str(port)), f"127.0.0.1:{port}", "in use", "--port")
        check_told(tacit(*COORDINATOR, "--listen", f"127.0.0.1:{port}"), f"127.0.0.1:{port}", "in use", "--listen")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--listen", "nonsense"), "'nonsense' is not HOST:PORT"),
        (("--listen", "[::1:9092"), "is not HOST:PORT"),
        (("--listen", "203.0.113.7:9092"), "203.0.113.7"),
        (("--store", "nonsense"), "SQLAlchemy URL"),
        (("--store", "nosuch://user:hunter2@host/db"), "nosuch"),
        (("--store", "sqlite://"), "a file that lasts"),
    ],
)
def test_a_coordinators_wrong_setting_is_named_and_no_password(tacit, deployed, arguments, said):
    done = tacit(*COORDINATOR, *arguments)
    check_told(done, said)
    assert "hunter2" not in done.out + done.err


def test_a_key_of_another_role_or_of_nobody_is_refused(tacit, deployed, members):
    check_told(tacit("party", "serve", "trial", "-i", "carrier.key", "-d", "rows.csv"), "'carrier' is coordinator")
    check_told(tacit("coordinator", "serve", "trial", "-i", "north.key"), "'north' is party")
    tacit("id", "new", "mallory")
    check_told(tacit("party", "serve", "trial", "-i", "mallory.key", "-d", "rows.csv"), "mallory")


@pytest.mark.parametrize("missing", ["trial", "north.key", "rows.csv"])
def test_a_file_that_is_not_there_is_named(tacit, deployed, members, missing):
    (members / missing).rename(members / "elsewhere")
    done = tacit(*PARTY)
    assert done.code in (1, 2)
    assert missing in done.err
    assert "Traceback" not in done.err


def test_a_folder_without_a_study_is_told(tacit, members):
    (members / "empty").mkdir()
    check_told(tacit("coordinator", "serve", "empty", "-i", "carrier.key"), "study.toml")


def test_a_study_that_not_all_have_signed_is_refused(tacit, deployed):
    (deployed.folder / "signatures" / "east.sig").unlink()
    check_told(tacit(*PARTY), "east")
    check_told(tacit(*COORDINATOR), "east")


def test_missing_statements_are_named(tacit, deployed):
    statement_path(deployed, "carrier").unlink()
    check_told(tacit(*PARTY), "carrier.json", "copy it here")
    shutil.rmtree(deployed.folder / "flower")
    done = tacit(*COORDINATOR)
    check_told(done, "north")
    assert statement_path(deployed, "carrier").exists()


@pytest.mark.parametrize("name", ["supernode.key"])
def test_a_damaged_node_key_is_told(tacit, deployed, name):
    (deployed.member_folder("north") / name).write_text("nonsense")
    check_told(tacit(*PARTY), name, "remove it")


@pytest.mark.parametrize("name", ["superlink.ca.pem", "superlink.pem", "superlink.key"])
def test_a_damaged_certificate_is_told(tacit, deployed, name):
    (deployed.member_folder("carrier") / name).write_text("nonsense")
    check_told(tacit(*COORDINATOR), "superlink", "remove the files")


def served(members, folder):
    command = [sys.executable, "-c", "from tacit.cli import main; main()", *PARTY, "--json"]
    environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=members, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_service_that_is_told_to_end_leaves_nothing_behind(deployed, members):
    """SIGTERM, as service managers send it: no folder with a socket in it, and no program of Flower's."""
    with tempfile.TemporaryDirectory() as name, served(members, name) as process:
        folder = Path(name)
        end = time.monotonic() + 60
        while not list(folder.glob("tacit-*/party.sock")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert list(folder.iterdir()) == []


def test_a_temporary_folder_whose_path_no_socket_takes_is_told(deployed, members):
    folder = members / ("x" * 80)
    folder.mkdir()
    with served(members, folder) as process:
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "set TMPDIR to a shorter one" in printed
    assert list(folder.iterdir()) == []

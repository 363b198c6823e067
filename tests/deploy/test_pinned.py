"""Flower's own programs, as they are started here: strangers command neither, and what they are sent is not run."""

import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from flwr.supercore.constant import TASK_TYPE_TO_COMMAND

from tacit.deploy import gate
from tacit.deploy.pinned import PROGRAMS
from tacit.deploy.processes import Program, environment
from tacit.deploy.relay import SUPERLINK, Relay, configure
from tacit.deploy.statements import own_certificate, own_node_key, stated_node_key
from tacit.errors import TacitError

from ..run.acting import COORDINATOR, NAMES
from .grid import free_port


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="tacit-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)  # short, as names of sockets are


PROTOBUF = "application/protobuf"


def status(address, path, *, shown=None, authority=None):
    headers = {"content-type": PROTOBUF, "accept": PROTOBUF} | ({gate.HEADER: shown} if shown else {})
    request = urllib.request.Request(f"{address}{path}", b"", headers, method="POST")
    trust = ssl.create_default_context(cafile=authority) if authority else None
    try:
        with urllib.request.urlopen(request, timeout=20, context=trust) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def in_a_process(code, folder, extra):
    """Run `code` as Flower's processes are run, and return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment(folder, extra), cwd=folder, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.slow
def test_a_stranger_at_the_superlink_starts_no_run_and_lets_in_no_node(people, tmp_path, home):
    study = people.study(tmp_path / "study")
    authority, certificate, key = own_certificate(study, people.identities[COORDINATOR], ("127.0.0.1",))
    own_node_key(study, people.identities[NAMES[0]])
    public = tmp_path / "node.pub"
    public.write_bytes(stated_node_key(study, study.parties[0]))
    folder, port = home, free_port()
    extra = {gate.VARIABLE: gate.new_pass()}
    configure(folder, f"127.0.0.1:{port}", authority)
    arguments = [
        *("--ssl-ca-certfile", str(authority), "--ssl-certfile", str(certificate), "--ssl-keyfile", str(key)),
        *("--enable-supernode-auth", "--disable-runtime-dependency-installation"),
        *("--database", str(folder / "link.sqlite"), "--host", "127.0.0.1", "--port", str(port)),
    ]
    with Program("flower-superlink", arguments, folder, extra) as link:
        link.wait_for_port("127.0.0.1", port, 60)
        address = f"https://127.0.0.1:{port}"
        for path in ("/v1/control/start-run", "/v1/control/register-node", "/v1/runtime/acquire-task", "/docs"):
            assert status(address, path, authority=authority) == 403
            assert status(address, path, shown="wrong", authority=authority) == 403
        # What SuperNodes ask goes by their keys, as ever; and who has the pass may do the rest.
        assert status(address, "/v1/fleet/pull-messages", authority=authority) == 401
        relay = Relay(folder, extra, time.monotonic, print)
        relay.start([["supernode", "register", str(public), SUPERLINK]])
        with pytest.raises(TacitError, match="did not start the relay"):
            Relay(folder, {gate.VARIABLE: gate.new_pass()}, time.monotonic, print).start()


@pytest.mark.slow
def test_a_user_of_the_same_machine_gets_nothing_from_a_supernode(tmp_path):
    """And it stops when the process that starts its apps does, to be started again."""
    port, shown = free_port(), gate.new_pass()
    arguments = ["--superlink", f"127.0.0.1:{free_port()}", "--insecure", "--host", "127.0.0.1", "--port", str(port)]
    with Program("flower-supernode", arguments, tmp_path, {gate.VARIABLE: shown}) as node:
        node.wait_for_port("127.0.0.1", port, 60)
        address = f"http://127.0.0.1:{port}"
        assert status(address, "/v1/runtime/acquire-task") == 403
        assert status(address, "/v1/runtime/acquire-task", shown=shown) not in (403, 404)
        listing = ["ps", "-ww", "-eo", "pid=,args="]

        def executor():
            lines = subprocess.run(listing, capture_output=True, text=True).stdout.splitlines()
            return [int(each.split()[0]) for each in lines if "flower-superexec" in each and f":{port}" in each]

        wait_until(executor)
        os.kill(executor()[0], 9)

        def stopped():
            try:
                node.check()
            except TacitError:
                return True
            return False

        wait_until(stopped)


@pytest.mark.parametrize("name", ["flower-superlink", "flower-supernode", "flower-superexec"])
def test_without_a_pass_nothing_is_started(tmp_path, name):
    with Program(name, [], tmp_path) as program:
        wait_until(lambda: program._process.poll() is not None)
        with pytest.raises(TacitError, match="anybody could command it"):
            program.check()


def test_every_program_that_a_superlink_can_ask_for_is_ours(tmp_path):
    assert set(TASK_TYPE_TO_COMMAND.values()) < set(PROGRAMS)
    place = Path(environment(tmp_path, {})["PATH"])
    assert {each.name for each in place.iterdir()} == set(PROGRAMS)
    done = subprocess.run([place / "flwr-agentapp", "--token", "x"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "does not run it" in done.stderr


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("flwr-clientapp", "flwr.supernode.runtime.run_clientapp"),
        ("flwr-serverapp", "flwr.superlink.runtime.run_serverapp"),
    ],
)
def test_an_app_is_neither_installed_nor_what_it_depends_on(tmp_path, program, module):
    """Whatever the settings say: here the program is told that it may."""
    (tmp_path / "pyproject.toml").write_text("this is nothing that could be installed")
    code = f"""
import sys
from importlib import import_module
from tacit.deploy.pinned import main
sys.argv = ["pinned", {program!r}, "--help"]
try:
    main()
except SystemExit:
    pass
module = import_module({module!r})
assert module.install_from_fab(b"no app", skip_prompt=True) is None
assert module.install_app_dependencies({str(tmp_path)!r}, launch_id="x", run_id=1) is None
"""
    code, printed = in_a_process(code, tmp_path, {gate.VARIABLE: gate.new_pass()})
    assert code == 0, printed


def test_a_supernode_does_not_unpack_what_it_is_sent(tmp_path):
    code = """
import sys
from importlib import import_module
from tacit.deploy.pinned import main
sys.argv = ["pinned", "flower-supernode", "--help"]
try:
    main()
except SystemExit:
    pass
module = import_module("flwr.supernode.start_client_internal")
assert module.get_fused_config_from_fab(b"no app", None) == {}
"""
    code, printed = in_a_process(code, tmp_path, {gate.VARIABLE: gate.new_pass()})
    assert code == 0, printed


def test_what_is_replaced_is_there_in_this_version_of_flower():
    """Where it is not, nothing is started; this says so before a deployment does."""
    for module, name in (
        ("flwr.supernode.start_client_internal", "get_fused_config_from_fab"),
        ("flwr.superlink.main", "create_app"),
        ("flwr.supernode.main", "create_app"),
    ):
        assert hasattr(import_module(module), name)


LAUNCH = """
import os
import sys
import tempfile
import time
from tacit.deploy.launching import Launcher

launcher = Launcher()
for output in ({}, dict(stdout=launcher.DEVNULL, stderr=launcher.DEVNULL)):
    task = launcher.Popen(["flwr-agentapp", "--token", "x"], **output)
    task.join(60)
    assert task.exitcode == 1 and task.pid != os.getpid()
loaded = launcher.Popen(["flwr-clientapp", "--help"])
loaded.join(60)
assert loaded.exitcode == 0
assert len(launcher._running) == 1, "those that have ended are let go"
assert "flwr" not in sys.modules, "loaded in the server alone"
"""


def test_a_task_is_a_process_of_its_own_and_may_only_be_a_program_of_ours(home):
    code, printed = in_a_process(LAUNCH, home, {gate.VARIABLE: gate.new_pass()})
    assert code == 0, printed
    assert printed.count("does not run it") == 1
    assert "Run a Flower ClientApp" in printed
    assert [each.name for each in home.iterdir()] == ["programs"]


def test_the_superlink_does_not_wait_for_the_disk(tmp_path):
    """What it keeps is in a folder that goes with it; it writes there with every request."""
    code = f"""
import sys
from tacit.deploy.pinned import main
sys.argv = ["pinned", "flower-superlink", "--help"]
try:
    main()
except SystemExit:
    pass
from sqlalchemy import create_engine, text
with create_engine("sqlite:///{tmp_path}/state.sqlite").connect() as connection:
    assert connection.execute(text("PRAGMA synchronous")).scalar() == 0
"""
    code, printed = in_a_process(code, tmp_path, {gate.VARIABLE: gate.new_pass()})
    assert code == 0, printed

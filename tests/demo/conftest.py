"""One demo for all tests of it, run as a user would, with every file that each of its processes opens written down."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

WATCHER = """
import os, sys
_folder, _here = os.environ["TEST_OPENED"], os.getcwd()
_file = open(os.path.join(_folder, f"{os.getpid()}.txt"), "a", buffering=1)
_file.write(f"cwd {_here}\\n")
def _watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        _file.write("open " + os.path.abspath(os.fsdecode(arguments[0])) + "\\n")
sys.addaudithook(_watch)
"""


@dataclass
class Demo:
    """Where a demo was run, what it printed as JSON, and which files its processes opened, by working folder."""

    folder: Path
    report: dict
    opened: dict[Path, set[Path]]


def run_demo_command(where: Path, *arguments: str) -> Demo:
    """Run `tacit demo --json` in the empty folder `where`."""
    spy, opened = where / "spy", where / "opened"
    spy.mkdir()
    opened.mkdir()
    (spy / "sitecustomize.py").write_text(WATCHER)
    path = os.pathsep.join([str(spy), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "TEST_OPENED": str(opened)}
    command = [sys.executable, "-c", "from tacit.cli import main; main()", "demo", "--json", *arguments]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[Path, set[Path]] = {}
    for file in opened.iterdir():
        first, *rest = file.read_text().splitlines()
        seen.setdefault(Path(first.removeprefix("cwd ")), set()).update(
            Path(line.removeprefix("open ")) for line in rest
        )
    return Demo(where / "tacit-demo", json.loads(done.stdout), seen)


@pytest.fixture(scope="session")
def run_another():
    return run_demo_command


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    return run_demo_command(tmp_path_factory.mktemp("demo"), "--seed", "5")

"""Every command of the tutorial runs, on machines that are folders, with only the files sent that it says are sent."""

import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
MACHINES = ("north", "east", "south")
PIECES = re.compile(
    r"<!-- (?P<what>on|send|share): (?P<arguments>[^\n]*?) -->(?:\s*```(?P<language>sh|python)\n(?P<code>.*?)```)?",
    re.S,
)


@dataclass
class Piece:
    what: str
    arguments: str
    language: str | None
    code: str | None


def pieces(port: int) -> list[Piece]:
    text = TUTORIAL.read_text().replace("127.0.0.1:9440", f"127.0.0.1:{port}")
    found = [Piece(**match.groupdict()) for match in PIECES.finditer(text)]
    blocks = len(re.findall(r"^```(sh|python)$", text, re.M))
    assert sum(piece.code is not None for piece in found) == blocks, "a block of the tutorial says not where it runs"
    return found


def start(code: str, language: str, folder: Path, tools: Path) -> subprocess.Popen:
    command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
    environment = {**__import__("os").environ}
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen, code: str) -> str:
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, f"{code}\n{output}"
    return output


def send(arguments: str, machines: Path) -> None:
    sources, targets = (part.split() for part in arguments.split("->"))
    for source in sources:
        for target in targets:
            path = machines / source
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, machines / target / path.name)


def share(folder: str, machines: Path) -> None:
    for source in MACHINES:
        for target in MACHINES:
            own = machines / source / folder / f"{source}.sig"
            if source != target:
                shutil.copyfile(own, machines / target / folder / own.name)


@pytest.fixture
def tools(tmp_path):
    """A folder with the commands that the tutorial calls, whatever is installed where."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, line in (("tacit", '-c "from tacit.cli import main; main()"'), ("python", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {line} "$@"\n')
        script.chmod(0o755)
    return folder


def test_every_command_runs(tmp_path, tools):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    machines = tmp_path / "machines"
    for name in MACHINES:
        (machines / name).mkdir(parents=True)
    together, outputs = [], []
    for piece in pieces(port):
        if piece.what == "send":
            send(piece.arguments, machines)
        elif piece.what == "share":
            share(piece.arguments, machines)
        else:
            where, _, mode = piece.arguments.partition(";")
            started = [
                (start(piece.code, piece.language, machines / name, tools), piece.code) for name in where.split()
            ]
            together += started
            if mode.strip() != "together" or len(together) == 4:
                outputs += [finish(*each) for each in together]
                together = []
    assert float(re.search(r"right on ([\d.]+)", outputs[-2]).group(1)) > 0.7
    assert "True" in outputs[-2]
    bundles = {(machines / name / "model.tacit").read_bytes() for name in MACHINES}
    assert len(bundles) == 1
    assert (machines / "south" / "predictions.csv").exists()
    for name in MACHINES:
        strangers = [path for path in (machines / name).rglob("*.key") if path.stem not in (name, "coordinator")]
        assert not strangers

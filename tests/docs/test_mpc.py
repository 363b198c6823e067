"""Every block of the page on multi-party computation runs, one after the other, in one folder."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "mpc.md"
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.M | re.S)
PORTS = (9450, 9451, 9452, 9453)


def blocks() -> list[tuple[str, str]]:
    text = PAGE.read_text()
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    for port, probe in zip(PORTS, probes, strict=True):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{probe.getsockname()[1]}")
        probe.close()
    return [(match["language"], match["code"]) for match in BLOCK.finditer(text)]


def test_every_block_runs_and_gives_what_is_said(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, line in (("tacit", '-c "from tacit.cli import main; main()"'), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {line} "$@"\n')
        (tools / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    said = []
    for language, code in blocks():
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    trained, joint, shared, accuracy, answers = said[2], said[3], *said[4:]
    assert "trained by multi-party computation, security active (abort), one of three may be corrupt" in trained
    assert "security passive (a corrupt party only looks)" in joint
    names = ("north", "east", "south", "coordinator")
    assert len({(tmp_path / f"{name}.tacit").read_bytes() for name in names}) == 1
    assert (tmp_path / "predictions.csv").exists()
    mean, larger = (np.fromstring(part, sep=" ") for part in re.findall(r"\[([^]]*)\]", shared))
    np.testing.assert_allclose(mean, [2, 2, 3, 3], atol=1e-3)
    np.testing.assert_allclose(larger, [5, 4, 3, 4], atol=1e-3)
    assert float(accuracy) > 0.8
    found, expected = (np.fromstring(part, sep=" ") for part in re.findall(r"\[([^]]*)\]", answers))
    np.testing.assert_allclose(found, expected, atol=1e-2)
    assert "True" in answers


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE.read_text()))))
def test_links_lead_somewhere(link):
    assert (PAGE.parent / link).exists()

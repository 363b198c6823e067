"""The example under Flower's simulation engine: the nodes are Ray's, the members this library's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr")
pytest.importorskip("ray")

EXAMPLE = Path(__file__).parents[2] / "examples" / "flower_simulation" / "run.py"


@pytest.mark.slow
def test_a_study_runs_under_flwr_run_with_ray():
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "The bundle holds." in done.stdout
    assert "sealed {'signers': ['north', 'east', 'south']}" in done.stdout

"""Every command and every line of Python of the page on proofs runs, on what the demo leaves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"


def run(command: list[str], folder: Path) -> str:
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def test_the_page_on_proofs_runs(tmp_path):
    run(["tacit", "demo"], tmp_path)
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    shell = "".join(code for language, code in blocks if language == "sh")
    shown = run(["bash", "-euo", "pipefail", "-c", shell], tmp_path)
    assert "predicts the right class on at least 100 of the 114 rows" in shown
    assert "warning" not in shown
    for language, code in blocks:
        if language == "python":
            assert "It does not say" in run([sys.executable, "-c", code], tmp_path)

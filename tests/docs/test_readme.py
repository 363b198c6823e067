"""What the README says can be run, is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_has_the_two_commands_that_ci_runs():
    commands = re.findall(r"^    (pip install .*?)(?: *#.*)?$", README, re.M)
    assert [command.strip() for command in commands] == [
        "pip install '.[all]' && tacit demo",
        "pip install '.[all,dev]' && pytest",
    ]


@pytest.mark.slow
def test_python_excerpt_runs_on_the_demo(demo_folder, tmp_path):
    shutil.copytree(demo_folder, tmp_path / "tacit-demo")
    code = re.search(r"```python\n(.*?)```", README, re.S).group(1)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Graph" in done.stdout


@pytest.mark.slow
def test_demo_prints_what_the_readme_shows(demo_output):
    shown = re.search(r"<!-- excerpt -->\n```text\n(.*?)```", README, re.S).group(1)
    assert re.findall(r"^\d \w[\w ]+?(?=  )", shown, re.M) == re.findall(r"^\d \w[\w ]+?(?=  )", demo_output, re.M)
    for line in ("one hospital alone, on average", "all data pooled in the clear", "Accuracy on 114 patients"):
        assert line in shown
        assert line in demo_output


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    where = tmp_path_factory.mktemp("readme")
    command = [sys.executable, "-c", "from tacit.cli import main; main()", "demo"]
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return where / "tacit-demo", done.stdout


@pytest.fixture(scope="module")
def demo_folder(demo_run):
    return demo_run[0]


@pytest.fixture(scope="module")
def demo_output(demo_run):
    return demo_run[1]

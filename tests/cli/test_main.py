"""What holds for every verb."""

import subprocess
import sys

import pytest

VERBS = [
    "id new",
    "id show",
    "study new",
    "study sign",
    "study check",
    "study show",
    "train",
    "verify",
    "predict",
    "demo",
]


@pytest.mark.parametrize("verb", VERBS)
def test_help(tacit, verb):
    done = tacit(*verb.split(), "--help")
    assert done.code == 0
    assert "Usage: tacit " + verb in done.out
    assert "--json" in done.out


def test_version(tacit):
    assert tacit("--version").out.startswith("tacit ")


def test_import_is_light():
    code = (
        "import sys, tacit; tacit.Identity, tacit.Graph, tacit.Study;"
        "heavy = {'numba', 'torch', 'pandas', 'sklearn', 'opacus', 'onnx'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    import tacit

    assert all(getattr(tacit, name) is not None for name in tacit.__all__)
    with pytest.raises(AttributeError):
        _ = tacit.nothing


def test_what_is_not_installed_is_named_with_what_to_install(tacit, study, monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    done = tacit("study", "check", "trial")
    assert done.code == 1
    assert "pip install 'tacit[federated]'" in done.err
    assert "Traceback" not in done.err


def test_what_the_system_refuses_is_said_without_a_traceback(tacit, new_study_arguments):
    new_study_arguments[2] = "/proc/nowhere"
    done = tacit(*new_study_arguments)
    assert done.code == 1
    assert "/proc/nowhere" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "arguments",
    [("study", "show", "trial"), ("study", "show", "trial", "--json"), ("id", "show", "columns.toml", "--json")],
)
def test_a_reader_that_goes_away_ends_it_quietly(study, members, arguments):
    command = [sys.executable, "-c", "from tacit.cli import main; main()", *arguments]
    process = subprocess.Popen(command, cwd=members, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1

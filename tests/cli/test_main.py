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

"""A study's own code: nothing of it runs before its digest was compared, and what runs are the bytes compared."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
import torch

from tacit.errors import AgreementError, FormatError
from tacit.federated import factory
from tacit.federated.factory import load_module
from tacit.federated.models import make_module
from tacit.study import Agreement

from .agreements import make_agreement
from .own_code import TINY, torch_model, write_package

replace = msgspec.structs.replace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    factory._function.cache_clear()
    return tmp_path


def agreement_on(folder: Path, text: str = TINY, **changes) -> Agreement:
    agreement = make_agreement(model=torch_model(write_package(folder, text)))
    return replace(agreement, model=replace(agreement.model, **changes))


def refused(agreement: Agreement, reason: str) -> AgreementError:
    with pytest.raises(AgreementError, match=reason) as caught:
        load_module(agreement)
    return caught.value


def test_the_module_is_the_functions(folder: Path) -> None:
    module = make_module(agreement_on(folder))
    assert [type(layer).__name__ for layer in module] == ["Linear", "Tanh", "Linear"]
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float64}
    assert not module.training


def test_no_package_above_the_file_is_run(folder: Path) -> None:
    """The packages of `write_package` raise when they are."""
    load_module(agreement_on(folder))
    assert not [name for name in sys.modules if name.startswith("clinic")]


def test_a_file_that_was_changed_is_not_run(folder: Path) -> None:
    agreement = agreement_on(folder)
    path = write_package(folder, TINY + "\nraise RuntimeError('it ran')\n")
    error = refused(agreement, "not the file that was agreed on")
    assert torch_model(path).source in str(error)
    assert agreement.model.source in str(error)
    assert str(path) in str(error)


def test_what_python_compiled_before_is_not_run(folder: Path) -> None:
    """A .pyc with the source's own time and size, of other code: an import would take it."""
    import importlib._bootstrap_external as external
    import importlib.util

    path = write_package(folder, TINY)
    code = compile("raise RuntimeError('the compiled one ran')", str(path), "exec")
    status = path.stat()
    cached = Path(importlib.util.cache_from_source(str(path)))
    cached.parent.mkdir()
    cached.write_bytes(external._code_to_timestamp_pyc(code, int(status.st_mtime), status.st_size))
    load_module(make_agreement(model=torch_model(path)))


def test_the_file_is_read_once(folder: Path) -> None:
    """A change between two rounds changes nothing, and does not end the run either."""
    agreement = agreement_on(folder)
    load_module(agreement)
    write_package(folder, "raise RuntimeError")
    load_module(agreement)


@pytest.mark.parametrize("name", ["clinic.nets.small", "clinic.lost.tiny", "lost.nets.tiny", "clinic.nets.tiny.more"])
def test_a_module_that_is_missing_is_named_by_its_level(folder: Path, name: str) -> None:
    (folder / "more.py").write_text(TINY)  # on the path, but not in a package
    missing = {"clinic.lost.tiny": "clinic.lost", "lost.nets.tiny": "lost"}.get(name, name)
    refused(agreement_on(folder, factory=f"{name}:make"), f"no module '{missing}' here: install")


@pytest.mark.parametrize("name", ["sys", "math", "os.path", "clinic_spread"])
def test_modules_without_a_source_file_are_refused(folder: Path, name: str) -> None:
    (folder / "clinic_spread").mkdir()
    refused(agreement_on(folder, factory=f"{name}:make"), "has no Python source file|no module 'os.path'")


def test_the_file_may_not_import_its_neighbours(folder: Path) -> None:
    """They are not covered by the digest."""
    refused(agreement_on(folder, "from . import other\n" + TINY), "cannot be run: ImportError")


@pytest.mark.parametrize(
    "text",
    [
        "other = 1",
        "make = 3",
        "from torch.nn import Identity as make",
        "from torch.nn.init import xavier_uniform_ as make",
        "import functools\nmake = functools.partial(dict)",
    ],
)
def test_the_function_must_be_the_files_own(folder: Path, text: str) -> None:
    refused(agreement_on(folder, text), "does not define a function 'make' itself")


@pytest.mark.parametrize("text", ["1 / 0", "def (", "import sys\nsys.exit(3)", "raise ValueError('a\\nb')"])
def test_code_that_fails_is_refused_in_one_line(folder: Path, text: str) -> None:
    before = set(sys.modules)
    error = refused(agreement_on(folder, text), "cannot be run: (Zero|Syntax|SystemExit: 3|ValueError: a$)")
    assert "\n" not in str(error)
    assert set(sys.modules) == before


@pytest.mark.parametrize("body", ["1 / 0", "raise SystemExit(2)", "import lost_package"])
def test_a_function_that_fails_is_refused(folder: Path, body: str) -> None:
    refused(agreement_on(folder, f"def make():\n    {body}\n"), "'clinic.nets.tiny:make' failed: ")


def test_something_else_than_a_module_is_refused(folder: Path) -> None:
    refused(agreement_on(folder, "def make():\n    return [1]\n"), "returned a list, not a torch.nn.Module")


def test_a_module_that_cannot_be_float64_is_refused(folder: Path) -> None:
    text = """
from torch import nn

class Stubborn(nn.Linear):
    def double(self):
        raise TypeError("float32 for ever")

def make():
    return Stubborn(3, 1)
"""
    refused(agreement_on(folder, text), "not float64: TypeError: float32 for ever")


def test_a_file_without_end_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "MAX_BYTES", 10)
    with pytest.raises(FormatError, match="larger than 10 bytes"):
        load_module(agreement_on(folder))


def test_the_module_is_checked(folder: Path) -> None:
    refused(agreement_on(folder, parameters=22), "has 21 parameters, and model.parameters says 22")


def test_files_may_define_dataclasses(folder: Path) -> None:
    """They look for their module by its name."""
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    b: int = 4\n"
    )
    assert (
        sum(p.numel() for p in load_module(agreement_on(folder, text + TINY.replace("4", "A().b"))).parameters()) == 21
    )

"""A study's own torch code: found without running any of it, compared with the digest that all signed, then run.

The digest covers one file. So the file may not import its neighbours, and the function must be defined in it; what
else it imports (torch, say) is every party's own, and theirs to trust.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from tacit.canonical import quote
from tacit.errors import AgreementError
from tacit.federated.trainable import check_trainable
from tacit.files import read_bounded
from tacit.study import Agreement

MAX_BYTES = 2**20


def load_module(agreement: Agreement) -> nn.Module:
    """Return a new module of the agreement's `torch` model, float64 and in evaluation mode, checked.

    Raises:
        AgreementError: there is no such file, it is another one than was signed, or its module cannot be trained here.
    """
    model = agreement.model
    function = _function(model.factory, model.source)
    try:
        module = function()
    except (Exception, SystemExit) as error:  # whatever the study's code raises
        raise AgreementError(f"model.factory {model.factory!r} failed: {_shown(error)}") from error
    if not isinstance(module, nn.Module):
        raise AgreementError(
            f"model.factory {model.factory!r} returned a {quote(type(module).__name__)}, not a torch.nn.Module"
        )
    try:
        module = module.double().eval()
    except (Exception, SystemExit) as error:  # a module may have its own
        raise AgreementError(f"model.factory {model.factory!r}: not float64: {_shown(error)}") from error
    check_trainable(agreement, module)
    return module


@lru_cache(maxsize=8)
def _function(factory: str, source: str) -> Callable[[], Any]:
    """Return the function: its file is read and run once, so it cannot change between two rounds."""
    name, _, called = factory.partition(":")
    path = _find(name)
    content = read_bounded(path, MAX_BYTES, "the file of model.factory")
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != source:
        raise AgreementError(
            f"model.factory: {path} is not the file that was agreed on; its digest is {found}, and model.source is "
            f"{source}: compare it with the file of whoever wrote the study, line by line, and install that one"
        )
    function = _run(content, path, f"tacit model {source[7:23]}").get(called)
    if not isinstance(function, types.FunctionType) or function.__code__.co_filename != str(path):
        raise AgreementError(f"model.factory: {path} does not define a function {called!r} itself, at its top level")
    return function


def _find(name: str) -> Path:
    """Return the file of the module `name`, found level by level: to import it would run its packages first."""
    places: Sequence[str] | None = None
    loader: Any = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        level = ".".join(parts[:depth])
        spec = None if depth > 1 and places is None else _spec(level, places)
        if spec is None:
            raise AgreementError(
                f"model.factory: there is no module {level!r} here: install the package that has it, or put its folder "
                "on PYTHONPATH"
            )
        places, loader = spec.submodule_search_locations, spec.loader
    if not isinstance(loader, importlib.machinery.SourceFileLoader):
        raise AgreementError(
            f"model.factory: module {name!r} has no Python source file, whose digest could be compared"
        )
    return Path(loader.path)


def _spec(name: str, places: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, places, None)
        if spec is not None:
            return spec
    return None


def _run(content: bytes, path: Path, name: str) -> dict[str, Any]:
    """Run these very bytes, not what Python may have compiled before; return the module's names."""
    module = types.ModuleType(name)
    # Without a package, a relative import fails: what it would import is not covered by the digest.
    module.__dict__.update(__file__=str(path), __package__="")
    sys.modules[name] = module  # dataclasses look themselves up there
    try:
        exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the very bytes that all signed
    except (Exception, SystemExit) as error:  # whatever the study's code raises
        del sys.modules[name]
        raise AgreementError(f"model.factory: {path} cannot be run: {_shown(error)}") from error
    return module.__dict__


def _shown(error: BaseException) -> str:
    lines = str(error).splitlines() or [""]
    return quote(f"{type(error).__name__}: {lines[0]}")

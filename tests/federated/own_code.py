"""A study's own torch code: packages in a folder on the path, with a module that is known by its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tacit.study import Model

TINY = """
from torch import nn

def make():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
"""
TINY_PARAMETERS = 21


def write_package(folder: Path, text: str, name: str = "clinic.nets.tiny") -> Path:
    """Write `text` as the module `name` below `folder`; to import its packages is an error."""
    *packages, last = name.split(".")
    place = folder
    for package in packages:
        place = place / package
        place.mkdir(parents=True, exist_ok=True)
        (place / "__init__.py").write_text("raise RuntimeError('a package was run')\n")
    path = place / f"{last}.py"
    path.write_text(text)
    return path


def torch_model(path: Path, parameters: int = TINY_PARAMETERS, name: str = "clinic.nets.tiny", **fields) -> Model:
    """The agreement's model for `make` in the file, as it is now."""
    source = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return Model("torch", factory=f"{name}:make", source=source, parameters=parameters, **fields)

"""Machine learning on data that nobody has to show: the public names, and nothing else.

Study     the agreement that parties sign, in a folder
Identity  the keys of a party; PublicIdentity is the half to give away
Graph     a model in fixed point, from torch, scikit-learn or ONNX
Bundle    the sealed model that leaves a study; `verify` checks it
Schema    the columns of a study's tables
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tacit.bundle import Bundle, Report, verify
    from tacit.bundle.prediction import predict
    from tacit.data import Column, Schema, Table, load
    from tacit.errors import (
        AgreementError,
        BudgetError,
        DataError,
        FormatError,
        GraphError,
        IdentityError,
        PolicyError,
        ProofError,
        ProtocolError,
        TacitError,
    )
    from tacit.graph import Graph
    from tacit.keys import Identity, PublicIdentity
    from tacit.run import take_part
    from tacit.study import Agreement, Study

_ROOMS = {
    "tacit.bundle": ("Bundle", "Report", "verify"),
    "tacit.bundle.prediction": ("predict",),
    "tacit.data": ("Column", "Schema", "Table", "load"),
    "tacit.errors": (
        "AgreementError",
        "BudgetError",
        "DataError",
        "FormatError",
        "GraphError",
        "IdentityError",
        "PolicyError",
        "ProofError",
        "ProtocolError",
        "TacitError",
    ),
    "tacit.graph": ("Graph",),
    "tacit.keys": ("Identity", "PublicIdentity"),
    "tacit.run": ("take_part",),
    "tacit.study": ("Agreement", "Study"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Agreement",
    "AgreementError",
    "BudgetError",
    "Bundle",
    "Column",
    "DataError",
    "FormatError",
    "Graph",
    "GraphError",
    "Identity",
    "IdentityError",
    "PolicyError",
    "ProofError",
    "ProtocolError",
    "PublicIdentity",
    "Report",
    "Schema",
    "Study",
    "Table",
    "TacitError",
    "load",
    "predict",
    "take_part",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import tacit` stays quick."""
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'tacit' has no attribute {name!r}")
    return getattr(importlib.import_module(room), name)


def __dir__() -> list[str]:
    return __all__

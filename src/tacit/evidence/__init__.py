"""Evidence: committing to the model of a bundle and to tables of rows, and proving statements about them.

What is proved, and how, is in `tacit.proofs`; here bundles, tables and files meet it. See docs/proofs.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tacit.evidence.committing import commit_fit, commit_model, commit_table
    from tacit.evidence.files import load_commitment, load_model, load_set, save
    from tacit.evidence.statements import accuracy, fairness, inference, optimality

_HOMES = {
    "accuracy": "statements",
    "commit_fit": "committing",
    "commit_model": "committing",
    "commit_table": "committing",
    "fairness": "statements",
    "inference": "statements",
    "load_commitment": "files",
    "load_model": "files",
    "load_set": "files",
    "optimality": "statements",
    "save": "files",
}

__all__ = [
    "accuracy",
    "commit_fit",
    "commit_model",
    "commit_table",
    "fairness",
    "inference",
    "load_commitment",
    "load_model",
    "load_set",
    "optimality",
    "save",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"tacit.evidence.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tacit.evidence' has no attribute {name!r}")

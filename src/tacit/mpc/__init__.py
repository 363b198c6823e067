"""Multi-party computation: three parties train and classify on shares, and nobody sees what they are of.

`Shared` is an array that is used like one of numpy's; `train` is a whole program on a session, `evaluate` a protocol
for `Session.run`. `run_locally` opens sessions in one process, `neighbours` with `open_session` between machines.
Security is an argument without a default. See docs/mpc.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tacit.mpc.evaluation import Skeleton, evaluate, weights_of
    from tacit.mpc.local import run_locally
    from tacit.mpc.network import neighbours
    from tacit.mpc.session import Session, open_session
    from tacit.mpc.shared import Shared
    from tacit.mpc.storage import Storage
    from tacit.mpc.training.settings import Settings
    from tacit.mpc.training.train import DenseModel, Part, Split, train
    from tacit.mpc.truth import Truth

_HOMES = {
    "DenseModel": "training.train",
    "Part": "training.train",
    "Session": "session",
    "Settings": "training.settings",
    "Shared": "shared",
    "Skeleton": "evaluation",
    "Split": "training.train",
    "Storage": "storage",
    "Truth": "truth",
    "evaluate": "evaluation",
    "neighbours": "network",
    "open_session": "session",
    "run_locally": "local",
    "train": "training.train",
    "weights_of": "evaluation",
}

__all__ = [
    "DenseModel",
    "Part",
    "Session",
    "Settings",
    "Shared",
    "Skeleton",
    "Split",
    "Storage",
    "Truth",
    "evaluate",
    "neighbours",
    "open_session",
    "run_locally",
    "train",
    "weights_of",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"tacit.mpc.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tacit.mpc' has no attribute {name!r}")

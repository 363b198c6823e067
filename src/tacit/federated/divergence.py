"""Training that has left the numbers a model can have: in which round that was, and which settings to lower."""

from __future__ import annotations

from tacit.errors import AgreementError
from tacit.federated.strategies import strategy_name
from tacit.study import Agreement

BEYOND_ALL = "its numbers are beyond all bounds"


def diverged(agreement: Agreement, step: int, why: str = BEYOND_ALL) -> AgreementError:
    """Return the error for training that diverged in round `step`: it names the settings that drive it, as they are."""
    named = ", ".join(f"training.{name} = {value:g}" for name, value in _driving(agreement).items())
    rounds = agreement.training.rounds
    return AgreementError(f"training diverged in round {step} of {rounds}: {why}. Lower one or more of {named}")


def _driving(agreement: Agreement) -> dict[str, float]:
    """Return the settings that lengthen the steps of this agreement's strategy, by name, but for those left out."""
    training, name = agreement.training, strategy_name(agreement)
    return {
        "learning_rate": training.learning_rate,
        **({"server_learning_rate": training.server_learning_rate} if name != "fedsgd" else {}),
        **({"local_steps": training.local_steps} if training.local_steps > 1 else {}),
        **({"momentum": training.momentum} if training.momentum > 0 else {}),
        **({"l2": training.l2} if training.l2 > 0 else {}),
        **({"proximal": training.proximal} if training.proximal > 0 else {}),
        "clip": training.clip,
    }

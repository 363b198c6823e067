"""Strategies: what a party does between two totals, and what all do with a total. A file for each.

Flower's strategy classes want the parties' arrays at a server. Here nobody but the parties ever has a total, and no
one has a single array, so the server's part runs at every party, on the same total, in numpy's float64.
"""

from __future__ import annotations

from typing import Any

from tacit.federated.strategies.fedadam import FedAdam
from tacit.federated.strategies.fedavg import FedAvg
from tacit.federated.strategies.fedprox import FedProx
from tacit.federated.strategies.fedsgd import FedSGD
from tacit.federated.strategies.scaffold import Scaffold
from tacit.federated.strategies.strategy import Arrays, Strategy
from tacit.study import Agreement

__all__ = [
    "STRATEGIES",
    "Arrays",
    "FedAdam",
    "FedAvg",
    "FedProx",
    "FedSGD",
    "Scaffold",
    "Strategy",
    "make_strategy",
    "strategy_name",
    "sums_records",
]

STRATEGIES: dict[str, type[Strategy]] = {
    "fedsgd": FedSGD,
    "fedavg": FedAvg,
    "fedprox": FedProx,
    "fedadam": FedAdam,
    "scaffold": Scaffold,
}


def strategy_name(agreement: Agreement) -> str:
    """Return the agreement's strategy; `auto` is gradient descent where one local step is summed, else FedAvg."""
    chosen = agreement.training.strategy
    if chosen != "auto":
        return chosen
    one_step = agreement.training.local_steps == 1 and agreement.privacy.unit != "party"
    return "fedsgd" if one_step else "fedavg"


def make_strategy(agreement: Agreement, penalty: Any) -> Strategy:
    """Return the agreement's strategy; `penalty` is the L2 penalty of each parameter, (parameters,)."""
    return STRATEGIES[strategy_name(agreement)](agreement.training, penalty)


def sums_records(agreement: Agreement) -> bool:
    """Return whether single records' gradients are summed, rather than whole parties' changes."""
    return agreement.privacy.unit == "record" or strategy_name(agreement) == "fedsgd"

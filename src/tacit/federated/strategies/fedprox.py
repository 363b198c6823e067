"""FedProx: FedAvg whose local steps are held near the common model (Li et al. 2020, algorithm 2).

local    as FedAvg, on the loss plus (proximal / 2) |y - x|^2
server   as FedAvg
"""

from __future__ import annotations

from tacit.federated.strategies.fedavg import FedAvg
from tacit.federated.strategies.strategy import FloatArray


class FedProx(FedAvg):
    """With `proximal` 0 it is FedAvg."""

    def pull(self, start: FloatArray, current: FloatArray) -> FloatArray:
        """Return the gradient of the proximal term."""
        return self.training.proximal * (current - start)

"""SCAFFOLD: FedAvg with control variates against the drift of unlike parties (Karimireddy et al. 2020, algorithm 1).

    local    y <- y - learning_rate (g(y) + l2 y - c_i + c),  `local_steps` times
             contributes y - x  and  (x - y) / (local_steps learning_rate) - c, which is option II's change of c_i
    server   x <- x + server_learning_rate mean(y - x);   c <- c + present mean(change of c_i)

A party adds to its own c_i what it has sent, which is clipped, so that c stays the mean of all c_i.
"""

from __future__ import annotations

import numpy as np

from tacit.federated.strategies.fedavg import FedAvg
from tacit.federated.strategies.strategy import Arrays, FloatArray, Gradient


class Scaffold(FedAvg):
    """c is common; c_i, an average of the party's gradients, is its own and never leaves it."""

    blocks = 2

    def common(self, parameters: FloatArray) -> Arrays:
        """Return c."""
        return {"control": np.zeros_like(parameters)}

    def own(self, parameters: FloatArray) -> Arrays:
        """Return c_i."""
        return {"own_control": np.zeros_like(parameters)}

    def local(self, start: FloatArray, gradient: Gradient, common: Arrays, own: Arrays) -> list[FloatArray]:
        """Return the change of the parameters, and that of c_i."""
        correction = common["control"] - own["own_control"]
        [change] = super().local(start, lambda current: gradient(current) + correction, common, own)
        steps = self.training.local_steps * self.training.learning_rate
        return [change, -change / steps - common["control"]]

    def keep(self, own: Arrays, sent: list[FloatArray]) -> Arrays:
        """Return c_i with what was sent of its change."""
        return {"own_control": own["own_control"] + sent[1]}

    def server(
        self, parameters: FloatArray, means: FloatArray, common: Arrays, present: float
    ) -> tuple[FloatArray, Arrays]:
        """Add the mean change, and its own to c."""
        parameters, _ = super().server(parameters, means, common, present)
        return parameters, {"control": common["control"] + present * means[1]}

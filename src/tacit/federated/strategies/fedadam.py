"""FedAdam: the mean change as a gradient for Adam (Reddi et al. 2021, algorithm 2).

local    as FedAvg; for unit `record`, the gradients of one step
server   m <- beta1 m + (1 - beta1) d;   v <- beta2 v + (1 - beta2) d^2;   with d the mean change
         x <- x + server_learning_rate m / (sqrt(v) + tau);   m begins at 0 and v at tau^2
"""

from __future__ import annotations

import numpy as np

from tacit.federated.strategies.fedavg import FedAvg
from tacit.federated.strategies.strategy import Arrays, FloatArray


class FedAdam(FedAvg):
    """Each parameter has a step size of its own, from how much its changes vary."""

    def common(self, parameters: FloatArray) -> Arrays:
        """Return the two moments."""
        return {
            "first_moment": np.zeros_like(parameters),
            "second_moment": np.full_like(parameters, self.training.tau**2),
        }

    def server(
        self, parameters: FloatArray, means: FloatArray, common: Arrays, present: float
    ) -> tuple[FloatArray, Arrays]:
        """Take Adam's step, without its correction of the first rounds' bias, as in the paper."""
        settings, change = self.training, means[0]
        first = settings.beta1 * common["first_moment"] + (1 - settings.beta1) * change
        second = settings.beta2 * common["second_moment"] + (1 - settings.beta2) * change * change
        step = settings.server_learning_rate * first / (np.sqrt(second) + settings.tau)
        return parameters + step, {"first_moment": first, "second_moment": second}

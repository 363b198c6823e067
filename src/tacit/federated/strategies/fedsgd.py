"""FedSGD: gradient descent on all parties' rows at once (McMahan et al. 2017, section 2), with momentum.

local    the gradient g_i at the common model, of every record by itself
server   v <- momentum v + mean(g) + l2 x;   x <- x - learning_rate v
"""

from __future__ import annotations

import numpy as np

from tacit.federated.strategies.strategy import Arrays, FloatArray, Gradient, Strategy


class FedSGD(Strategy):
    """The sum of gradients makes one step: the same as if all rows were in one place."""

    def common(self, parameters: FloatArray) -> Arrays:
        """Return the velocity."""
        return {"velocity": np.zeros_like(parameters)}

    def local(self, start: FloatArray, gradient: Gradient, common: Arrays, own: Arrays) -> list[FloatArray]:
        """Return the gradient at `start`."""
        return [gradient(start)]

    def server(
        self, parameters: FloatArray, means: FloatArray, common: Arrays, present: float
    ) -> tuple[FloatArray, Arrays]:
        """Step against the mean gradient."""
        velocity = self.training.momentum * common["velocity"] + means[0] + self.penalty * parameters
        return parameters - self.training.learning_rate * velocity, {"velocity": velocity}

"""FedAvg: local steps, and the average of what they changed (McMahan et al. 2017, algorithm 1).

local    y <- x;  `local_steps` times  y <- y - learning_rate (g(y) + l2 y);   contributes y - x
server   x <- x + server_learning_rate mean(y - x)
"""

from __future__ import annotations

from tacit.federated.strategies.strategy import Arrays, FloatArray, Gradient, Strategy


class FedAvg(Strategy):
    """Averaging. What the local steps add to the gradient, and what is done with the mean, others override."""

    def local(self, start: FloatArray, gradient: Gradient, common: Arrays, own: Arrays) -> list[FloatArray]:
        """Return the change after `local_steps` steps."""
        current = start
        for _ in range(self.training.local_steps):
            current = current + self.one_step(current, gradient(current) + self.pull(start, current))
        return [current - start]

    def pull(self, start: FloatArray, current: FloatArray) -> FloatArray | float:
        """Return what is added to every gradient: nothing."""
        return 0.0

    def server(
        self, parameters: FloatArray, means: FloatArray, common: Arrays, present: float
    ) -> tuple[FloatArray, Arrays]:
        """Add the mean change."""
        return parameters + self.training.server_learning_rate * means[0], common

"""FedAvg: the mean of what local descent comes to."""

import numpy as np
import pytest

from tacit.federated.strategies import FedAvg

from .convex import LENGTH, gradient_of, make_parties, make_settings, train


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize(("server_learning_rate", "l2"), [(1.0, 0.0), (0.5, 0.3)])
def test_is_the_mean_of_local_descents(steps, server_learning_rate, l2):
    parties = make_parties()
    settings = make_settings(local_steps=steps, server_learning_rate=server_learning_rate)
    x = np.zeros(LENGTH)
    for reached in train(FedAvg(settings, np.full(LENGTH, l2)), parties, 6):
        ends = []
        for party in parties:
            y = x
            for _ in range(steps):
                y = y - 0.05 * (gradient_of(party)(y) + l2 * y)
            ends.append(y)
        x = (1 - server_learning_rate) * x + server_learning_rate * np.mean(ends, axis=0)
        assert reached == pytest.approx(x)

"""FedSGD: gradient descent with momentum on everybody's loss."""

import numpy as np
import pytest

from tacit.federated.strategies import FedSGD

from .convex import LENGTH, best, gradient_of, make_parties, make_settings, train


@pytest.mark.parametrize(("momentum", "l2"), [(0.0, 0.0), (0.6, 0.0), (0.3, 0.2)])
def test_is_descent_on_the_mean_loss(momentum, l2):
    parties = make_parties()
    x, velocity = np.zeros(LENGTH), 0
    for reached in train(FedSGD(make_settings(momentum=momentum), np.full(LENGTH, l2)), parties, 20):
        velocity = momentum * velocity + np.mean([gradient_of(p)(x) for p in parties], axis=0) + l2 * x
        x = x - 0.05 * velocity
        assert reached == pytest.approx(x)


def test_reaches_the_best_model_however_unlike_the_parties_are():
    parties = make_parties(unlike=10.0)
    path = train(FedSGD(make_settings(learning_rate=0.3), np.zeros(LENGTH)), parties, 2000)
    assert path[-1] == pytest.approx(best(parties), abs=1e-3)

"""FedAdam: algorithm 2 of Reddi et al. 2021, worked out by hand and by a twin."""

import math

import numpy as np
import pytest

from tacit.federated.strategies import FedAdam, FedAvg

from .convex import LENGTH, gradient_of, make_parties, make_settings, train


def test_two_rounds_by_hand():
    strategy = FedAdam(make_settings(server_learning_rate=0.1, beta1=0.5, beta2=0.75, tau=1.0), np.zeros(1))
    x = np.array([2.0])
    x, common = strategy.server(x, np.array([[4.0]]), strategy.common(x), 1.0)
    # m = 0.5 * 0 + 0.5 * 4 = 2;  v = 0.75 * 1 + 0.25 * 16 = 4.75
    assert x[0] == pytest.approx(2 + 0.1 * 2 / (math.sqrt(4.75) + 1))
    before = x[0]
    x, common = strategy.server(x, np.array([[-2.0]]), common, 1.0)
    # m = 0.5 * 2 + 0.5 * -2 = 0;  v = 0.75 * 4.75 + 0.25 * 4 = 4.5625
    assert x[0] == before
    assert (common["first_moment"][0], common["second_moment"][0]) == (0.0, 4.5625)


def test_is_adam_on_what_fedavg_would_have_added():
    settings = make_settings(server_learning_rate=0.1, beta1=0.8, beta2=0.95, tau=0.01)
    parties = make_parties()
    path = train(FedAdam(settings, np.zeros(LENGTH)), parties, 8)
    plain = FedAvg(make_settings(), np.zeros(LENGTH))
    x, m, v = np.zeros(LENGTH), np.zeros(LENGTH), np.full(LENGTH, 0.01**2)
    for reached in path:
        change = np.mean([plain.local(x, gradient_of(party), {}, {})[0] for party in parties], axis=0)
        m, v = 0.8 * m + 0.2 * change, 0.95 * v + 0.05 * change**2
        x = x + 0.1 * m / (v**0.5 + 0.01)
        assert reached == pytest.approx(x)

"""FedProx: local descent on a loss that pulls back to where it began."""

import numpy as np
import pytest

from tacit.federated.strategies import FedAvg, FedProx

from .convex import LENGTH, best, gradient_of, make_parties, make_settings, train


def test_without_a_pull_it_is_fedavg_to_the_last_bit():
    parties, penalty = make_parties(), np.full(LENGTH, 0.1)
    plain = train(FedAvg(make_settings(), penalty), parties, 5)
    assert (train(FedProx(make_settings(proximal=0.0), penalty), parties, 5) == plain).all()


def test_is_descent_on_the_loss_and_the_distance():
    [party], x = make_parties(1), np.ones(LENGTH)
    [change] = FedProx(make_settings(proximal=2.0), np.zeros(LENGTH)).local(x, gradient_of(party), {}, {})
    y = x
    for _ in range(3):
        y = y - 0.05 * (gradient_of(party)(y) + 2.0 * (y - x))
    assert change == pytest.approx(y - x)


def test_a_pull_brings_unlike_parties_nearer_to_the_best_model():
    parties, penalty = make_parties(), np.zeros(LENGTH)
    far, near = (
        np.linalg.norm(
            train(FedProx(make_settings(local_steps=40, proximal=mu), penalty), parties, 500)[-1] - best(parties)
        )
        for mu in (0.0, 5.0)
    )
    assert near < far / 2

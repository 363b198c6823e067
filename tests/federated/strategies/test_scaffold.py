"""SCAFFOLD: control variates keep unlike parties from drifting apart, where FedAvg ends at another model."""

import numpy as np
import pytest

from tacit.federated.strategies import FedAvg, Scaffold

from .convex import LENGTH, best, gradient_of, make_parties, make_settings, train

NOTHING = np.zeros(LENGTH)


def test_is_algorithm_1_with_option_2():
    """The paper's own variables: c_i+ = c_i - c + (x - y_i) / (K eta)."""
    parties, x, c = make_parties(), np.zeros(LENGTH), np.zeros(LENGTH)
    controls = [np.zeros(LENGTH) for _ in parties]
    for reached in train(Scaffold(make_settings(), NOTHING), parties, 10):
        ends, after = [], []
        for party, control in zip(parties, controls, strict=True):
            y = x
            for _ in range(3):
                y = y - 0.05 * (gradient_of(party)(y) - control + c)
            ends.append(y)
            after.append(control - c + (x - y) / (3 * 0.05))
        c = c + np.mean([new - old for new, old in zip(after, controls, strict=True)], axis=0)
        controls, x = after, np.mean(ends, axis=0)
        assert reached == pytest.approx(x)


def test_unlike_parties_reach_the_best_model_where_fedavg_drifts():
    parties = make_parties()
    settings = make_settings(local_steps=40)
    drift, reached = (
        np.linalg.norm(train(kind(settings, NOTHING), parties, 1500)[-1] - best(parties)) for kind in (FedAvg, Scaffold)
    )
    assert drift > 0.3
    assert reached < 1e-3


def test_the_common_control_stays_the_mean_of_all_when_what_is_sent_was_clipped():
    strategy, parties, x = Scaffold(make_settings(), NOTHING), make_parties(), np.zeros(LENGTH)
    common, own = strategy.common(x), [strategy.own(x) for _ in parties]
    for _ in range(6):
        sent = [strategy.local(x, gradient_of(p), common, mine) for p, mine in zip(parties, own, strict=True)]
        sent = [[np.clip(block, -0.1, 0.1) for block in blocks] for blocks in sent]
        own = [strategy.keep(mine, blocks) for mine, blocks in zip(own, sent, strict=True)]
        x, common = strategy.server(x, np.mean(sent, axis=0), common, 1.0)
        assert common["control"] == pytest.approx(np.mean([mine["own_control"] for mine in own], axis=0))


def test_of_a_part_of_the_parties_the_control_takes_that_part():
    strategy = Scaffold(make_settings(), np.zeros(1))
    _, common = strategy.server(np.zeros(1), np.array([[1.0], [2.0]]), {"control": np.array([10.0])}, 0.25)
    assert common["control"] == pytest.approx([10.5])

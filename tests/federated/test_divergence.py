"""The error for training that diverged names the settings that drive the agreement's strategy, and no others."""

from __future__ import annotations

import pytest

from tacit.federated.divergence import diverged

from .agreements import make_agreement


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"learning_rate": 7.0}, "learning_rate = 7, training.clip = 1"),
        (
            {"l2": 0.5, "momentum": 0.9},
            "learning_rate = 1, training.momentum = 0.9, training.l2 = 0.5, training.clip = 1",
        ),
        (
            {"strategy": "fedprox", "proximal": 2.0, "local_steps": 4, "server_learning_rate": 3.0},
            "learning_rate = 1, training.server_learning_rate = 3, training.local_steps = 4, training.proximal = 2, "
            "training.clip = 1",
        ),
    ],
)
def test_names_the_round_and_the_settings_that_drive_it(settings: dict, named: str) -> None:
    agreement = make_agreement(rounds=5, **{"learning_rate": 1.0, **settings})
    expected = f"training diverged in round 2 of 5: for a reason. Lower one or more of training.{named}"
    assert str(diverged(agreement, 2, "for a reason")) == expected

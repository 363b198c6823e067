"""Keys and tables are made once; every test has a study folder of its own."""

import os

import numpy as np
import pytest

from tacit.data import Table
from tacit.keys import Identity
from tacit.run import new_study
from tacit.study import Study
from tacit.study.drafting import Choices

from . import breaking_off
from .acting import COORDINATOR, NAMES, People, make_tables


@pytest.fixture(autouse=True)
def no_loss_of_power(monkeypatch):
    """What waiting for the disk is for is tested in tests/study; here it would be most of the time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def people() -> People:
    return People({name: Identity.new(name) for name in (*NAMES, COORDINATOR)}, make_tables())


@pytest.fixture
def study(people, tmp_path):
    """With noise, one round, one party that may be lost and one that may be corrupt."""
    return people.study(tmp_path / "study")


@pytest.fixture(scope="session")
def identities():
    return {name: Identity.new(name) for name in (*NAMES, "carrier")}


@pytest.fixture(scope="session")
def tables():
    draw = np.random.default_rng(3)
    features = {name: draw.uniform(0, 100, (30, 1)) for name in NAMES}
    return {
        name: Table(x, (x[:, 0] > 50).astype(np.int64), breaking_off.SCHEMA, f"{name}.csv")
        for name, x in features.items()
    }


@pytest.fixture(scope="session")
def make_study(identities, tmp_path_factory):
    def make(unit="record") -> Study:
        budget = {"epsilon": 4.0, "delta": 1e-5} if unit != "none" else {"epsilon": 0.0, "delta": 0.0}
        choices = Choices(
            name="trial",
            purpose="a test",
            address="localhost:9440",
            rounds=breaking_off.ROUNDS,
            corrupt=1,
            dropping=1,
            unit=unit,
            **budget,
        )
        folder = tmp_path_factory.mktemp("resuming") / "study"
        study = new_study(
            folder,
            choices,
            [identities[name].public for name in NAMES],
            identities["carrier"].public,
            breaking_off.SCHEMA,
        )
        for name in NAMES:
            study.sign(identities[name])
        return study

    return make

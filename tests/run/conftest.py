"""Keys and tables are made once; every test has a study folder of its own."""

import os

import pytest

from tacit.keys import Identity

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

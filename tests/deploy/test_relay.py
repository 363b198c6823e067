"""A relay that has gone silent is followed by another, and what keeps it from starting is told."""

import threading
import time
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from tacit.deploy import gate, relay
from tacit.deploy.relay import Relay, configure
from tacit.errors import TacitError


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(relay, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(relay, "SILENT_SECONDS", 0.2)


class Told(Relay):
    """A relay whose starts are counted, and fail where no SuperLink is configured."""

    def __init__(self, folder, heard, enough):
        self.starts, self.events, self.enough = 0, [], enough
        self.done = threading.Event()
        super().__init__(folder, {gate.VARIABLE: gate.new_pass()}, heard, self.events.append)

    def start(self, before=()):
        self.starts += 1
        if self.starts == self.enough:
            self.done.set()
        self._started = time.monotonic()
        if self.starts == 2:
            raise TacitError("Flower did not start the relay: not this time")


def test_one_that_is_silent_is_followed_by_another_also_when_that_fails_once(tmp_path, quick):
    made = Told(tmp_path, lambda: 0.0, 4)
    made.start()
    with made:
        assert made.done.wait(20)
    said = [event.body["reason"] for event in made.events]
    assert said[0] == "the relay has said nothing for 0.2 s: another one"
    assert said[1] == "Flower did not start the relay: not this time"


def test_one_that_speaks_is_left_alone_and_none_is_started_before_the_first(tmp_path, quick):
    speaking, unused = Told(tmp_path, time.monotonic, 2), Told(tmp_path, lambda: 0.0, 1)
    speaking.start()
    silent = Told(tmp_path, lambda: 0.0, 3)
    silent.start()
    with speaking, unused, silent:
        assert silent.done.wait(20)
    assert (speaking.starts, unused.starts) == (1, 0)


def test_why_flower_does_not_start_it_is_told_in_one_line(tmp_path):
    made = Relay(tmp_path, {gate.VARIABLE: gate.new_pass()}, time.monotonic, print)
    configure(tmp_path, "127.0.0.1:1", tmp_path / "nothing.pem")
    with pytest.raises(TacitError, match="Flower did not start the relay: .*nothing.pem") as caught:
        made.start()
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "locals" not in str(caught.value)


def test_a_path_with_quotes_is_one_path_in_flowers_configuration(tmp_path):
    authority = Path('/a "quoted"\\path/ä/ca.pem')
    configure(tmp_path, "[::1]:9092", authority)
    read = tomllib.loads((tmp_path / "config.toml").read_text())
    assert read["superlink"] == {
        "default": relay.SUPERLINK,
        relay.SUPERLINK: {"address": "[::1]:9092", "root-certificates": str(authority)},
    }

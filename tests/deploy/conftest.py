"""Four parties and a coordinator, whose frames Flower's own ClientApp and ServerApp carry."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import pytest

from tacit.deploy.ends import CoordinatorEnd, PartyEnd
from tacit.deploy.post import Post
from tacit.keys import Identity
from tacit.run import serve_coordinator, serve_party

from ..run.acting import COORDINATOR, NAMES, People, make_tables


@pytest.fixture(autouse=True)
def no_loss_of_power(monkeypatch):
    """What waiting for the disk is for is tested in tests/study."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def people():
    return People({name: Identity.new(name) for name in (*NAMES, COORDINATOR)}, make_tables())


class Deployment:
    """One run over a grid: the posts are up; `go` runs everybody named and returns results or errors by name."""

    def __init__(self, people, study, sockets, held):
        self.people, self.study, self.sockets = people, study, sockets
        self.ends = {name: PartyEnd(study, people.identities[name]) for name in NAMES}
        self.coordinator = CoordinatorEnd(study, people.identities[COORDINATOR])
        self.events = []
        for name, end in self.ends.items():
            held.enter_context(Post(self.path(name), lambda question, end=end: end.answer(question, 0.5)))
        held.enter_context(Post(self.path(COORDINATOR), self.coordinator.answer))

    def path(self, name):
        return self.sockets / f"{name}.sock"

    def configs(self):
        return {number: {"tacit-socket": str(self.path(name))} for number, name in enumerate(NAMES, start=1)}

    def go(self, carry, names=NAMES):
        with ThreadPoolExecutor(8) as threads:
            carrying = threads.submit(carry)
            coordinating = threads.submit(self._coordinate)
            parties = {name: threads.submit(self._take_part, name) for name in names}
            bundle = coordinating.result()
            carrying.result()
            wait(parties.values(), timeout=5)
            for end in self.ends.values():
                end.close()
            return bundle, {name: party.exception() or party.result() for name, party in parties.items()}

    def _coordinate(self):
        try:
            return serve_coordinator(self.study, self.coordinator.accept, self.events.append)
        finally:
            self.coordinator.finish(3.0)

    def _take_part(self, name):
        with self.ends[name].connect() as channel:
            own = self.people.identities[name]
            result = serve_party(self.study, own, self.people.tables[name], channel, lambda event: None)
        self.ends[name].linger(3.0)
        return result.bundle


@pytest.fixture
def deployment(people, tmp_path):
    with ExitStack() as held:
        sockets = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tacit-")))  # names of sockets are short
        yield Deployment(people, people.study(tmp_path / "study", timeout=20), sockets, held)

"""The people of these tests, and the roles stepped against each other without sockets, so that anybody can cheat."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from tacit.data import Column, Schema, Table
from tacit.errors import TacitError
from tacit.keys import Identity
from tacit.run import coordinator_steps, party_steps
from tacit.study import Study
from tacit.study.drafting import Choices, compose

NAMES = ("north", "east", "south", "west")
COORDINATOR = "carrier"
SCHEMA = Schema(
    label="ill",
    columns=(
        Column(name="age", kind="number", low=0.0, high=100.0),
        Column(name="dose", kind="number", low=-1.0, high=1.0),
        Column(name="ill", kind="category", values=("no", "yes")),
    ),
    max_rows=1000,
)
replace = msgspec.structs.replace


def make_tables(names: Sequence[str] = NAMES) -> dict[str, Table]:
    draw = np.random.default_rng(3)
    made = {}
    for name in names:
        features = np.column_stack([draw.uniform(0, 100, 60), draw.uniform(-1, 1, 60)])
        labels = (features[:, 0] / 50 - 1 + features[:, 1] > 0).astype(np.int64)
        made[name] = Table(features, labels, SCHEMA, f"{name}.csv")
    return made


def flip(data: bytes) -> bytes:
    """The bytes with a bit in their middle flipped."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def mutations(value, path=""):
    """Each way to alter one part of a message, as (what, altered message)."""
    if isinstance(value, bytes):
        yield f"{path} flipped", flip(value) if value else b"x"
        yield f"{path} cut", value[:-1]
        yield f"{path} longer", value + b"x"
    elif isinstance(value, str):
        yield f"{path} another", "east" if value != "east" else "west"
    elif isinstance(value, tuple):
        if value:
            yield f"{path} without its last", value[:-1]
            yield f"{path} with its last twice", (*value, value[-1])
            yield f"{path} reversed", value[::-1]
            yield from ((what, (first, *value[1:])) for what, first in mutations(value[0], f"{path}[0]"))
    elif isinstance(value, dict):
        for key in list(value)[:2]:
            yield f"{path} without {key}", {name: item for name, item in value.items() if name != key}
            yield from ((what, {**value, key: item}) for what, item in mutations(value[key], f"{path}.{key}"))
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            for what, item in mutations(getattr(value, field), f"{path}.{field}"):
                yield what, replace(value, **{field: item})
    elif isinstance(value, int):
        yield f"{path} one more", value + 1


@dataclass(frozen=True, repr=False)
class People:
    """Everyone's keys and tables, and studies that all parties have signed."""

    identities: dict[str, Identity]
    tables: dict[str, Table]

    def study(self, folder: Path, *, timeout: int = 120, **changes) -> Study:
        settings = {"name": "trial", "purpose": "a test", "address": "localhost:9440", "rounds": 1, "corrupt": 1}
        choices = Choices(**{**settings, "dropping": 1, **changes})
        names = tuple(self.tables)
        parties = [self.identities[name].public for name in names]
        text = compose(choices, parties, self.identities[COORDINATOR].public, SCHEMA).decode()
        text = text.replace("[training]", f"[training]\ntimeout_seconds = {timeout}")
        study = Study.new(folder, text.encode(), [*parties, self.identities[COORDINATOR].public])
        for name in names:
            study.sign(self.identities[name])
        return study

    def party(self, study: Study, name: str, emit=lambda event: None):
        return party_steps(study, self.identities[name], self.tables[name], emit)

    def run(self, study: Study, **ways) -> "Run":
        return Run(study, self.identities, self.tables, **ways)


def own_copy(study: Study, name: str) -> Study:
    """What `name` has of the study, with its own logs: the same folder from run to run."""
    folder = study.folder.with_name(f"{study.folder.name}-of-{name}")
    if not folder.exists():
        folder.mkdir()
        for shared in ("study.toml", "identities", "signatures"):
            (folder / shared).symlink_to(study.folder / shared)
    return Study.load(folder)


class Run:
    """Steps the roles against each other, one message at a time.

    `intercept(step, name, message)` may change what the coordinator says to a party, `reply` what it answers; None
    loses the party. `lose` says in which step a party is lost, `until` whose end is all that matters. Each member has
    its own copy of the study's folder, as on a machine of its own.
    """

    def __init__(self, study, identities, tables, intercept=None, lose=None, reply=None, until=None):
        self.until = until
        self.intercept = intercept or (lambda step, name, message: message)
        self.reply = reply or (lambda step, name, message: message)
        self.lose = lose or {}
        self.events = []
        self.sent = []
        self.results, self.errors = {}, {}
        self.parties = {
            name: party_steps(own_copy(study, name), identities[name], tables[name], lambda event: None)
            for name in tables
        }
        self.coordinator = coordinator_steps(own_copy(study, COORDINATOR), self.events.append)
        self.bundle = None
        self.steps = 0

    def go(self) -> "Run":
        """Run to the end; raises what the coordinator raises."""
        next(self.coordinator)
        answers = {}
        for name in list(self.parties):
            self.speak(0, name, lambda name=name: next(self.parties[name]), answers)
        try:
            while self.until not in {*self.errors, *self.results}:
                self.steps += 1
                outgoing = self.coordinator.send(answers)
                answers = {}
                for name, message in outgoing.items():
                    if name in self.parties:
                        said = self.intercept(self.steps, name, message)
                        if said is None:
                            self.parties.pop(name).close()
                            continue
                        self.speak(self.steps, name, lambda n=name, s=said: self.parties[n].send(s), answers)
        except StopIteration as end:
            self.bundle = end.value
        return self

    def try_it(self) -> "Run":
        """Run to whatever end; `failure` is what the coordinator raised."""
        self.failure = None
        try:
            self.go()
        except TacitError as error:
            self.failure = error
        finally:
            for party in self.parties.values():
                with contextlib.suppress(TacitError):
                    party.close()
        return self

    def speak(self, step, name, act, answers):
        if self.lose.get(name) == step:
            self.parties.pop(name).close()
            return
        try:
            answer = self.reply(step, name, act())
        except StopIteration as end:
            self.results[name] = end.value
            del self.parties[name]
            return
        except TacitError as error:
            self.errors[name] = error
            del self.parties[name]
            return
        if answer is None:
            self.parties.pop(name).close()
            return
        answers[name] = answer
        self.sent.append(answer)

    @property
    def dropped(self) -> dict[str, str]:
        """Who the coordinator left out, and why: the first reason that it told."""
        told = [event.body for event in self.events if event.kind == "dropped"]
        return {body["party"]: body["reason"] for body in reversed(told)}

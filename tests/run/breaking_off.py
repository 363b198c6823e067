"""A run whose parties and coordinator share one folder, and which stops dead where a test wants it to."""

import itertools
from collections import Counter

from tacit.data import Column, Schema
from tacit.errors import TacitError
from tacit.run import coordinator_steps, party_steps
from tacit.study import Study

NAMES = ("north", "east", "south", "west")
ROUNDS = 4
MESSAGES_OF_A_STEP = 5
SCHEMA = Schema(
    label="ill",
    columns=(
        Column(name="age", kind="number", low=0.0, high=100.0),
        Column(name="ill", kind="category", values=("no", "yes")),
    ),
    max_rows=100,
)


class Attempt:
    """One attempt at a run; everything stops dead when the coordinator speaks for the `until`-th time.

    What it then says still reaches those in `heard`: some may know a total, or have been charged, when others have not.
    """

    def __init__(self, study, identities, tables, names=NAMES):
        self.events = {name: [] for name in (*names, "carrier")}
        self.results, self.errors, self.bundle = {}, {}, None
        self.parties = {
            name: party_steps(study, identities[name], tables[name], self.events[name].append) for name in names
        }
        self._coordinator = coordinator_steps(study, self.events["carrier"].append)

    def go(self, until=None, heard=()):
        next(self._coordinator)
        answers = {}
        for name in list(self.parties):
            self._speak(name, None, answers)
        for said in itertools.count(1):
            try:
                outgoing = self._coordinator.send(answers)
            except StopIteration as end:
                self.bundle = end.value
                break
            answers = {}
            for name, message in outgoing.items():
                if name in self.parties and (said != until or name in heard):
                    self._speak(name, message, answers)
            if said == until:
                break
        for steps in (*self.parties.values(), self._coordinator):
            steps.close()
        return self

    def _speak(self, name, message, answers):
        try:
            steps = self.parties[name]
            answers[name] = next(steps) if message is None else steps.send(message)
        except StopIteration as end:
            self.results[name] = end.value
            del self.parties[name]
        except TacitError as error:
            self.errors[name] = error
            del self.parties[name]

    def joined(self, name="north"):
        return next(event.body for event in self.events[name] if event.kind == "joined")


def charged(study, name) -> Counter:
    logs = study.run_logs(name)
    return Counter(entry.body["step"] for log in logs for entry in log if entry.kind == "release")


def read_again(study) -> Study:
    return Study.load(study.folder)

"""One secure sum with all its parties on this machine, timed and checked; `aggregation.py` sets it beside a peer."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import TypeAlias

import numpy as np

from tacit.federated.secagg import AggregationParty, AggregationServer, Inbox, Message, Setting, decode, encode
from tacit.federated.secagg.thresholds import needs_sparse
from tacit.keys import Identity

CLIPPING, LEVELS = 8.0, 2**22
STEPS = (
    ("advertise", "roster"),
    ("share", "inboxes"),
    ("mask", "survivors"),
    ("confirm", "confirmations"),
    ("unmask", "result"),
)
Sent: TypeAlias = tuple[bytes, type[Message]]


@dataclass(frozen=True)
class Case:
    """What is summed: `dropping` of the clients are silent once they have masked, and `tolerated` might be."""

    clients: int
    length: int
    dropping: int
    tolerated: int
    seed: int = 1

    @property
    def corrupt(self) -> int:
        """One in a hundred, and one at least: with the server, against the rest. The peer allows for none."""
        return max(1, self.clients // 100)

    def __str__(self) -> str:
        return f"{self.clients:,} clients x {self.length:,}, {self.dropping} dropping"


@dataclass(frozen=True)
class Outcome:
    """One run: wall seconds, bytes up and down, the largest error of the mean in levels, memory, masks expanded."""

    seconds: float
    up: int
    down: int
    error_levels: float
    peak_bytes: int = 0
    expanded: int = 0
    word_bits: int = 64


def quantise(vector: np.ndarray, draw: np.random.Generator, kind: np.dtype) -> np.ndarray:
    """Return levels 0 to 2^22 - 1, rounded up or down by chance."""
    words = np.empty(vector.size, kind)
    for start in range(0, vector.size, 2**14):  # what fits in cache
        part = np.clip(vector[start : start + 2**14], -CLIPPING, CLIPPING).astype(np.float64)
        part += CLIPPING
        part *= (LEVELS - 1) / (2 * CLIPPING)
        part += draw.random(part.size, np.float32)
        words[start : start + part.size] = part
    return words


def mean_of(total: np.ndarray, count: int) -> np.ndarray:
    return total.astype(np.float64) * (2 * CLIPPING / (LEVELS - 1) / count) - CLIPPING


class Parties:
    """All parties of one sum: `answer` gives what one makes of the server's reply, and the bytes down and up."""

    def __init__(self, case: Case) -> None:
        draw = np.random.default_rng(case.seed)
        identities = [Identity.new(f"party-{place:05d}") for place in range(case.clients)]
        public = tuple(each.public for each in identities)
        bits = (case.clients * (LEVELS - 1)).bit_length()
        sparse = needs_sparse(case.clients)
        self.setting = Setting(public, case.corrupt, case.tolerated, os.urandom(32), case.length, bits, sparse=sparse)
        self.vectors = {name: draw.uniform(-1, 1, case.length).astype(np.float32) for name in self.setting.names}
        self.parties = {each.name: AggregationParty(self.setting, each) for each in identities}

    def answer(self, step: str, name: str, reply: Sent | None) -> Sent:
        arguments = [] if reply is None else [decode(*reply)]
        if step == "mask":
            arguments.append(quantise(self.vectors[name], np.random.default_rng(), self.setting.dtype))
        message = getattr(self.parties[name], step)(*arguments)
        return encode(message), type(message)


class Forked:
    """A process that answers for some of the parties. Threads would not do: HPKE keeps the interpreter's lock."""

    def __init__(self, parties: Parties) -> None:
        context = multiprocessing.get_context("fork")
        self.channel, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(parties, other), daemon=True)
        self.process.start()

    def answer(self, step: str, name: str, reply: Sent | None) -> Sent:
        self.channel.send((step, name, reply))
        return self.channel.recv()

    def close(self) -> None:
        self.channel.send(None)
        self.process.join()


def _serve(parties: Parties, channel: Connection) -> None:
    while (asked := channel.recv()) is not None:
        channel.send(parties.answer(*asked))


class Sum:
    """One sum: the server here, and all parties with it or spread over processes; every message goes through bytes."""

    def __init__(self, case: Case, processes: int) -> None:
        self.parties = Parties(case)
        self.setting = self.parties.setting
        self.dropped = set(self.setting.names[: case.dropping])
        self.workers = [Forked(self.parties) for _ in range(processes)] if processes > 1 else [self.parties]
        self.up = self.down = self.expanded = 0

    def run(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the mean, and whose it is."""
        server = AggregationServer(self.setting)
        replies: dict[str, Message | None] = dict.fromkeys(self.setting.names)
        for step, method in STEPS:
            late = self.dropped if step in ("confirm", "unmask") else ()
            arrived = self._collect(step, {name: reply for name, reply in replies.items() if name not in late})
            reply = getattr(server, method)(arrived)
            if method == "inboxes":
                self._count_masks(reply)
            replies = reply if method != "result" else {}
        return mean_of(reply, len(server.surviving)), server.surviving

    def _collect(self, step: str, replies: dict[str, Message | None]) -> dict[str, Message]:
        # One worker has every so-manieth party, the same in each step.
        count, names = len(self.workers), self.setting.names
        with ThreadPoolExecutor(count) as pool:
            shares = [[name for name in names[place::count] if name in replies] for place in range(count)]
            parts = pool.map(partial(self._ask, step, replies), self.workers, shares)
            answers = {name: answer for part in parts for name, answer in part.items()}
        self.down += sum(down for _, _, down in answers.values())
        if step == "mask":
            answers = {name: answer for name, answer in answers.items() if name not in self.dropped}
        self.up += sum(up for _, up, _ in answers.values())
        return {name: message for name, (message, _, _) in answers.items()}

    def _ask(
        self, step: str, replies: dict[str, Message | None], worker: Parties | Forked, names: list[str]
    ) -> dict[str, tuple[Message, int, int]]:
        answers = {}
        for name in names:  # one at a time: all rosters at once, as bytes, would fill a gigabyte
            reply = replies.pop(name)
            sent = None if reply is None else (encode(reply), type(reply))
            data, kind = worker.answer(step, name, sent)
            answers[name] = decode(data, kind), len(data), len(sent[0]) if sent else 0
        return answers

    def _count_masks(self, inboxes: dict[str, Inbox]) -> None:
        # What has to be expanded: a self mask and one for each piece in the inbox by each party; by the server a self
        # mask of each survivor, and those of each dropped party with each survivor that it exchanged masks with.
        for name, inbox in inboxes.items():
            senders = {each.sender for each in inbox.deliveries}
            self.expanded += 1 + len(senders)
            self.expanded += len(senders - self.dropped) if name in self.dropped else 1

    def close(self) -> None:
        for worker in self.workers:
            if isinstance(worker, Forked):
                worker.close()


def run(case: Case, processes: int = 1) -> Outcome:
    """Run `case` once: the server in this process, the parties too unless there are more."""
    Sum(Case(4, 8, 0, 0), 1).run()  # what is loaded at first use
    one = Sum(case, processes)
    begun = time.perf_counter()
    mean, names = one.run()
    seconds = time.perf_counter() - begun
    true = np.zeros(case.length)
    for name in names:
        true += one.parties.vectors[name]
    error = float(np.abs(mean - true / len(names)).max() / (2 * CLIPPING / LEVELS))
    assert len(names) == case.clients - case.dropping, "the wrong clients are in the sum"
    one.close()
    expanded = one.expanded * case.length * one.setting.dtype.itemsize
    return Outcome(seconds, one.up, one.down, error, _peak_bytes(processes), expanded, one.setting.word_bits)


def _peak_bytes(processes: int) -> int:
    # Pages that the processes share count more than once.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    forked = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if processes > 1 else 0
    return (own + processes * forked) * 1024

"""Our side of `mpc.py`: the cases by `tacit.mpc`, as threads of one process or as processes on TLS channels.

Run by itself, with a folder, it is that process, or one of the three parties.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from mpc_cases import BATCH, EPOCHS, RATE, WIDTHS, Case, Outcome, Setting

from tacit.graph import Graph, Linear, ReLU
from tacit.keys import Identity
from tacit.mpc import Session, Settings, neighbours, open_session, run_locally
from tacit.mpc.evaluation import Skeleton, evaluate, weights_of
from tacit.mpc.inputs import share
from tacit.mpc.opening import open_to_all
from tacit.mpc.products import matmul
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.training.dense import Dense
from tacit.mpc.training.descent import Descent
from tacit.mpc.training.rows import decoded, encoded
from tacit.mpc.truncation import truncate
from tacit.mpc.verification import verify

F = 16
PORT = 9200
NAMES = ("first", "second", "third")
TIMEOUT = 600.0


def run(case: Case, setting: Setting, security: str, repeat: int) -> Outcome:
    """Run `case`; see `mpc.py`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = {"case": asdict(case), "security": security, "repeat": repeat, "addresses": setting.hosts.addresses}
        (folder / "work").write_text(json.dumps(work))
        if setting.parties == "threads":
            commands = [[sys.executable, __file__, name]]
        else:
            for party in NAMES:
                Identity.new(party).save(folder / party)
            commands = [
                [*prefix, sys.executable, __file__, name, str(index)]
                for index, prefix in enumerate(setting.hosts.prefixes)
            ]
        processes = [subprocess.Popen(command) for command in commands]
        if any(process.wait() for process in processes):
            raise RuntimeError(f"{case.name} in the setting {setting.name}: a party failed, see above")
        found = [json.loads((folder / f"found-{index}").read_text()) for index in range(len(NAMES))]
        return _outcome(found, np.load(folder / "result-0.npy"))


def _outcome(found: list[dict[str, Any]], result: np.ndarray) -> Outcome:
    return Outcome(
        seconds=tuple(max(times) for times in zip(*(each["seconds"] for each in found), strict=True)),
        starting=max(each["starting"] for each in found),
        bytes_sent=float(np.mean([each["bytes"] for each in found])),
        messages=float(np.mean([each["messages"] for each in found])),
        rounds=found[0]["rounds"],
        peak_bytes=max(each["peak"] for each in found),
        result=result,
    )


class Program:
    """A case as one party runs it: shares to begin with, and what is done with them."""

    def __init__(self, case: Case, session: Session) -> None:
        self._case, self._session, self._party = case, session, session.party
        self._skeleton: Skeleton | None = None
        self._arrays = {name: array.astype(np.float64) for name, array in case.arrays().items()}
        self._shares = {"mlp": self._mlp_shares, "product": self._plain_shares, "logistic": self._plain_shares}[
            case.kind
        ]()

    def run(self) -> list[Arithmetic]:
        """One run, from shares to shares, verified in active mode."""
        protocol = {"mlp": self._mlp, "product": self._product, "logistic": self._logistic}[self._case.kind]
        result = self._session.run(protocol())
        if self._party.active:
            self._session.run(verify(self._party))
        return result

    def open(self, shares: list[Arithmetic]) -> np.ndarray:
        """The numbers, in the shape that `Case.expected` has."""
        opened = [decoded(self._session.run(open_to_all(self._party, each)), F) for each in shares]
        return opened[0] if len(opened) == 1 else np.concatenate([array.ravel() for array in opened])

    def _shared(self, words: np.ndarray) -> Arithmetic:
        mine = words if self._party.index == 0 else None
        return self._session.run(share(self._party, 0, mine, words.shape))

    def _plain_shares(self) -> list[Arithmetic]:
        arrays = [array[:, None] if array.ndim == 1 else array for array in self._arrays.values()]
        return [self._shared(encoded(array, F, "the case")) for array in arrays]

    def _mlp_shares(self) -> list[Arithmetic]:
        layers = []
        for place in range(len(WIDTHS) - 1):
            layers += [Linear.of(self._arrays[f"w{place}"].T, self._arrays[f"b{place}"]), ReLU.of()]
        graph = Graph.build(layers[:-1], 0.0, 1.0, input_shape=WIDTHS[:1], fraction_bits=F)
        self._skeleton = Skeleton.of(graph)
        words = [encoded(self._arrays["x"], F, "the case"), *weights_of(graph)]
        return [self._shared(array) for array in words]

    def _mlp(self):
        x, *weights = self._shares
        return [(yield from evaluate(self._party, self._skeleton, weights, x))]

    def _product(self):
        x, y = self._shares
        return [(yield from truncate(self._party, (yield from matmul(self._party, x, y)), F))]

    def _logistic(self):
        rows, labels = self._shares
        settings = Settings("binary", epochs=EPOCHS, batch_rows=BATCH, learning_rate=RATE, fraction_bits=F)
        descent = Descent(self._party, rows.shape[1], settings)
        for _ in range(EPOCHS):
            for start in range(0, len(rows), BATCH):
                yield from descent.step(rows[start : start + BATCH], labels[start : start + BATCH])
        layer: Dense = descent.layers[0]
        return [layer.weight, layer.bias]


def timed(session: Session, case: Case, repeat: int, starting: float) -> tuple[dict[str, Any], np.ndarray]:
    """The runs of one party; the first, which warms up, is timed only where `repeat` is 0."""
    program = Program(case, session)
    seconds, cost = [], session.cost
    for _ in range(repeat + 1):
        session.run(_barrier())
        before = (cost.rounds, cost.bytes_sent, cost.messages_sent)
        begun = time.perf_counter()
        shares = program.run()
        seconds.append(time.perf_counter() - begun)
        rounds, sent, messages = (
            after - earlier
            for after, earlier in zip((cost.rounds, cost.bytes_sent, cost.messages_sent), before, strict=True)
        )
    measured = {
        "seconds": seconds[1:] or seconds,
        "starting": starting,
        "rounds": rounds,
        "bytes": sent,
        "messages": messages,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    return measured, program.open(shares)


def keep(folder: Path, index: int, measured: dict[str, Any], result: np.ndarray) -> None:
    """Leave what a party found for the process that started it."""
    (folder / f"found-{index}").write_text(json.dumps(measured))
    np.save(folder / f"result-{index}.npy", result)


def _barrier():
    from tacit.mpc.exchange import Exchange, Wanted

    one, wanted = (np.zeros(1, np.uint64),), (Wanted((1,)),)
    for _ in range(2):
        yield Exchange(one, one, wanted, wanted)


def threads(folder: Path, work: dict[str, Any]) -> None:
    """All three parties in this process."""
    begun = time.perf_counter()

    def party(session: Session) -> tuple[dict[str, Any], np.ndarray]:
        return timed(session, work["case"], work["repeat"], time.perf_counter() - begun)

    for index, found in enumerate(run_locally(party, security=work["security"], timeout=TIMEOUT)):
        keep(folder, index, *found)


def process(folder: Path, work: dict[str, Any], index: int) -> None:
    """One party on TLS channels."""
    begun = time.perf_counter()
    people = [Identity.load(folder / name) for name in NAMES]
    addresses = [(address, PORT + place) for place, address in enumerate(work["addresses"])]
    with neighbours(people[index], [each.public for each in people], addresses, timeout=TIMEOUT) as lines:
        session = open_session(index, NAMES, *lines, security=work["security"], session="benchmark", timeout=TIMEOUT)
        found = timed(session, work["case"], work["repeat"], time.perf_counter() - begun)
    keep(folder, index, *found)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    given = json.loads((place / "work").read_text())
    given["case"] = Case(**given["case"])
    if len(sys.argv) > 2:
        process(place, given, int(sys.argv[2]))
    else:
        threads(place, given)

"""Secure sums, all parties and the server in one process, against SecAgg+ as Flower has it.

Run: python benchmarks/aggregation.py [--repeat 5] [--plot] [--only FIRST_WORDS_OF_A_CASE]

Both sides do the same: numbers in [-8, 8] to 2^22 levels with stochastic rounding, masks, dropouts after masking, and
the mean back as numbers; each is checked against the true one. Each run is a process of its own, ours and the peer's in
turn, that may use all cores: ours does for masks and signatures, the peer for shares. One line more has our parties in
two processes, as nothing but one interpreter's lock keeps them from both cores; another has both sides pinned to one
core. Ours also pays, on the clock, for writing and reading every
message; the peer hands over objects. The identities' keys last for years and are made before the clock starts.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import multiprocessing
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import aggregation_run
from aggregation_run import Case, Outcome
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR
from peers.environment import python_with
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PLOT = HERE.parent / "docs" / "plots" / "aggregation-growth.png"
CHUNK = 2**18

COMPARED = (Case(32, 1_000_000, 10, 10), Case(32, 1_000_000, 0, 10), Case(10, 1_000_000, 3, 3))
LARGE, LARGE_LIMIT = Case(1_000, 100_000, 300, 300), 120.0


def ours(case: Case, processes: int = 1) -> Outcome:
    """Run `case` once in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return checked(case, pool.submit(aggregation_run.run, case, processes).result())


def flower(case: Case) -> Outcome:
    """Run `case` once by Flower's SecAgg+, in a process of its environment."""
    python = python_with("flwr==1.42.0")
    work = {name: getattr(case, name) for name in ("clients", "length", "dropping", "seed")}
    done = subprocess.run(
        [python, HERE / "peers" / "flower_secagg.py", json.dumps(work)], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return checked(case, Outcome(found["seconds"], found["up"], found["down"], found["error_levels"]))


def checked(case: Case, outcome: Outcome) -> Outcome:
    """Stochastic rounding moves each number, and so their mean, by less than a level; the rest is float32."""
    assert outcome.error_levels < 1.1, f"{case}: the mean is {outcome.error_levels} levels off"
    return outcome


def median(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of median time."""
    outcomes = sorted(outcomes, key=lambda outcome: outcome.seconds)
    return outcomes[len(outcomes) // 2]


def aes_rate(threads: int = 1) -> float:
    """Bytes of AES-128-CTR a second, in chunks of 256 KiB, on so many threads at once."""
    rounds = 4096

    def expand() -> None:
        zeros, room = bytes(CHUNK), bytearray(CHUNK)
        cipher = Cipher(AES128(b"k" * 16), CTR(bytes(16))).encryptor()
        for _ in range(rounds):
            cipher.update_into(zeros, room)

    def seconds() -> float:
        begun = time.perf_counter()
        workers = [threading.Thread(target=expand) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.perf_counter() - begun

    return threads * rounds * CHUNK / statistics.median(seconds() for _ in range(5))


def compare(case: Case, repeat: int, rate: float, table: Table) -> Iterator[dict[str, object]]:
    """Ours and the peer's runs in turn, medians; then both on one core."""
    mine, theirs = in_turn(case, repeat)
    floor = mine.expanded / rate
    for name, scale, unit, own, peer in (
        ("time", 1, "s", mine.seconds, theirs.seconds),
        ("bytes up", 1e6, "MB", mine.up, theirs.up),
        ("bytes down", 1e6, "MB", mine.down, theirs.down),
    ):
        yield line(table, f"{case}: {name}", own / scale, peer / scale, unit, floor if name == "time" else None)
    spread = median(ours(case, 2) for _ in range(repeat))
    yield line(table, f"{case}: time, our parties in 2 processes", spread.seconds, theirs.seconds, "s", floor)
    with one_core():
        mine, theirs = in_turn(case, repeat)
        floor = mine.expanded / aes_rate()
    yield line(table, f"{case}: time on one core", mine.seconds, theirs.seconds, "s", floor)


def in_turn(case: Case, repeat: int) -> tuple[Outcome, Outcome]:
    pairs = [(ours(case), flower(case)) for _ in range(repeat)]
    mine, theirs = (median(side) for side in zip(*pairs, strict=True))
    return mine, theirs


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, to one core."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def large(repeat: int, table: Table) -> Iterator[dict[str, object]]:
    """A thousand clients: the peer would take hours, and in its place stands the time that this may take."""
    outcome = median(ours(LARGE, 2) for _ in range(repeat))
    case = f"{LARGE}: time in 2 processes, peer: the limit"
    yield line(table, case, outcome.seconds, LARGE_LIMIT, "s", outcome.expanded / aes_rate(2))
    table.add_row("   memory", f"{outcome.peak_bytes / 1e9:.3g}", "8", "", "GB", "", "")
    for name, count in (("up", outcome.up), ("down", outcome.down)):
        table.add_row(f"   bytes {name} of each client", f"{count / LARGE.clients / 1e6:.3g}", "", "", "MB", "", "")


def line(table: Table, case: str, own: float, peer: float, unit: str, floor: float | None) -> dict[str, object]:
    below = (f"{floor:.3g}", f"{own / floor:.1f}") if floor else ("", "")
    table.add_row(case, f"{own:.3g}", f"{peer:.3g}", f"{peer / own:.1f}", unit, *below)
    return {"case": case, "ours": own, "peer": peer, "ratio": peer / own, "unit": unit}


def plot() -> None:
    """Time by clients and by length; the peer up to where it takes minutes."""
    import matplotlib.pyplot as plt

    clients = [Case(n, 100_000, 3 * n // 10, 3 * n // 10) for n in (10, 20, 50, 100, 200, 500, 1_000)]
    lengths = [Case(32, length, 10, 10) for length in (1_000, 10_000, 100_000, 1_000_000, 10_000_000)]
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    for panel, cases, attribute, most in (
        (panels[0], clients, "clients", 50),
        (panels[1], lengths, "length", 1_000_000),
    ):
        for label, run, marker in (("tacit", ours, "o"), ("flwr SecAgg+", flower, "s")):
            drawn = [case for case in cases if run is ours or getattr(case, attribute) <= most]
            times = [typical(run, case).seconds for case in drawn]
            panel.loglog([getattr(case, attribute) for case in drawn], times, marker=marker, label=label)
        panel.grid(which="major", alpha=0.3)
        panel.legend(frameon=False)
    panels[0].set(xlabel="clients", ylabel="seconds", title="100,000 numbers, 30% dropping")
    panels[1].set(xlabel="numbers", title="32 clients, 10 dropping")
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, dpi=120)


def typical(run: Callable[[Case], Outcome], case: Case) -> Outcome:
    """The median of three runs, or one run where that takes more than 20 seconds."""
    first = run(case)
    return first if first.seconds > 20 else median((first, run(case), run(case)))


def main() -> None:
    arguments = argparse.ArgumentParser(description="Secure sums against Flower's SecAgg+.")
    arguments.add_argument("--repeat", type=int, default=5, help="runs of each case, of which the median counts")
    arguments.add_argument("--only", default="", help="run only the cases that begin like this")
    arguments.add_argument("--plot", action="store_true", help=f"draw {PLOT.name} as well")
    given = arguments.parse_args()
    rate = aes_rate(len(os.sched_getaffinity(0)))
    title = (
        f"medians of {given.repeat}; all {len(os.sched_getaffinity(0))} cores unless it says one; 1% and at least one "
        "client corrupt (ours)\n"
    )
    title += (
        f"floor: masks at {rate / 1e9:.3g} GB/s of AES-128-CTR on all cores; flwr: threshold of a majority, all shares"
    )
    table = Table("case", "ours", "flwr 1.42", "ratio", "unit", "floor", "times", box=None, title=title)
    results: list[dict[str, object]] = []
    for case in COMPARED:
        if str(case).startswith(given.only):
            results += compare(case, given.repeat, rate, table)
    if str(LARGE).startswith(given.only):
        results += large(given.repeat, table)
    if given.plot:
        plot()
    Console(width=130).print(table)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

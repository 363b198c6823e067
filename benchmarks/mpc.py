"""Multi-party computation: three parties on this machine, ours against spu (ABY3 over 64-bit words, passive).

Run: python benchmarks/mpc.py [--repeat 5] [--only FIRST_WORDS_OF_A_CASE] [--settings threads LAN ...] [--peer]

Weights and inputs are secret on both sides. The clock runs from shares to shares; the time of the training has
compiling and connecting in it too. Both sides get the same arrays, are checked against float64, and run one after the
other in each setting: `threads` of one process pinned to one core; `processes` over TCP on loopback, all cores; `LAN`
and `WAN`, the same between emulated hosts (`mpc_network.py`). The peer's TCP is in the clear. `--peer` measures the
peer alone.

Our side is the module `mpc_ours`, which has one function:

    run(case: Case, setting: Setting, security: str, repeat: int) -> Outcome

It runs `case` on `case.arrays()` by `tacit.mpc`, `security` being "passive" or "active": once to warm up and then
`repeat` times in one session (with `repeat` 0 the first run is the one timed). What it returns is said at `Outcome`;
`result` is opened after the clock has stopped. Where `setting.parties` is "threads", it starts one fresh process, which
inherits the core it is pinned to, and has the parties as threads in it. Where it is "processes", it starts party i as a
command with `setting.hosts.prefixes[i]` before it, listening at `setting.hosts.addresses[i]`, on TLS channels. Kernels
that Numba compiles at first use are in its cache before `starting` begins.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mpc_cases import CASES, LARGE, Case, Outcome, Setting, accuracy
from mpc_network import LAN, WAN, UnavailableError, emulated
from peers.environment import python_with
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PORT = 9100
SETTINGS = ("threads", "processes", LAN.name, WAN.name)
LINES = {line.name: line for line in (LAN, WAN)}
SECURITY = ("passive", "active")


def ours(case: Case, setting: Setting, security: str, repeat: int) -> Outcome:
    """Run `case` by our engine."""
    import mpc_ours  # not before: `--peer` does without it

    return checked(case, mpc_ours.run(case, setting, security, repeat), f"ours, {security}")


def spu(case: Case, setting: Setting, repeat: int) -> Outcome:
    """Run `case` by spu, in processes of its environment."""
    python = python_with("spu==0.9.5")
    with tempfile.TemporaryDirectory() as name:
        arrays, result = Path(name, "arrays.npz"), Path(name, "result.npy")
        np.savez(arrays, **case.arrays())
        work = {
            "kind": case.kind,
            "arrays": str(arrays),
            "result": str(result),
            "parties": setting.parties,
            "addresses": [f"{address}:{PORT + place}" for place, address in enumerate(setting.hosts.addresses)],
            "prefixes": setting.hosts.prefixes,
            "repeat": repeat,
        }
        command = [python, HERE / "peers" / "spu_mpc.py", json.dumps(work)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        outcome = Outcome(
            tuple(found["seconds"]),
            found["compiling"] + found["connecting"],
            found["bytes"],
            found["messages"],
            None,
            found["peak"],
            np.load(result),
        )
    return checked(case, outcome, "spu")


def checked(case: Case, outcome: Outcome, side: str) -> Outcome:
    case.check(outcome.result, side)
    return outcome


def taken(case: Case, outcome: Outcome) -> float:
    """Median seconds of a run; of a training with all that goes before it."""
    return statistics.median(outcome.seconds) + (outcome.starting if case.kind == "logistic" else 0.0)


@contextmanager
def placed(name: str) -> Iterator[Setting]:
    """The setting of that name; raises UnavailableError where this machine cannot emulate its network."""
    if name in LINES:
        with emulated(LINES[name]) as hosts:
            yield Setting(name, "processes", hosts)
    elif name == "processes":
        yield Setting(name, "processes")
    else:
        with one_core():
            yield Setting("threads on one core", "threads")


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, to one core."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def repeats(case: Case, setting: Setting, repeat: int) -> int:
    """A training takes seconds, and minutes over an emulated line: one run there, which is the first."""
    if case.kind != "logistic":
        return repeat
    return 0 if setting.name in LINES else min(repeat, 3)


def compare(case: Case, setting: Setting, repeat: int, peer_only: bool, table: Table) -> Iterator[dict[str, object]]:
    """Lines of `case` in `setting`: time in passive and in active mode; what does not depend on the setting once."""
    count = repeats(case, setting, repeat)
    theirs = spu(case, setting, count)
    for security in SECURITY:
        mine = None if peer_only else ours(case, setting, security, count)
        named = f"{case.name}, {security}"
        seconds = None if mine is None else taken(case, mine)
        yield line(table, f"{named}, {setting.name}: time", seconds, taken(case, theirs), "s")
        if case.kind == "logistic":
            starting = None if mine is None else mine.starting
            yield line(table, f"{named}, {setting.name}: of it before the first run", starting, theirs.starting, "s")
        if setting.name not in LINES:
            yield from traffic(named, setting, mine, theirs, table)
        if peer_only:
            break
    if case.kind == "logistic" and setting.parties == "threads":
        of_ours = "" if mine is None else f"{accuracy(mine.result):.3f}"
        table.add_row("- accuracy on test rows", of_ours, f"{accuracy(theirs.result):.3f}", "", "")


def traffic(
    named: str, setting: Setting, mine: Outcome | None, theirs: Outcome, table: Table
) -> Iterator[dict[str, object]]:
    """Bytes, messages and rounds, which are the same in every setting; memory of one party, which needs processes."""
    if setting.parties == "processes":
        memory = None if mine is None else mine.peak_bytes / 1e9
        yield line(table, f"{named}: memory of a party", memory, theirs.peak_bytes / 1e9, "GB")
        return
    for what, attribute, scale, unit in (
        ("bytes sent by a party", "bytes_sent", 1e6, "MB"),
        ("messages sent by a party", "messages", 1, ""),
    ):
        own = None if mine is None else getattr(mine, attribute) / scale
        yield line(table, f"{named}: {what}", own, getattr(theirs, attribute) / scale, unit)
    if mine is not None:
        table.add_row("- rounds", f"{mine.rounds:,}", "not told", "", "")


def line(table: Table, case: str, own: float | None, peer: float, unit: str) -> dict[str, object]:
    """A row, and what stands for it in the JSON; ratios above 1 are in our favour."""
    ratio = peer / own if own else None
    shown = ("" if own is None else f"{own:,.3g}", f"{peer:,.4g}", "" if ratio is None else f"{ratio:.2f}", unit)
    table.add_row(case, *shown)
    return {"case": case, "ours": own, "peer": peer, "ratio": ratio, "unit": unit}


def main() -> None:
    arguments = argparse.ArgumentParser(description="Multi-party computation against spu.")
    arguments.add_argument("--repeat", type=int, default=5, help="runs of each case, of which the median counts")
    arguments.add_argument("--only", default="", help="run only the cases that begin like this")
    arguments.add_argument("--settings", nargs="+", choices=SETTINGS, default=SETTINGS, help="where the parties run")
    arguments.add_argument("--peer", action="store_true", help="measure the peer alone")
    given = arguments.parse_args()
    title = (
        f"medians of {given.repeat} (training 3, over LAN and WAN 1); processes: not pinned, "
        f"{len(os.sched_getaffinity(0))} cores for three parties\n{LAN}; {WAN}"
    )
    table = Table("case", "ours", "spu 0.9.5", "ratio", "unit", box=None, title=title)
    results: list[dict[str, object]] = []
    for name in given.settings:
        try:
            with placed(name) as setting:
                for case in (*CASES, *((LARGE,) if name == "processes" else ())):
                    if case.name.startswith(given.only):
                        results += compare(case, setting, given.repeat, given.peer, table)
        except UnavailableError as error:
            table.add_row(f"{LINES[name]}: not to be had here", str(error))
    Console(width=130).print(table)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

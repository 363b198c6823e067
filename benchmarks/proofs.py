"""Zero-knowledge proofs about committed models on this machine, ours against ezkl with committed weights.

Run: python benchmarks/proofs.py [--repeat 5] [--only FIRST_WORDS_OF_A_CASE] [--alone] [--plot]

Both sides prove the same inference of the same float32 network, input and output public, weights committed to. Each
case of ours is a process of its own (`proofs_ours.py`), and each of the peer's too (`peers/ezkl_proofs.py`), one after
the other, all cores allowed. Beside wall seconds stand CPU seconds: other people's load moves these less.

*Set-up* of ours is the commitment to the model and, once with it, the proof that it is well-formed. Set-up of the peer
is its keys, for one circuit; before it comes an SRS, made here for this benchmark, that somebody would have to be
trusted with. *Prove* of ours has the making of the witness in it; of the peer it is the step of that name alone.
`--alone` leaves the peer out. `--plot` draws time, size and memory by weights and by rows, and measures nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import proofs_ours
from peers.environment import python_with
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PLOT = HERE.parent / "docs" / "plots" / "proofs.png"
HIDING = 64  # proofs that a commitment is made for; 0 hides nothing

INFERENCES = {  # name of the case, and how often the peer proves: a proof of the slow ones takes it half a minute
    "mlp": ("MLP 784-128-10 ReLU", 3),
    "linear-1": ("linear 30 to 1, one row", 3),
    "linear-512": ("linear 30 to 1, 512 rows", 1),
}
ALONE = {  # name of the case, and the limit in seconds of each step
    "cnn": ("LeNet-5, 61,706 weights", {"prove": 0.2, "verify": 0.1}),
    "dense-4m": ("dense network, 4.0 M weights", {"prove": 10.0, "verify": 0.3}),
    "accuracy": ("accuracy, 16,384 rows x 128", {"prove": 10.0}),
    "fairness": ("equalised odds, 16,384 rows x 128", {"prove": 10.0}),
    "optimality": ("optimality of logistic regression, Adult", {"prove": 15.0}),
    "commitment": ("commitment of 2^22 values", {"commit": 1.5}),
}
OVERHEAD = ("mlp", "dense-4m", "accuracy")
MOST_OVERHEAD = 1.5
SLOW = ("dense 10000000", "accuracy 32768")  # once in the plot


@dataclass(frozen=True)
class Outcome:
    """What a process of either side printed last."""

    found: dict[str, Any]

    def seconds(self, *steps: str) -> float:
        """Median wall seconds of a run, of some steps together."""
        return sum(median(self.found["steps"][step]["seconds"]) for step in steps)

    def cpu(self, *steps: str) -> float:
        """The same of CPU seconds."""
        return sum(median(self.found["steps"][step]["cpu"]) for step in steps)

    def __getitem__(self, name: str) -> Any:
        return self.found[name]


@cache
def ours(case: str, uses: int, repeat: int) -> Outcome:
    """Run a case in a fresh process."""
    work = json.dumps({"case": case, "uses": uses, "repeat": repeat})
    return _printed([sys.executable, HERE / "proofs_ours.py", work])


class Ezkl:
    """The peer, and the SRS that its cases share."""

    def __init__(self) -> None:
        self.python = python_with("ezkl==23.0.5", "onnx==1.23.2")
        self._folder = tempfile.TemporaryDirectory()

    def run(self, case: str, repeat: int) -> Outcome:
        """Run a case in a fresh process, and check what it proved against float64."""
        arrays = Path(self._folder.name, "arrays.npz")
        np.savez(arrays, **proofs_ours.arrays(*proofs_ours.DENSE[case]))
        work = {"arrays": str(arrays), "folder": self._folder.name, "repeat": repeat}
        outcome = _printed([self.python, HERE / "peers" / "ezkl_proofs.py", json.dumps(work)])
        assert outcome["error"] < 0.1, f"ezkl, {case}: an output is {outcome['error']:.3g} off"
        return outcome


def _printed(command: list[str | Path]) -> Outcome:
    done = subprocess.run(command, capture_output=True, text=True)  # the peer reports on its calibration at length
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
        done.check_returncode()
    return Outcome(json.loads(done.stdout.splitlines()[-1]))


class Report:
    """The table, and the lines of the JSON."""

    def __init__(self, title: str) -> None:
        columns = ("case", "ours", "ours, CPU", "ezkl", "ezkl, CPU", "ratio", "limit", "unit")
        self.table = Table(*columns, box=None, title=title)
        self.lines: list[dict[str, object]] = []

    def line(
        self,
        case: str,
        own: float,
        unit: str,
        peer: float | None = None,
        cpu: tuple[float | None, float | None] = (None, None),
        limit: float | None = None,
    ) -> None:
        """Ratios above 1 are in our favour."""
        ratio = peer / own if peer is not None else None
        shown = [own, cpu[0], peer, cpu[1], ratio, limit]
        self.table.add_row(case, *("" if each is None else f"{each:,.3g}" for each in shown), unit)
        self.lines.append({"case": case, "ours": own, "peer": peer, "ratio": ratio, "unit": unit})

    def steps(self, name: str, own: Outcome, peer: Outcome | None, limits: dict[str, float]) -> None:
        """The times of one case, then size and memory."""
        made = own["steps"]
        commitments = [step for step in ("setup", "prove-well-formed", "set") if step in made]
        rows = [("set-up", commitments, "setup"), ("prove", ["prove"], "prove"), ("verify", ["verify"], "verify")]
        if "commit" in made:
            rows = [("commit", ["commit"], "")]
        for what, steps, step in rows:
            cpu = own.cpu(*steps), None if peer is None else peer.cpu(step)
            theirs = None if peer is None else peer.seconds(step)
            self.line(f"{name}: {what}", own.seconds(*steps), "s", theirs, cpu, limits.get(steps[0]))
        if "commit" not in made:
            self.line(f"{name}: proof", own["proof"] / 1e3, "kB", peer and peer["proof"] / 1e3, limit=limits.get("kB"))
        self.line(f"{name}: memory", own["peak"] / 1e6, "MB", peer and peer["peak"] / 1e6, limit=limits.get("MB"))
        if own["peaks"].get("prove", own["peak"]) < 0.8 * own["peak"]:  # set-up took more
            self.line(f"{name}: memory of the proof alone", own["peaks"]["prove"] / 1e6, "MB")


def compare(case: str, ezkl: Ezkl | None, repeat: int, report: Report) -> None:
    """One inference on both sides; what only the peer has below it."""
    name, proofs = INFERENCES[case]
    own = ours(case, HIDING, repeat)
    peer = None if ezkl is None else ezkl.run(case, min(proofs, repeat))
    limits = {"prove": 0.2, "verify": 0.1, "kB": 500.0, "MB": 500.0} if case == "mlp" else {}
    report.steps(name, own, peer, limits | ({"prove": 0.1} if case == "linear-1" else {}))
    if peer is not None:
        made = peer["steps"]
        for what, step in (("SRS, trusted", "srs"), ("witness", "witness")):
            if step in made:
                shown = f"{peer.seconds(step):,.3g}", f"{peer.cpu(step):,.3g}"
                report.table.add_row(f"- ezkl alone: {what}", "", "", *shown, "", "", "s")
        key = f"{peer['key'] / 1e6:,.3g}"
        report.table.add_row(f"- ezkl alone: proving key, 2^{peer['logrows']} rows", "", "", key, "", "", "", "MB")


def overhead(case: str, repeat: int, report: Report) -> None:
    """Zero knowledge against none: times of the prover, size and memory."""
    hiding, clear = ours(case, HIDING, repeat), ours(case, 0, repeat)
    name = {**INFERENCES, **ALONE}[case][0]
    for what, figure in (
        ("prove", hiding.seconds("prove") / clear.seconds("prove")),
        ("prove, CPU", hiding.cpu("prove") / clear.cpu("prove")),
        ("verify", hiding.seconds("verify") / clear.seconds("verify")),
        ("size", hiding["proof"] / clear["proof"]),
        ("memory of the proof", hiding["peaks"]["prove"] / clear["peaks"]["prove"]),
    ):
        limit = MOST_OVERHEAD if what == "prove" else None
        report.line(f"zero knowledge against none, {name}: {what}", figure, "times", limit=limit)


def plot(repeat: int) -> None:
    """Time, size and memory by weights of a dense network and by rows of a set, zero knowledge on and off."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    weights = [f"dense {10**power}" for power in (4, 5, 6, 7)]
    rows = [f"accuracy {2**power}" for power in (8, 10, 12, 14, 15)]
    figure, panels = plt.subplots(2, 3, figsize=(13, 8.6), layout="constrained")
    for line, (cases, size, label) in enumerate(((weights, "weights", "weights"), (rows, "rows", "rows of the set"))):
        for uses, style in ((HIDING, "-"), (0, "--")):
            found = [ours(case, uses, repeat if case not in SLOW else 1) for case in cases]
            sizes, mode = [each[size] for each in found], "zero knowledge" if uses else "in clear"
            steps = [("C2", "commit", "setup" if size == "weights" else "set"), ("C0", "prove", "prove")]
            steps += [("C1", "verify", "verify")]
            if size == "weights":
                steps.append(("C3", "prove well-formed, once", "prove-well-formed"))
            for colour, what, step in steps:
                times = [each.seconds(step) for each in found]
                panels[line, 0].loglog(sizes, times, style, color=colour, marker="o", ms=4, label=f"{what}, {mode}")
            for panel, values, colour in (
                (panels[line, 1], [each["proof"] / 1e3 for each in found], "C0"),
                (panels[line, 2], [each["peaks"]["prove"] / 1e6 for each in found], "C0"),
            ):
                panel.loglog(sizes, values, style, color=colour, marker="o", ms=4, label=mode)
        for panel, title in zip(panels[line], ("seconds", "proof, kB", "memory while proving, MB"), strict=True):
            panel.set(xlabel=label, ylabel=title)
            panel.grid(which="both", alpha=0.25)
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_major_formatter("{x:,g}")
            panel.yaxis.set_minor_formatter(NullFormatter())
            panel.legend(frameon=False, fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    panels[0, 1].set_title("Inference: a dense network of three hidden layers, one row")
    panels[1, 1].set_title("Accuracy: an MLP 128-32-2 on a committed set")
    figure.savefig(PLOT, dpi=110)


def loads() -> str:
    """How many wanted the cores in the last 1, 5 and 15 minutes."""
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())


def main() -> None:
    arguments = argparse.ArgumentParser(description="Zero-knowledge proofs against ezkl.")
    arguments.add_argument(
        "--repeat", type=int, default=5, help="runs of each step of ours, of which the median counts"
    )
    arguments.add_argument("--only", default="", help="run only the cases whose name here begins like this")
    arguments.add_argument("--alone", action="store_true", help="leave the peer out")
    arguments.add_argument("--plot", action="store_true", help=f"draw {PLOT.name} instead of the table")
    given = arguments.parse_args()
    if given.plot:
        plot(given.repeat)
        return
    before, cores = loads(), len(os.sched_getaffinity(0))
    report = Report(
        f"ours: medians of {given.repeat}, zero knowledge, {HIDING} proofs to a commitment; ezkl: set-up once, proofs 1"
        f" to 3 times, as they take long, verification 5 times\n{cores} cores; load before: {before}"
    )
    ezkl = None
    if not given.alone:
        try:
            ezkl = Ezkl()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"ezkl could not be installed, ours is measured alone: {error}", file=sys.stderr)
    for case in INFERENCES:
        if case.startswith(given.only):
            compare(case, ezkl, given.repeat, report)
    for case, (name, limits) in ALONE.items():
        if case == "optimality" and not proofs_ours.ADULT.exists():
            report.table.add_row(f"{name}: needs {proofs_ours.ADULT.name} in shared/data/adult")
        elif case.startswith(given.only):
            report.steps(name, ours(case, HIDING, given.repeat), None, limits)
    for case in OVERHEAD:
        if case.startswith(given.only):
            overhead(case, given.repeat, report)
    report.table.caption = f"load after: {loads()}"
    Console(width=140).print(report.table)
    print(json.dumps(report.lines))


if __name__ == "__main__":
    main()

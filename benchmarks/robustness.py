"""Poisoning: what parties that flip labels, or send anything, do to a model summed over all parties and over groups.

Run: python benchmarks/robustness.py [--seeds 5] [--units none record] [--json] [--plot docs/plots/robustness.png]

21 parties have 300 rows of Adult each (../shared/data/adult). Ours: `trust.poisoning` set to the number of attackers.
The peer: the same training with one sum. Both are the library's own training and combination on sums that are taken in
the open, which are the words that secure aggregation would give; tests/run/test_poisoning.py takes such runs securely.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table as Grid
from sklearn.metrics import balanced_accuracy_score

import tacit
from tacit.data import Column, Schema, Table
from tacit.errors import TacitError
from tacit.federated.plan import Step, contributions_per_party, make_plan
from tacit.federated.robust import assign
from tacit.federated.training import FederatedTraining
from tacit.study import Agreement, Coordinator, Model, Party, Privacy, Release, Training, Trust

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "adult" / "adult.csv"
PARTIES, ROWS, TEST_ROWS = 21, 300, 5000
ROUNDS, EPSILON = 30, 4.0
NUMBERS = {
    "age": (17, 90),
    "education_num": (1, 16),
    "capital_gain": (0, 100_000),
    "capital_loss": (0, 5000),
    "hours_per_week": (1, 99),
}
CATEGORIES = ("workclass", "marital_status", "occupation", "relationship", "race", "sex")
NAMES = tuple(f"party-{place:02d}" for place in range(PARTIES))
Words = np.ndarray
Attack = Callable[[Words, Step, int], Words]


class Case(NamedTuple):
    """One training: who attacks how, and how many poisoning parties the agreement bears (0: one sum)."""

    unit: str
    attack: str
    attackers: int
    poisoning: int


def signed(words: Words, step: Step) -> np.ndarray:
    """The integers that the words stand for."""
    return np.rint(step.encoding.to_reals(words) * (step.encoding.units / step.encoding.norm_bound))


def scaled(words: Words, step: Step, most: int) -> Words:
    """A hundred times its contribution, turned round, as far as the words hold it."""
    room = 2.0 ** (step.encoding.word_bits - 2)
    return step.encoding.to_words(np.clip(-100 * signed(words, step), -room, room).astype(np.int64))


def turned(words: Words, step: Step, most: int) -> Words:
    """Its contribution turned round, and as long as an honest one can be: no check of norms would notice."""
    integers = signed(words, step)
    return step.encoding.to_words(
        (integers * (-most * step.encoding.units / np.linalg.norm(integers))).astype(np.int64)
    )


def untouched(words: Words, step: Step, most: int) -> Words:
    """What the protocol says; the labels are what is wrong."""
    return words


ATTACKS: dict[str, Attack] = {"labels flipped": untouched, "update times -100": scaled, "-update at bound": turned}


def make_schema(rows: pd.DataFrame) -> Schema:
    numbers = [Column(name, "number", low=float(low), high=float(high)) for name, (low, high) in NUMBERS.items()]
    codes = [
        Column(name, "category", values=tuple(sorted(set(rows[name]) - {""})), missing="indicator")
        for name in CATEGORIES
    ]
    return Schema("income", (*numbers, *codes, Column("income", "category", values=("<=50K", ">50K"))), max_rows=ROWS)


def split(seed: int) -> tuple[Schema, list[Table], Table]:
    """The parties' tables and the test rows, all different rows of Adult."""
    rows = pd.read_csv(DATA, dtype=str, keep_default_na=False)[[*NUMBERS, *CATEGORIES, "income"]]
    schema = make_schema(rows)
    rows = rows.sample(PARTIES * ROWS + TEST_ROWS, random_state=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"

        def table(start: int, count: int) -> Table:
            rows.iloc[start : start + count].to_csv(path, index=False)
            return tacit.load(path, msgspec.structs.replace(schema, max_rows=count))

        return schema, [table(place * ROWS, ROWS) for place in range(PARTIES)], table(PARTIES * ROWS, TEST_ROWS)


def agree(case: Case, schema: Schema, seed: int) -> Agreement:
    keys = [f"tacit1:{place:064x}" for place in range(PARTIES + 1)]
    budget = {"epsilon": EPSILON, "delta": 1e-5} if case.unit != "none" else {}
    agreement = Agreement(
        name=f"poisoned-{seed}",
        purpose="a benchmark",
        coordinator=Coordinator("carrier", keys[-1], "localhost:9440"),
        parties=tuple(Party(name, key) for name, key in zip(NAMES, keys, strict=False)),
        model=Model("logistic"),
        training=Training(rounds=ROUNDS, learning_rate=1.0, momentum=0.0 if case.unit == "party" else 0.5, clip=2.0),
        privacy=Privacy(case.unit, **budget),
        trust=Trust(0, 0, case.poisoning),
        release=Release(NAMES),
        data=schema,
    )
    agreement.check()
    return agreement


def train(case: Case, seed: int) -> tuple[float, float, float]:
    """Accuracy and balanced accuracy on the test rows, and 1; where no model came out, 0.5, 0.5 and 0."""
    schema, tables, test = split(seed)
    bad = np.random.default_rng(seed).choice(PARTIES, case.attackers, replace=False).tolist()
    if case.attack == "labels flipped":
        tables = [flipped(table) if place in bad else table for place, table in enumerate(tables)]
    agreement = agree(case, schema, seed)
    try:
        predict = model(case, agreement, tables, bad)
    except TacitError:
        return 0.5, 0.5, 0.0
    said = predict(test.features).ravel() > 0.5
    return float((said == test.labels).mean()), float(balanced_accuracy_score(test.labels, said)), 1.0


def flipped(table: Table) -> Table:
    return Table(table.features, 1 - table.labels, table.schema, table.source)


def model(case: Case, agreement: Agreement, tables: list[Table], bad: list[int]) -> Callable[[np.ndarray], np.ndarray]:
    """The model of all steps: every sum a group's, or everyone's, and the attackers' words in it."""
    plan, most = make_plan(agreement), contributions_per_party(agreement)
    parties = [FederatedTraining(agreement, plan, table, name) for table, name in zip(tables, NAMES, strict=True)]
    for step in plan.steps:
        words = [party.contribution(step) for party in parties]
        for place in bad:
            words[place] = ATTACKS[case.attack](words[place], step, most)
        # As in a run: without noise the groups are always the same, with it they are other ones in each step.
        shuffle = f"{agreement.name} {0 if case.unit == 'none' else step.index}".encode().ljust(32)
        groups = assign(NAMES, case.poisoning, shuffle)
        totals = [np.sum([words[NAMES.index(name)] for name in group], axis=0, dtype=np.uint64) for group in groups]
        for party in parties:
            party.apply_groups(step, totals, [len(group) for group in groups])
    return parties[0].graph().predict


def cases(units: list[str]) -> list[Case]:
    made = []
    for unit in units:
        made += [Case(unit, "none", 0, poisoning) for poisoning in (0, 1, 2)]
        made += [
            Case(unit, attack, attackers, poisoning)
            for attack in ATTACKS
            for attackers in (1, 2)
            for poisoning in (0, attackers)
        ]
    return made


def measure(every: list[Case], seeds: int) -> dict[Case, np.ndarray]:
    """{case: (seeds, 3)}: what `train` returns for each seed."""
    work = [(case, seed) for case in every for seed in range(1, seeds + 1)]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(train, *zip(*work, strict=True)))
    return {case: np.array([f for (c, _), f in zip(work, found, strict=True) if c == case]) for case in every}


def pairs(results: dict[Case, np.ndarray]) -> list[tuple[Case, np.ndarray, np.ndarray]]:
    """Each case with groups, its results, and those of one sum under the same attack."""
    return [(case, found, results[case._replace(poisoning=0)]) for case, found in results.items() if case.poisoning]


def label(case: Case) -> str:
    unit = "no noise" if case.unit == "none" else f"{case.unit}, epsilon {EPSILON:g}"
    who = f"{case.attackers} of {PARTIES}: {case.attack}" if case.attackers else "nobody attacks"
    return f"{unit}; {who}; {2 * case.poisoning + 1} groups"


def show(results: dict[Case, np.ndarray], console: Console) -> None:
    grid = Grid("case", "groups", "one sum", "groups, balanced", "one sum, balanced")
    for case, ours, peer in pairs(results):
        cells = [f"{each[:, at].mean():.3f} ± {each[:, at].std():.3f}" for at in (0, 1) for each in (ours, peer)]
        marks = [without(each) for _ in (0, 1) for each in (ours, peer)]
        grid.add_row(label(case), *(f"{cell} {mark}".strip() for cell, mark in zip(cells, marks, strict=True)))
    console.print(grid)


def without(found: np.ndarray) -> str:
    """In how many seeds no model came out, for whoever sees the 0.5 that it counts as; empty where all have one."""
    lost = int((found[:, 2] == 0).sum())
    return f"(no model: {lost} of {len(found)})" if lost else ""


def plot(results: dict[Case, np.ndarray], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    units = list(dict.fromkeys(case.unit for case in results))
    figure, axes = pyplot.subplots(1, len(units), figsize=(5.6 * len(units), 3.9), sharey=True, squeeze=False)
    common = float((pd.read_csv(DATA, usecols=["income"])["income"] == "<=50K").mean())
    for axis, unit in zip(axes[0], units, strict=True):
        draw(axis, results, unit)
        axis.axhline(common, color="black", linestyle=":", linewidth=1, label="always the commoner class")
    axes[0][0].set_ylabel("accuracy on test rows")
    axes[0][0].set_ylim(0, 1)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, ncols=3, loc="upper center", frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    figure.savefig(path, dpi=130)


def draw(axis: Any, results: dict[Case, np.ndarray], unit: str) -> None:
    """Bars of the mean over the seeds, lines from the least to the largest; hollow where seeds came to no model."""
    kinds = [("none", 0), *((attack, count) for attack in ATTACKS for count in (1, 2))]
    for shift, name, colour in ((-0.2, "one sum", "tab:red"), (0.2, "groups, median", "tab:blue")):
        cases = [Case(unit, attack, count, 0 if shift < 0 else max(count, 1)) for attack, count in kinds]
        outcomes = [results[case] for case in cases]
        found = np.array([each[:, 0] for each in outcomes])
        means, places = found.mean(axis=1), np.arange(len(kinds)) + shift
        bars = axis.bar(places, means, 0.38, color=colour, alpha=0.8, label=name)
        for bar, outcome in zip(bars, outcomes, strict=True):
            if without(outcome):
                bar.set(fill=False, edgecolor=colour, hatch="////")
                middle = bar.get_x() + bar.get_width() / 2
                axis.annotate(
                    without(outcome),
                    (middle, 0.02),
                    rotation=90,
                    ha="center",
                    va="bottom",
                    fontsize=7,
                    backgroundcolor="white",
                )
        spread = [means - found.min(axis=1), found.max(axis=1) - means]
        axis.errorbar(places, means, spread, fmt="none", ecolor="black", elinewidth=0.8)
    ticks = [f"{attack.replace(' ', chr(10))}\n{count} of {PARTIES}" for attack, count in kinds[1:]]
    axis.set_xticks(range(len(kinds)), ["nobody\nattacks", *ticks], fontsize=7)
    axis.set_title("no noise" if unit == "none" else f"privacy of a {unit}, epsilon {EPSILON:g}", fontsize=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--units", nargs="+", default=["none", "record"], choices=["none", "record", "party"])
    parser.add_argument("--json", action="store_true", help="print nothing but the last line")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if not DATA.is_file():
        print(f"skipped: needs {DATA.name} of UCI Adult in shared/data/adult", file=sys.stderr)
        print("[]")
        return
    results = measure(cases(options.units), options.seeds)
    if not options.json:
        show(results, Console(width=150))
    if options.plot:
        plot(results, options.plot)
    lines = [
        {
            "case": label(case),
            "ours": round(float(ours[:, 0].mean()), 4),
            "peer": round(float(peer[:, 0].mean()), 4),
            "ratio": round(float(ours[:, 0].mean() / peer[:, 0].mean()), 3),
            "unit": "accuracy",
        }
        for case, ours, peer in pairs(results)
    ]
    print(json.dumps(lines))


if __name__ == "__main__":
    main()

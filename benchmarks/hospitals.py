"""Four real hospitals: the federated model beside each hospital's own and the pooled one, for several budgets.

Run: python benchmarks/hospitals.py [--seeds 5] [--models logistic mlp] [--json] [--plot docs/plots/hospitals.png]

Every federated figure comes from a whole study: signed agreement, secure aggregation among four parties, OpenDP's
noise, a sealed bundle that is verified and opened. `--tune` shows how the settings were chosen, on other splits.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import importlib.util
import itertools
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from hospitals_report import EPSILONS, arm, cases, plot, tables_of
from hospitals_study import (
    DATA,
    HIDDEN,
    Score,
    Setting,
    Split,
    agree,
    split_hospitals,
    train_federated,
    train_openly,
    train_plainly,
)
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from tacit.data import Table

FIRST_SEED, FIRST_TUNING_SEED, TUNING_SEEDS = 1, 101, 6
# The best of `--tune` for each model and epsilon.
CHOSEN = {
    ("logistic", 1.0): Setting(50, 0.3, 1.0, 0.03),
    ("logistic", 3.0): Setting(50, 0.3, 1.0, 0.03),
    ("logistic", 10.0): Setting(50, 1.0, 1.0, 0.03),
    ("logistic", 0.0): Setting(50, 1.0, 1.0, 0.03),
    ("mlp", 1.0): Setting(15, 1.0, 0.5, 0.03),
    ("mlp", 3.0): Setting(15, 1.0, 2.0, 0.03),
    ("mlp", 10.0): Setting(50, 0.3, 2.0, 0.03),
    ("mlp", 0.0): Setting(15, 1.0, 2.0, 0.03),
}
PENALTY = {("logistic", "local"): 0.1, ("logistic", "pooled"): 1.0, ("mlp", "local"): 30.0, ("mlp", "pooled"): 100.0}


def measure(scores: list[Score], test: list[Table]) -> np.ndarray:
    """Accuracy, AUC, balanced accuracy at each place, (5, 3); hospital i is judged by `scores[i]`."""
    labels = [table.labels for table in test]
    given = [score(table.features) for score, table in zip(scores, test, strict=True)]
    labels, given = [*labels, np.concatenate(labels)], [*given, np.concatenate(given)]
    return np.array([_measures(*each) for each in zip(labels, given, strict=True)])


def _measures(labels: np.ndarray, given: np.ndarray) -> tuple[float, float, float]:
    said = given > 0.5
    return float((said == labels).mean()), roc_auc_score(labels, given), balanced_accuracy_score(labels, said)


def compare(model: str, seed: int, folder: Path) -> dict[str, np.ndarray]:
    """All arms on one split: {arm: (5 places, 3 metrics)}."""
    split = split_hospitals(seed, folder)
    alone = [train_plainly(model, [table], PENALTY[model, "local"]) for table in split.training]
    results = {"local-only": measure(alone, split.test)}
    results["one hospital's for all"] = np.mean([measure([each] * 4, split.test) for each in alone], axis=0)
    for epsilon in EPSILONS:
        agreement = agree(model, epsilon, CHOSEN[model, epsilon])
        score = train_federated(agreement, split.training, folder / f"{model}-{seed}-{epsilon:g}")
        results[arm(epsilon)] = measure([score] * 4, split.test)
    pooled = train_plainly(model, split.training, PENALTY[model, "pooled"])
    results["pooled"] = measure([pooled] * 4, split.test)
    results["always 'disease'"] = measure([lambda rows: np.ones(len(rows))] * 4, split.test)
    return results


def tune(models: list[str], folder: Path) -> None:
    """Print each candidate's mean of accuracy and AUC over all rows of the tuning splits, the best last."""
    splits = {
        seed: split_hospitals(seed, folder) for seed in range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + TUNING_SEEDS)
    }
    candidates = [Setting(*each) for each in itertools.product((15, 50), (0.3, 1.0), (0.5, 1.0, 2.0), (0.0, 0.03))]
    for model in models:
        for penalty in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0) if model == "logistic" else (3.0, 10.0, 30.0, 100.0, 300.0):
            local = [[train_plainly(model, [table], penalty) for table in each.training] for each in splits.values()]
            pooled = [[train_plainly(model, each.training, penalty)] * 4 for each in splits.values()]
            both = [_worth(scores, list(splits.values())) for scores in (local, pooled)]
            print(f"{model} penalty {penalty:g}: local {both[0]:.4f}, pooled {both[1]:.4f}", flush=True)
        for epsilon in EPSILONS:
            tried = []
            for setting in candidates:
                agreements = [agree(model, epsilon, setting, test_seed=seed) for seed in splits]
                each = [
                    [train_openly(agreement, split.training)] * 4
                    for agreement, split in zip(agreements, splits.values(), strict=True)
                ]
                tried.append((_worth(each, list(splits.values())), setting))
            for worth, setting in sorted(tried):
                print(f"{model} {arm(epsilon)}: {worth:.4f} {tuple(setting)}", flush=True)


def _worth(scores: list[list[Score]], splits: list[Split]) -> float:
    return float(np.mean([measure(each, split.test)[-1, :2] for each, split in zip(scores, splits, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many splits are reported")
    parser.add_argument("--models", nargs="+", choices=list(HIDDEN), default=list(HIDDEN))
    parser.add_argument("--json", action="store_true", help="print the JSON line alone")
    parser.add_argument("--plot", type=Path, help="write the first model's plot here (needs matplotlib)")
    parser.add_argument("--tune", action="store_true", help="show how the settings were chosen, and stop")
    chosen = parser.parse_args()
    if not DATA.is_dir():
        sys.exit("the hospitals' tables are not here: ../shared/data/heart, beside the repository")
    if chosen.plot and importlib.util.find_spec("matplotlib") is None:
        sys.exit("--plot needs matplotlib: pip install matplotlib")
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="sklearn|opacus|torch")
    console, lines = Console(width=150), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.tune:
            return tune(chosen.models, folder)
        for model in chosen.models:
            runs = [compare(model, seed, folder) for seed in range(FIRST_SEED, FIRST_SEED + chosen.seeds)]
            results = {each: np.array([run[each] for run in runs]) for each in runs[0]}
            lines += cases(model, results)
            if not chosen.json:
                console.print(*tables_of(model, results), sep="\n")
            if chosen.plot and model == chosen.models[0]:
                plot(model, results, chosen.plot)
    print(json.dumps(lines))


if __name__ == "__main__":
    main()

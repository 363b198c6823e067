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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table as Grid
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tacit
from tacit.data import Column, Schema, Table
from tacit.federated.plan import make_plan
from tacit.federated.training import FederatedTraining
from tacit.run import serve_coordinator, serve_party
from tacit.study import Agreement, Study
from tacit.study.drafting import Choices, compose
from tacit.wire import pair

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "heart"
HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
PLACES = (*HOSPITALS, "all")
METRICS = ("accuracy", "AUC", "balanced accuracy")
ZERO_IS_MISSING = ("trestbps", "chol", "thal")  # nobody has a blood pressure or cholesterol of 0
HELD_OUT = 0.3
FIRST_SEED, FIRST_TUNING_SEED, TUNING_SEEDS = 1, 101, 6
EPSILONS = (1.0, 3.0, 10.0, 0.0)  # 0: no differential privacy
HIDDEN = {"logistic": (), "mlp": (16,)}
Score = Callable[[np.ndarray], np.ndarray]  # features (rows, features) to probabilities (rows,)


class Setting(NamedTuple):
    """What was chosen for one model and budget."""

    rounds: int
    learning_rate: float
    clip: float
    l2: float


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


def _number(name: str, low: float, high: float, unit: str = "", missing: str = "indicator") -> Column:
    return Column(name=name, kind="number", low=low, high=high, unit=unit, missing=missing)


def _codes(name: str, values: str, missing: str = "indicator") -> Column:
    return Column(name=name, kind="category", values=tuple(values), missing=missing)


# Bounds are what such measurements can be in adults, not what these rows hold.
SCHEMA = Schema(
    label="disease",
    columns=(
        _number("age", 18.0, 100.0, "years", missing="refuse"),
        Column(name="sex", kind="boolean"),
        _codes("cp", "1234", missing="refuse"),
        _number("trestbps", 60.0, 260.0, "mmHg"),
        _number("chol", 50.0, 700.0, "mg/dl"),
        Column(name="fbs", kind="boolean", missing="indicator"),
        _codes("restecg", "012"),
        _number("thalach", 40.0, 220.0, "1/min"),
        Column(name="exang", kind="boolean", missing="indicator"),
        _number("oldpeak", -5.0, 10.0, "mm"),
        _codes("slope", "123"),
        _number("ca", 0.0, 3.0, "vessels"),
        _codes("thal", "367"),
        Column(name="disease", kind="category", values=("no", "yes")),
    ),
    max_rows=1000,
)


class Split(NamedTuple):
    """Each hospital's training and test rows, in the order of HOSPITALS."""

    training: list[Table]
    test: list[Table]


def read_hospital(name: str) -> pd.DataFrame:
    """The hospital's file as it would clean it: zeros that stand for nothing are empty, the label is yes or no."""
    table = pd.read_csv(DATA / f"{name}.csv", dtype=str, keep_default_na=False)
    for column in ZERO_IS_MISSING:
        table.loc[table[column] == "0", column] = ""
    table["disease"] = np.where(table.pop("num").astype(int) > 0, "yes", "no")
    return table


def split_hospitals(seed: int, folder: Path) -> Split:
    """Split every hospital 70/30, stratified by label; write CSVs, and load them as a party does."""
    parts: Split = Split([], [])
    for name in HOSPITALS:
        rows = read_hospital(name)
        halves = train_test_split(rows, test_size=HELD_OUT, stratify=rows["disease"], random_state=seed)
        for tables, half, use in zip(parts, halves, ("training", "test"), strict=True):
            path = folder / f"{name}-{use}-{seed}.csv"
            half.to_csv(path, index=False)
            tables.append(tacit.load(path, SCHEMA, allow_one_class=use == "test"))
    return parts


IDENTITIES = [tacit.Identity.new(name) for name in HOSPITALS]
CARRIER = tacit.Identity.new("carrier")


def agree(model: str, epsilon: float, setting: Setting, test_seed: int | None = None) -> Agreement:
    """The agreement of the four: no party may drop for good (a broken run goes on), so noise shares are smallest."""
    choices = Choices(
        name="heart",
        purpose="heart disease by what four hospitals measured",
        address="localhost:9440",
        model=model,
        hidden=HIDDEN[model],
        rounds=setting.rounds,
        learning_rate=setting.learning_rate,
        momentum=0.5,
        unit="record" if epsilon else "none",
        epsilon=epsilon,
        delta=1e-5,
        corrupt=1,
        dropping=0,
        test_seed=test_seed,
    )
    drafted = Agreement.decode(compose(choices, [each.public for each in IDENTITIES], CARRIER.public, SCHEMA))
    training = msgspec.structs.replace(drafted.training, clip=setting.clip, l2=setting.l2)
    return msgspec.structs.replace(drafted, training=training)


def train_federated(agreement: Agreement, tables: list[Table], folder: Path) -> Score:
    """A whole study in one process; the model as its holder opens it from the verified bundle."""
    study = Study.new(folder, agreement, [each.public for each in (*IDENTITIES, CARRIER)])
    for party in IDENTITIES:
        study.sign(party)
    lines = [pair(party.public, CARRIER.public) for party in IDENTITIES]
    waiting = [there for _, there in lines]
    with ThreadPoolExecutor(len(HOSPITALS) + 1) as threads:
        coordinating = threads.submit(serve_coordinator, study, lambda timeout: waiting.pop(), lambda event: None)
        parties = [
            threads.submit(serve_party, study, party, table, here, lambda event: None)
            for party, table, (here, _) in zip(IDENTITIES, tables, lines, strict=True)
        ]
        bundle, *_ = [party.result().bundle for party in parties]
        coordinating.result()
    report = tacit.verify(bundle.encode(), study=study)
    if not report.holds:
        raise SystemExit(f"the bundle does not hold:\n{report}")
    graph = bundle.open(IDENTITIES[0])
    return lambda features: graph.predict(features).ravel()


def train_openly(agreement: Agreement, tables: list[Table]) -> Score:
    """The same sums without masks, for tuning: the same arithmetic in a fraction of the time."""
    plan = make_plan(agreement)
    parties = [FederatedTraining(agreement, plan, table, name) for table, name in zip(tables, HOSPITALS, strict=True)]
    for step in plan.steps:
        words = [party.contribution(step) for party in parties]
        total = np.sum([each.astype(np.uint64) for each in words], axis=0, dtype=np.uint64)
        total &= np.uint64(2**step.encoding.word_bits - 1)
        for party in parties:
            party.apply(step, total.astype(words[0].dtype), len(parties))
    graph = parties[0].graph()
    return lambda features: graph.predict(features).ravel()


def train_plainly(model: str, tables: list[Table], penalty: float) -> Score:
    """The same model by scikit-learn, without any protection, on the rows of `tables`."""
    features = np.concatenate([table.features for table in tables])
    labels = np.concatenate([table.labels for table in tables])
    if model == "logistic":
        estimator = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=2000)
    else:
        estimator = MLPClassifier(HIDDEN[model], alpha=penalty, solver="lbfgs", max_iter=2000, random_state=0)
    fitted = make_pipeline(StandardScaler(), estimator).fit(features, labels)
    return lambda rows: fitted.predict_proba(rows)[:, 1]


def measure(scores: list[Score], test: list[Table]) -> np.ndarray:
    """Accuracy, AUC, balanced accuracy at each place, (5, 3); hospital i is judged by `scores[i]`."""
    labels = [table.labels for table in test]
    given = [score(table.features) for score, table in zip(scores, test, strict=True)]
    labels, given = [*labels, np.concatenate(labels)], [*given, np.concatenate(given)]
    return np.array([_measures(*each) for each in zip(labels, given, strict=True)])


def _measures(labels: np.ndarray, given: np.ndarray) -> tuple[float, float, float]:
    said = given > 0.5
    return float((said == labels).mean()), roc_auc_score(labels, given), balanced_accuracy_score(labels, said)


def arm(epsilon: float) -> str:
    return f"federated, epsilon {epsilon:g}" if epsilon else "federated, no DP"


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


def spread(values: np.ndarray, form: str = ".3f") -> str:
    """The mean, and the least and greatest over seeds."""
    return f"{values.mean():{form}} ({values.min():{form}} to {values.max():{form}})"


def tables_of(model: str, results: dict[str, np.ndarray]) -> Iterator[Grid]:
    """One table per metric; `results` are {arm: (seeds, 5 places, 3 metrics)}."""
    for metric, title in enumerate(METRICS):
        grid = Grid("", *PLACES, title=f"{model}: {title}, mean (least to greatest) of {len(results['pooled'])} splits")
        for name, values in results.items():
            grid.add_row(name, *(spread(values[:, place, metric]) for place in range(len(PLACES))))
        yield grid
    paired = Grid("all test rows", "accuracy - local-only", "AUC - local-only", "accuracy - pooled", "AUC - pooled")
    paired.title = f"{model}: differences on the same split, mean (least to greatest)"
    for name in (arm(epsilon) for epsilon in EPSILONS):
        pairs = itertools.product(("local-only", "pooled"), (0, 1))
        paired.add_row(
            name, *(spread((results[name] - results[peer])[:, -1, metric], "+.3f") for peer, metric in pairs)
        )
    yield paired


def cases(model: str, results: dict[str, np.ndarray]) -> Iterator[dict[str, object]]:
    """The lines for machines: each federated arm beside local-only and pooled, on all test rows together."""
    for epsilon, peer, metric in itertools.product(EPSILONS, ("local-only", "pooled"), (0, 1)):
        ours, theirs = (float(results[name][:, -1, metric].mean()) for name in (arm(epsilon), peer))
        case = f"{model}: {METRICS[metric]}, {arm(epsilon)}, beside {peer}"
        yield {"case": case, "ours": ours, "peer": theirs, "ratio": ours / theirs, "unit": METRICS[metric]}


def plot(model: str, results: dict[str, np.ndarray], path: Path) -> None:
    """Accuracy and AUC of each arm at each place: a mark for the mean, a line from the least to the greatest."""
    from matplotlib.figure import Figure

    # Okabe and Ito's colours, which colour-blind readers tell apart; the shapes differ too.
    styles = {
        "local-only": ("#000000", "s"),
        arm(1.0): ("#D55E00", "v"),
        arm(3.0): ("#E69F00", "o"),
        arm(10.0): ("#009E73", "^"),
        arm(0.0): ("#56B4E9", "D"),
        "pooled": ("#0072B2", "X"),
    }
    names = [f"{name.title()}" if name != "va" else "VA Long Beach" for name in HOSPITALS] + ["All four"]
    figure = Figure(figsize=(9.5, 7.6), layout="constrained")
    for metric, axes in enumerate(figure.subplots(2, 1, sharex=True)):
        for place in range(len(PLACES)):
            if place % 2 == 0:
                axes.axvspan(place - 0.5, place + 0.5, color="0.95", zorder=0)
            if metric == 0:
                level = results["always 'disease'"][0, place, 0]
                axes.hlines(
                    level,
                    place - 0.45,
                    place + 0.45,
                    colors="0.45",
                    linestyles="dotted",
                    label="always 'disease'" if place == 0 else None,
                )
        if metric == 1:
            axes.axhline(0.5, color="0.45", linestyle="dotted")
        for nth, (name, (colour, mark)) in enumerate(styles.items()):
            values = results[name][:, :, metric]
            mean = values.mean(axis=0)
            at = np.arange(len(PLACES)) + (nth - (len(styles) - 1) / 2) * 0.14
            ends = np.array([mean - values.min(axis=0), values.max(axis=0) - mean])
            axes.errorbar(
                at, mean, ends, fmt=mark, color=colour, markersize=7, capsize=3, linewidth=1.4, label=name, zorder=3
            )
        axes.set_ylabel(METRICS[metric])
        axes.grid(axis="y", color="0.85", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(-0.5, len(PLACES) - 0.5)
        axes.set_xticks(range(len(PLACES)), names)
        axes.tick_params(length=0)
    first = figure.axes[0]
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    splits = len(results["pooled"])
    first.set_title(f"Heart disease, {model} model, test rows of {splits} splits: mean, and least to greatest", pad=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


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

"""What came out at four real hospitals: tables, lines for machines, and a plot."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hospitals_study import HOSPITALS
from rich.table import Table as Grid

PLACES = (*HOSPITALS, "all")
METRICS = ("accuracy", "AUC", "balanced accuracy")
EPSILONS = (1.0, 3.0, 10.0, 0.0)  # 0: no differential privacy


def arm(epsilon: float) -> str:
    return f"federated, epsilon {epsilon:g}" if epsilon else "federated, no DP"


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

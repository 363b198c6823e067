"""Agreements, plans and tables in miniature, for tests that need neither keys nor files."""

from __future__ import annotations

from typing import Any

import numpy as np

from tacit.data import Column, Schema, Table
from tacit.study import Agreement, Coordinator, Insecure, Model, Party, Privacy, Release, Training, Trust

NAMES = ("ash", "birch", "cedar", "dogwood", "elm")
CLASSES = ("amber", "blue", "crimson")


def make_schema(task: str = "binary", features: int = 3, max_rows: int = 200) -> Schema:
    """Features with unlike bounds, and a label for the task."""
    columns = [Column(f"f{i}", "number", low=-1.0 - i, high=2.0 + 3 * i) for i in range(features)]
    label = {
        "binary": Column("ill", "boolean"),
        "multiclass": Column("ill", "category", values=CLASSES),
        "regression": Column("ill", "number", low=-5.0, high=20.0),
    }[task]
    return Schema("ill", (*columns, label), max_rows)


def make_agreement(
    task: str = "binary",
    *,
    parties: int = 3,
    features: int = 3,
    max_rows: int = 200,
    hidden: tuple[int, ...] = (),
    unit: str = "none",
    epsilon: float = 4.0,
    delta: float = 1e-5,
    statistics_share: float = 0.1,
    corrupt: int = 0,
    dropping: int = 0,
    poisoning: int = 0,
    test_seed: int | None = None,
    model_seed: int = 0,
    model: Model | None = None,
    **training: Any,
) -> Agreement:
    """A checked agreement; its keys are made up. `model` is instead of `hidden`, `training` what `Training` takes."""
    kind = "mlp" if hidden else "linear" if task == "regression" else "logistic"
    budget = {"epsilon": epsilon, "delta": delta, "statistics_share": statistics_share} if unit != "none" else {}
    keys = [f"tacit1:{place:064x}" for place in range(parties + 1)]
    names = NAMES[:parties] if parties <= len(NAMES) else tuple(f"party-{place}" for place in range(parties))
    agreement = Agreement(
        name="miniature",
        purpose="tests",
        coordinator=Coordinator("carrier", keys[-1], "127.0.0.1:7000"),
        parties=tuple(Party(name, key) for name, key in zip(names, keys, strict=False)),
        model=Model(kind, hidden, seed=model_seed) if model is None else model,
        training=Training(**{"rounds": 5, "learning_rate": 0.5, **training}),
        privacy=Privacy(unit, **budget),
        trust=Trust(corrupt, dropping, poisoning),
        release=Release(names),
        data=make_schema(task, features, max_rows),
        insecure=None if test_seed is None else Insecure(test_seed),
    )
    agreement.check()
    return agreement


def make_table(schema: Schema, rows: int = 40, seed: int = 0) -> Table:
    """Rows within the bounds, with labels that depend on the features."""
    rng = np.random.default_rng([seed, rows])
    low, high = schema.feature_low, schema.feature_high
    # Uneven columns, so that means and deviations differ from those of the bounds.
    features = low + (high - low) * rng.beta(2, 2 + np.arange(len(low)), (rows, len(low)))
    scores = 2 * (features - low) / (high - low) - 1
    signal = scores @ np.linspace(1, -1.5, len(low)) + 0.3 * rng.standard_normal(rows) + 0.2
    if schema.task == "regression":
        bottom, top = schema.label_bounds
        labels = np.clip(bottom + (top - bottom) * (signal + 2) / 4, bottom, top)
    elif schema.task == "binary":
        labels = (signal > 0).astype(np.int64)
    else:
        labels = np.digitize(signal, [-0.3, 0.5]).astype(np.int64)
    return Table(features, labels, schema, f"table {seed}")


def pooled(tables: list[Table]) -> Table:
    """All rows in one table: what nobody has in a real study."""
    features = np.vstack([table.features for table in tables])
    return Table(features, np.concatenate([table.labels for table in tables]), tables[0].schema, "pooled")

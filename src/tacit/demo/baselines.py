"""What the demo compares with: one hospital alone, and all data in one place, both without any protection."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tacit.demo.patients import LABEL, Patients


def baselines(patients: Patients) -> tuple[dict[str, float], float]:
    """Return the accuracy on the held-out patients of each hospital alone, and of the pooled data."""
    alone = {name: _accuracy(table, patients.holdout) for name, table in patients.hospitals.items()}
    return alone, _accuracy(patients.pooled, patients.holdout)


def accuracy(predicted: list[str], table: pd.DataFrame) -> float:
    """Return the part of `predicted` that is right."""
    return float(np.mean(np.asarray(predicted) == table[LABEL].to_numpy()))


def _accuracy(training: pd.DataFrame, test: pd.DataFrame) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(training.drop(columns=LABEL), training[LABEL])
    return accuracy(list(model.predict(test.drop(columns=LABEL))), test)

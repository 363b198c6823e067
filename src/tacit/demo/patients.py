"""The demo's data: scikit-learn's copy of the Wisconsin breast-cancer study (Street, Wolberg, Mangasarian 1993).

569 patients, 30 measurements of cell nuclei, benign or malignant. A random part is kept aside, which no hospital ever
sees, to measure accuracy on. The others are divided among four hospitals of uneven size and, as in life, with unlike
patients: who has larger nuclei tends to go to the larger hospitals, the largest nuclei to the specialists in the south.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tacit.data import Column, Schema

HOSPITALS = ("north", "east", "south", "west")
SHARES_BY_SIZE = {"west": 0.09, "east": 0.31, "north": 0.44, "south": 0.16}
CHANCE = 2.0  # how much chance decides where a patient goes, beside the size of nuclei
HOLDOUT_ROWS = 114
LABEL = "diagnosis"
CLASSES = ("benign", "malignant")
DEFAULT_SPLIT = 2026


@dataclass(frozen=True)
class Patients:
    """Each hospital's table, and the one that no hospital has."""

    hospitals: dict[str, pd.DataFrame]
    holdout: pd.DataFrame

    @property
    def pooled(self) -> pd.DataFrame:
        """All hospitals' rows together: what nobody would have in a real study."""
        return pd.concat(list(self.hospitals.values()), ignore_index=True)


def split_patients(seed: int | None) -> Patients:
    """Return the patients, divided at random; the same division for the same seed."""
    table = _all_patients()
    draw = np.random.default_rng(DEFAULT_SPLIT if seed is None else seed)
    order = draw.permutation(len(table))
    holdout, rest = order[:HOLDOUT_ROWS], order[HOLDOUT_ROWS:]
    size = table["mean_radius"].to_numpy()[rest]
    tendency = (size - size.mean()) / size.std() + CHANCE * draw.standard_normal(len(rest))
    ends = np.cumsum([round(share * len(rest)) for share in SHARES_BY_SIZE.values()])[:-1]
    parts = dict(zip(SHARES_BY_SIZE, np.split(rest[np.argsort(tendency)], ends), strict=True))
    return Patients({name: _rows(table, parts[name]) for name in HOSPITALS}, _rows(table, holdout))


def patient_schema() -> Schema:
    """Return the columns. The bounds are those published with the data set, rounded outwards: they are public."""
    table = _all_patients()
    numbers = tuple(
        Column(name=name, kind="number", low=0.0, high=_round_up(float(table[name].max())))
        for name in table.columns
        if name != LABEL
    )
    return Schema(label=LABEL, columns=(*numbers, Column(name=LABEL, kind="category", values=CLASSES)), max_rows=1000)


def _all_patients() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    source = load_breast_cancer()
    table = pd.DataFrame(source.data, columns=[name.replace(" ", "_") for name in source.feature_names])
    table[LABEL] = [CLASSES[1 - target] for target in source.target]
    return table


def _rows(table: pd.DataFrame, index: npt.NDArray[np.int64]) -> pd.DataFrame:
    return table.iloc[index].reset_index(drop=True)


def _round_up(value: float) -> float:
    """Return `value` rounded up to two significant digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit + 1e-9) * unit:.6g}")

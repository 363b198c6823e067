"""Personalisation: the last layer of the common model, fitted to one party's own rows (Collins et al. 2021, in short).

Nothing of it is sent, and no budget is spent: it begins once the common model is done. The party's own held-back rows
choose among the common model and the steps from it, so on these rows the personal model is never worse.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

STEPS = 50


class Rows(Protocol):
    """A party's rows: those to train on, and those held back."""

    def held_loss(self, parameters: FloatArray) -> FloatArray:
        """Return the losses of the rows held back, (rows,)."""

    def fit(self, parameters: FloatArray, free: npt.NDArray[np.bool_]) -> Iterator[FloatArray]:
        """Yield the parameters after each step of descent in the `free` ones."""


def personalise(common: FloatArray, last: int, rows: Rows) -> tuple[FloatArray, int]:
    """Return the best of `common` and `STEPS` steps from it in its `last` parameters, and which step that is.

    A party that holds no rows back cannot tell, and keeps the common model: step 0.
    """
    best, chosen = common, 0
    free = np.arange(len(common)) >= len(common) - last
    # What is beyond all numbers has the largest loss that counts, and so is not chosen.
    with np.errstate(over="ignore", invalid="ignore"):
        losses = rows.held_loss(common)
        if not len(losses):
            return best, chosen
        lowest = float(losses.mean())
        for step, parameters in enumerate(itertools.islice(rows.fit(common, free), STEPS), 1):
            loss = float(rows.held_loss(parameters).mean())
            if loss < lowest:
                best, chosen, lowest = parameters, step, loss
    return best, chosen

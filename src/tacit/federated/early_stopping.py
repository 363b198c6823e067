"""Early stopping on the securely summed validation loss: all parties decide alike, from the same totals.

A round's total has the loss of the model that the round *began* with. Stopping costs no privacy, and gives none back:
the ledger stays that of the whole plan, since nobody could know beforehand where it would stop.
"""

from __future__ import annotations

import math

import numpy as np

from tacit.federated.round_vector import LOSS_CAP, Sums
from tacit.federated.strategies.strategy import Arrays, FloatArray
from tacit.study import Agreement

MEMORY = 0.7


class EarlyStopping:
    """Watches the validation loss, and keeps the model to return.

    Where nothing is private that is the model of the best round. Under noise one round's model is mostly noise: the
    result is the average from the best round to the stop, or, where the plan ends first, the ordinary one.
    """

    def __init__(self, agreement: Agreement, parameters: FloatArray) -> None:
        """Take the settings; nothing is watched where the agreement's `patience` is 0."""
        self._training = agreement.training
        self._noisy = agreement.privacy.unit != "none"
        self._sum = self._rows = math.nan
        self._best, self._waited = math.inf, 0
        self._kept, self._keeps = np.zeros_like(parameters), 0

    @property
    def loss(self) -> float | None:
        """The validation loss, smoothed over rounds under noise; None before the first, or if nobody holds rows."""
        if math.isnan(self._sum) or not self._rows > 0:
            return None
        return min(max(self._sum / max(self._rows, 1.0), 0.0), LOSS_CAP)

    @property
    def stopped(self) -> bool:
        """Whether `patience` rounds have brought no improvement."""
        return 0 < self._training.patience <= self._waited

    @property
    def result(self) -> FloatArray | None:
        """The parameters to return, or None where the ordinary ones are."""
        if not self._keeps or (self._noisy and not self.stopped):
            return None
        return np.asarray(self._kept / self._keeps)

    def observe(self, sums: Sums, parties: int, parameters: FloatArray) -> None:
        """Take in a round's sums over `parties` parties, and the parameters that the round began with."""
        if sums.held_loss is None:
            return
        self._sum = self._smoothed(self._sum, sums.held_loss)
        self._rows = self._smoothed(self._rows, float(parties) if sums.held_rows is None else sums.held_rows)
        loss = self.loss
        if not self._training.patience or loss is None:
            return
        if loss < self._best - self._training.min_improvement:
            self._best, self._waited = loss, 0
            self._kept, self._keeps = parameters.copy(), 1
            return
        self._waited += 1
        if self._noisy:
            self._kept, self._keeps = self._kept + parameters, self._keeps + 1

    def state(self) -> Arrays:
        """Return where it is, as arrays that `restore` takes."""
        numbers = [self._sum, self._rows, self._best, float(self._waited), float(self._keeps)]
        return {"validation": np.array(numbers), "kept": self._kept}

    def restore(self, state: Arrays) -> None:
        """Go on from `state`."""
        self._sum, self._rows, self._best, waited, keeps = state["validation"].tolist()
        self._waited, self._keeps, self._kept = int(waited), int(keeps), state["kept"].copy()

    def _smoothed(self, before: float, now: float) -> float:
        return MEMORY * before + (1 - MEMORY) * now if self._noisy and not math.isnan(before) else now

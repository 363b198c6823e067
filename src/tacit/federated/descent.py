"""What every party does with a round's total: the same step, from the same numbers, so that all hold one model."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tacit.errors import AgreementError
from tacit.federated.plan import COUNT_WEIGHT, LOSS_CAP, LOSS_WEIGHT
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]

LOSS_MEMORY = 0.7
DIVERGED = "training diverged: lower training.learning_rate, training.local_steps or training.l2"


class Descent:
    """Gradient descent with momentum (unit `record` or one local step), or averaging of updates (FedAvg).

    Where noise is added, the result is the average over the last `average_last` part of the rounds (Polyak and
    Juditsky 1992), which costs no privacy.
    """

    def __init__(self, agreement: Agreement, parameters: FloatArray, mask: FloatArray, count: float) -> None:
        """Start from `parameters`; `count` is the number of records in the statistics."""
        self._agreement = agreement
        self._mask = mask
        self._count = count
        self._velocity = np.zeros_like(parameters)
        self._sum_of_last = np.zeros_like(parameters)
        self._averaged = 0
        self._round = 0
        self.parameters = parameters
        self.loss: float | None = None

    def apply(self, total: FloatArray, parties: int) -> None:
        """Take the step that the round's `total` over `parties` parties asks for.

        Raises:
            AgreementError: the parameters are beyond all numbers, at every party alike.
        """
        training, unit = self._agreement.training, self._agreement.privacy.unit
        length = len(self.parameters)
        count = {"record": self._count, "party": float(parties)}.get(unit)
        if count is None:
            count = max(float(total[length + 1]) / (COUNT_WEIGHT * training.clip), 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            self._step(total[:length] / count)
        if not np.isfinite(self.parameters).all():
            raise AgreementError(DIVERGED)
        self._observe(float(total[length]) / count * LOSS_CAP / (LOSS_WEIGHT * training.clip))
        self._round += 1
        if self._round > training.rounds * (1 - training.average_last):
            self._sum_of_last += self.parameters
            self._averaged += 1

    @property
    def result(self) -> FloatArray:
        """The parameters to keep."""
        if self._agreement.privacy.unit == "none" or not self._averaged:
            return self.parameters
        return np.asarray(self._sum_of_last / self._averaged)

    def state(self) -> dict[str, FloatArray]:
        """Return where the descent is, as arrays that `restore` takes."""
        loss = math.nan if self.loss is None else self.loss
        return {
            "parameters": self.parameters,
            "velocity": self._velocity,
            "sum_of_last": self._sum_of_last,
            "averaged": np.array(float(self._averaged)),
            "loss": np.array(loss),
        }

    def restore(self, state: dict[str, FloatArray], rounds: int) -> None:
        """Go on from `state`, counting `rounds` rounds as over: those that were lost among them."""
        self.parameters, self._velocity = state["parameters"], state["velocity"]
        self._sum_of_last, self._averaged = state["sum_of_last"].copy(), int(state["averaged"])
        loss = float(state["loss"])
        self.loss = None if math.isnan(loss) else loss
        self._round = rounds

    def _step(self, mean: FloatArray) -> None:
        training = self._agreement.training
        if training.local_steps == 1 and self._agreement.privacy.unit != "party":
            gradient = mean + training.l2 * self._mask * self.parameters
            self._velocity = training.momentum * self._velocity + gradient
            self.parameters = self.parameters - training.learning_rate * self._velocity
        else:
            self.parameters = self.parameters + mean

    def _observe(self, loss: float) -> None:
        """Smooth the noisy loss over rounds, for people to look at."""
        loss = min(max(loss, 0.0), LOSS_CAP)
        noisy = self._agreement.privacy.unit != "none" and self.loss is not None
        self.loss = LOSS_MEMORY * self.loss + (1 - LOSS_MEMORY) * loss if noisy and self.loss is not None else loss

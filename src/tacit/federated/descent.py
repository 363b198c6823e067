"""What every party does with a round's total: the same step, from the same numbers, so that all hold one model."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tacit.federated.divergence import diverged
from tacit.federated.early_stopping import EarlyStopping
from tacit.federated.plan import round_vector
from tacit.federated.round_vector import LOSS_CAP, Sums
from tacit.federated.strategies import Arrays, FedSGD, make_strategy, sums_records
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]

LOSS_MEMORY = 0.7


class Descent:
    """The server's part of the agreement's strategy, run by every party on the same totals.

    Where noise is added, the result is the average over the last `average_last` part of the rounds (Polyak and
    Juditsky 1992), which costs no privacy; what early stopping changes of that is said there.
    """

    def __init__(self, agreement: Agreement, parameters: FloatArray, mask: FloatArray, count: float) -> None:
        """Start from `parameters`; `count` is the number of records in the statistics."""
        self._agreement = agreement
        self._count = count
        self._vector = round_vector(agreement)
        self._strategy = make_strategy(agreement, agreement.training.l2 * mask)
        self._sum_of_last = np.zeros_like(parameters)
        self._averaged = 0
        self._round = 0
        self.taken = 0
        self._stopping = EarlyStopping(agreement, parameters)
        self.common: Arrays = self._strategy.common(parameters)
        self.parameters = parameters
        self.loss: float | None = None

    def apply(self, total: FloatArray, parties: int) -> None:
        """Take the step that the round's `total` over `parties` parties asks for.

        Raises:
            AgreementError: the parameters are beyond all numbers, at every party alike.
        """
        training, sums = self._agreement.training, self._vector.read(total)
        self._stopping.observe(sums, parties, self.parameters)
        count, present = self._counted(sums, parties)
        with np.errstate(over="ignore", invalid="ignore"):
            self._step(sums.blocks / count, present)
        if not np.isfinite(self.parameters).all():
            raise diverged(self._agreement, self._round + 1)
        self._observe(sums.loss / count)
        self._round += 1
        self.taken += 1
        if self._round > training.rounds * (1 - training.average_last):
            self._sum_of_last += self.parameters
            self._averaged += 1

    @property
    def stopped(self) -> bool:
        """Whether the rounds end here, before the plan does."""
        return self._stopping.stopped

    @property
    def validation_loss(self) -> float | None:
        """The loss on the rows held back, of the model that the last round began with; None where there is none."""
        return self._stopping.loss

    @property
    def result(self) -> FloatArray:
        """The parameters to keep."""
        kept = self._stopping.result
        if kept is not None:
            return kept
        if self._agreement.privacy.unit == "none" or not self._averaged:
            return self.parameters
        return np.asarray(self._sum_of_last / self._averaged)

    def state(self) -> Arrays:
        """Return where the descent is, as arrays that `restore` takes."""
        loss = math.nan if self.loss is None else self.loss
        return {
            "parameters": self.parameters,
            "sum_of_last": self._sum_of_last,
            "averaged": np.array(float(self._averaged)),
            "taken": np.array(float(self.taken)),
            "loss": np.array(loss),
            **self._stopping.state(),
            **self.common,
        }

    def restore(self, state: Arrays, rounds: int) -> None:
        """Go on from `state`, counting `rounds` rounds as over: those that were lost among them."""
        self.parameters = state["parameters"]
        self.common = {name: state[name] for name in self.common}
        self._sum_of_last, self._averaged = state["sum_of_last"].copy(), int(state["averaged"])
        loss = float(state["loss"])
        self.loss = None if math.isnan(loss) else loss
        self._stopping.restore(state)
        self.taken = int(state["taken"])
        self.skip_to(rounds)

    def skip_to(self, rounds: int) -> None:
        """Count `rounds` rounds as over, whether they were taken or not."""
        self._round = rounds

    def _counted(self, sums: Sums, parties: int) -> tuple[float, float]:
        """Return how many contributions are in the sums, and which part that is of all that there were."""
        if self._agreement.privacy.unit == "party":
            return float(parties), parties / len(self._agreement.parties)
        if sums.rows is None:
            return self._count, 1.0
        count = max(sums.rows, 1.0)
        return count, min(count / self._count, 1.0)

    def _step(self, means: FloatArray, present: float) -> None:
        if sums_records(self._agreement) and not isinstance(self._strategy, FedSGD):
            means = self._strategy.one_step(self.parameters, means[0])[None, :]
        self.parameters, self.common = self._strategy.server(self.parameters, means, self.common, present)

    def _observe(self, loss: float) -> None:
        """Smooth the noisy loss over rounds, for people to look at."""
        loss = min(max(loss, 0.0), LOSS_CAP)
        noisy = self._agreement.privacy.unit != "none" and self.loss is not None
        self.loss = LOSS_MEMORY * self.loss + (1 - LOSS_MEMORY) * loss if noisy and self.loss is not None else loss

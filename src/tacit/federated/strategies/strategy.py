"""What every strategy has: a local part, run by one party on its rows, and a server part, run by all on the total."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tacit.study import Training

FloatArray = npt.NDArray[np.float64]
Arrays = dict[str, FloatArray]
# The mean gradient of the loss at some parameters, on the next batch of rows: (parameters,) to (parameters,).
Gradient = Callable[[FloatArray], FloatArray]


class Strategy(ABC):
    """Pure: what it must remember is handed in and out. All vectors are (parameters,), float64.

    `common` follows from the totals and is the same at every party; `own` is a party's alone and never leaves it.
    """

    blocks: ClassVar[int] = 1

    def __init__(self, training: Training, penalty: FloatArray) -> None:
        """Take the settings, and the L2 penalty of each parameter."""
        self.training = training
        self.penalty = penalty

    def common(self, parameters: FloatArray) -> Arrays:
        """Return what all parties remember before the first round."""
        return {}

    def own(self, parameters: FloatArray) -> Arrays:
        """Return what a party remembers for itself before the first round."""
        return {}

    @abstractmethod
    def local(self, start: FloatArray, gradient: Gradient, common: Arrays, own: Arrays) -> list[FloatArray]:
        """Return the blocks of this party's contribution, unclipped, having begun at `start`."""

    def keep(self, own: Arrays, sent: list[FloatArray]) -> Arrays:
        """Return what the party remembers once its blocks, clipped to `sent`, are in a total."""
        return own

    @abstractmethod
    def server(
        self, parameters: FloatArray, means: FloatArray, common: Arrays, present: float
    ) -> tuple[FloatArray, Arrays]:
        """Return the next parameters, and what all remember next.

        Args:
            parameters: those that the round began with.
            means: the mean over what was summed of each block, (blocks, parameters).
            common: what all remember.
            present: the part of all parties (of all rows, where parties weigh by rows) that is in the sum, 0 to 1.
        """

    def one_step(self, parameters: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the change of one step of gradient descent on the penalised loss."""
        return -self.training.learning_rate * (gradient + self.penalty * parameters)

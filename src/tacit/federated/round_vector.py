"""What stands where in a round's vector: blocks of the model's length, then losses and counts.

    block 1 | block 2 (SCAFFOLD) | loss | rows (unit none) | held-back loss | held-back rows (units record and none)

A contribution is one such vector of norm at most `norm_bound`. A record that is held back for validation has zeros
where a record that is trained on has its gradient, and the other way round, so the bound is the larger of the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LOSS_WEIGHT = 0.35
LOSS_CAP = 2.0
COUNT_WEIGHT = 0.25
HELD_LOSS_WEIGHT = 1.0  # of a held-back record, which contributes no gradient; with its count, as long as a record is


@dataclass(frozen=True)
class Sums:
    """What a round's total says: sums of the `blocks`, (blocks, parameters), of the losses, and of the rows.

    `rows` is None but for unit none; `held_loss` where nothing is held back; `held_rows` there and for unit party.
    """

    blocks: FloatArray
    loss: float
    rows: float | None
    held_loss: float | None
    held_rows: float | None


@dataclass(frozen=True)
class RoundVector:
    """The layout for a model of `parameters`; block i has norm at most `limits[i]`; `held`: rows are held back."""

    parameters: int
    limits: tuple[float, ...]
    unit: str
    held: bool

    @property
    def length(self) -> int:
        """The number of coordinates."""
        return len(self.limits) * self.parameters + 1 + len(self._tail())

    @property
    def norm_bound(self) -> float:
        """The largest norm of a contribution. Every block is scaled to the first one's limit."""
        squares = len(self.limits) + LOSS_WEIGHT**2
        if self.unit == "none":
            squares += COUNT_WEIGHT**2
        if self.unit == "party" and self.held:
            squares += LOSS_WEIGHT**2
        return self.limits[0] * math.sqrt(squares)

    def trained(self, blocks: list[FloatArray], loss: FloatArray, held_loss: FloatArray | None = None) -> FloatArray:
        """Return contributions (rows, length) of what was trained on.

        `blocks` are (rows, parameters), each within its limit, `loss` and `held_loss` (rows,) as parts of `LOSS_CAP`;
        the latter for unit party alone.
        """
        clip, rows = self.limits[0], len(loss)
        parts = [block * (clip / limit) for block, limit in zip(blocks, self.limits, strict=True)]
        tail = np.zeros((rows, 1 + len(self._tail())))
        tail[:, 0] = LOSS_WEIGHT * clip * loss
        if self.unit == "none":
            tail[:, 1] = COUNT_WEIGHT * clip
        if held_loss is not None:
            tail[:, -1] = LOSS_WEIGHT * clip * held_loss
        return np.hstack([*parts, tail])

    def held_back(self, loss: FloatArray) -> FloatArray:
        """Return contributions (rows, length) of rows that are held back, of these losses; not for unit party."""
        vectors = np.zeros((len(loss), self.length))
        vectors[:, -2] = HELD_LOSS_WEIGHT * self.limits[0] * loss
        vectors[:, -1] = LOSS_WEIGHT * self.limits[0]
        return vectors

    def read(self, total: FloatArray) -> Sums:
        """Return what the sum of contributions, (length,), says."""
        clip, end = self.limits[0], len(self.limits) * self.parameters
        blocks = total[:end].reshape(len(self.limits), self.parameters) * (np.array(self.limits) / clip)[:, None]
        tail = dict(zip(("loss", *self._tail()), total[end:] / clip, strict=True))
        rows, held_rows, held_loss = tail.get("rows"), tail.get("held rows"), tail.get("held loss")
        weight = LOSS_WEIGHT if self.unit == "party" else HELD_LOSS_WEIGHT
        return Sums(
            blocks=blocks,
            loss=float(tail["loss"]) * LOSS_CAP / LOSS_WEIGHT,
            rows=None if rows is None else float(rows) / COUNT_WEIGHT,
            held_loss=None if held_loss is None else float(held_loss) * LOSS_CAP / weight,
            held_rows=None if held_rows is None else float(held_rows) / LOSS_WEIGHT,
        )

    def _tail(self) -> tuple[str, ...]:
        rows = ("rows",) if self.unit == "none" else ()
        if not self.held:
            return rows
        return (*rows, "held loss") if self.unit == "party" else (*rows, "held loss", "held rows")

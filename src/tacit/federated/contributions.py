"""What one party computes in a round: clipped gradients of its records, or one clipped update.

With unit `record`, each record contributes its own gradient, by Opacus, clipped to norm `clip` (Abadi et al. 2016),
and noise is added to the *sum over all parties*: at equal privacy this needs far less noise than DP-SGD run by each
party for itself. With unit `party`, the party's whole update is clipped and contributes once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from opacus import GradSampleModule
from torch import nn

from tacit.data import Table
from tacit.errors import AgreementError
from tacit.federated.descent import DIVERGED
from tacit.federated.encoding import Encoding
from tacit.federated.models import capped, losses, make_module, set_parameters, targets, weight_mask
from tacit.federated.plan import COUNT_WEIGHT, LOSS_WEIGHT
from tacit.federated.statistics import Scaling
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]

CHUNK_NUMBERS = 2**23


class Contributor:
    """Computes a party's contributions from its own table. Nothing here leaves unencoded, unnoised or unmasked."""

    def __init__(self, agreement: Agreement, table: Table, scaling: Scaling) -> None:
        """Standardise the table once."""
        self._agreement = agreement
        self._features = torch.from_numpy(scaling.apply(table.features))
        self._targets = targets(agreement, table.labels)
        self._module = make_module(agreement)
        self._mask = weight_mask(agreement)

    def total(self, parameters: FloatArray, encoding: Encoding) -> npt.NDArray[np.int64]:
        """Return the integer sum of this party's contributions at `parameters`, (length,), without noise.

        With unit `record` one row more or less moves the sum by that row's contribution, exactly, and by nothing else.

        Raises:
            AgreementError: training diverged; only with unit `none`, see `_row`.
        """
        privacy = self._agreement.privacy
        # What is beyond all numbers is dealt with in `_row`.
        with np.errstate(over="ignore", invalid="ignore"):
            if self._agreement.training.local_steps == 1 and privacy.unit != "party":
                return encoding.total(self._gradients(parameters))
            update: npt.NDArray[np.int64] = encoding.quantise(self._update(parameters))[0]
        # Where nothing is private, parties weigh by their rows.
        return update * len(self._features) if privacy.unit == "none" else update

    def _gradients(self, parameters: FloatArray) -> Iterator[FloatArray]:
        module = GradSampleModule(self._module, loss_reduction="sum")
        set_parameters(module, parameters)
        size = max(1, CHUNK_NUMBERS // len(parameters))
        try:
            for start in range(0, len(self._features), size):
                chunk = slice(start, start + size)
                module.zero_grad(set_to_none=True)
                loss = self._backward(module, chunk, 1)
                yield self._row(np.hstack([_flat(parameter.grad_sample) for parameter in module.parameters()]), loss)
        finally:
            module.to_standard_module()

    def _update(self, parameters: FloatArray) -> FloatArray:
        """Return the change after `local_steps` of full gradient descent, clipped, as one contribution."""
        training, everything = self._agreement.training, slice(None)
        current, rows = parameters.copy(), len(self._features)
        first_loss = np.zeros(rows)
        for step in range(training.local_steps):
            set_parameters(self._module, current)
            self._module.zero_grad(set_to_none=True)
            loss = self._backward(self._module, everything, rows)
            first_loss = first_loss if step else loss
            gradient = np.concatenate([p.grad.numpy().ravel() for p in self._module.parameters() if p.grad is not None])
            current = current - training.learning_rate * (gradient + training.l2 * self._mask * current)
        return self._row((current - parameters)[None, :], first_loss.mean(keepdims=True))

    def _backward(self, module: nn.Module, chunk: slice, divisor: int) -> FloatArray:
        """Leave the gradients of the losses of these rows over `divisor` in the module; return the losses, (rows,)."""
        # Opacus's hooks want an input with a gradient, and warn on the user's screen without.
        outputs = module(self._features[chunk].clone().requires_grad_())
        loss, slope = losses(self._agreement, outputs.detach().numpy(), self._targets[chunk])
        outputs.backward(torch.from_numpy(slope / divisor))
        return loss

    def _row(self, vectors: FloatArray, loss: FloatArray) -> FloatArray:
        """Return (vector clipped, loss, count where nothing is private) for each row, within the round's norm bound.

        A vector that is beyond all numbers counts as none: to stop the run there would tell everyone, without noise,
        that this party has such a row. Only where nothing is private is it said.

        Raises:
            AgreementError: unit `none`, and a vector is beyond all numbers.
        """
        clip, unit = self._agreement.training.clip, self._agreement.privacy.unit
        beyond = np.asarray(~np.isfinite(vectors).all(axis=1))
        if unit == "none" and beyond.any():
            raise AgreementError(DIVERGED)
        parts = [clipped(np.where(beyond[:, None], 0, vectors), clip), LOSS_WEIGHT * clip * capped(loss)[:, None]]
        if unit == "none":
            parts.append(np.full((len(vectors), 1), COUNT_WEIGHT * clip))
        return np.hstack(parts)


def clipped(vectors: FloatArray, clip: float) -> FloatArray:
    """Return each of the finite (rows, length) `vectors`, those longer than `clip` shortened to it (up to rounding)."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    # Squares of the numbers themselves could overflow.
    directions = vectors / np.where(largest > 0, largest, 1)
    allowed = clip / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1)
    return np.where(largest > allowed, directions * allowed, vectors)


def _flat(gradients: torch.Tensor) -> FloatArray:
    return gradients.detach().numpy().reshape(len(gradients), -1)

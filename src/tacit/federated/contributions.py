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

from tacit.data import Table
from tacit.errors import AgreementError
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
        """Return the integer sum of this party's contributions at `parameters`, (length,), without noise."""
        if self._agreement.training.local_steps == 1 and self._agreement.privacy.unit != "party":
            return encoding.total(self._gradients(parameters))
        update: npt.NDArray[np.int64] = encoding.quantise(self._update(parameters))[0]
        # Where nothing is private, parties weigh by their rows.
        return update * len(self._features) if self._agreement.privacy.unit == "none" else update

    def _gradients(self, parameters: FloatArray) -> Iterator[FloatArray]:
        module = GradSampleModule(self._module, loss_reduction="sum")
        set_parameters(module, parameters)
        size = max(1, CHUNK_NUMBERS // len(parameters))
        try:
            for start in range(0, len(self._features), size):
                chunk = slice(start, start + size)
                module.zero_grad(set_to_none=True)
                # Opacus's hooks want an input with a gradient, and warn on the user's screen without.
                inputs = self._features[chunk].clone().requires_grad_()
                loss = losses(self._agreement, module(inputs), self._targets[chunk])
                loss.sum().backward()  # type: ignore[no-untyped-call]
                gradients = np.hstack([_flat(parameter.grad_sample) for parameter in module.parameters()])
                yield self._row(gradients, loss.detach().numpy())
        finally:
            module.to_standard_module()

    def _update(self, parameters: FloatArray) -> FloatArray:
        """Return the change after `local_steps` of full gradient descent, clipped, as one contribution."""
        current = parameters.copy()
        first_loss = np.zeros(1)
        for step in range(self._agreement.training.local_steps):
            set_parameters(self._module, current)
            self._module.zero_grad(set_to_none=True)
            loss = losses(self._agreement, self._module(self._features), self._targets)
            loss.mean().backward()  # type: ignore[no-untyped-call]
            if step == 0:
                first_loss = loss.detach().numpy()
            gradient = np.concatenate([p.grad.numpy().ravel() for p in self._module.parameters() if p.grad is not None])
            gradient = gradient + self._agreement.training.l2 * self._mask * current
            current = current - self._agreement.training.learning_rate * gradient
        return self._row((current - parameters)[None, :], first_loss.mean(keepdims=True))

    def _row(self, vectors: FloatArray, loss: FloatArray) -> FloatArray:
        """Return (vector clipped, loss, count where nothing is private) for each row, within the round's norm bound.

        Raises:
            AgreementError: the vectors are beyond all numbers.
        """
        if not np.isfinite(vectors).all():
            raise AgreementError("training diverged: lower training.learning_rate, or training.local_steps")
        clip = self._agreement.training.clip
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        clipped = vectors * np.minimum(1, clip / np.maximum(norms, 1e-300))
        parts = [clipped, LOSS_WEIGHT * clip * capped(loss)[:, None]]
        if self._agreement.privacy.unit == "none":
            parts.append(np.full((len(vectors), 1), COUNT_WEIGHT * clip))
        return np.hstack(parts)


def _flat(gradients: torch.Tensor) -> FloatArray:
    return gradients.detach().numpy().reshape(len(gradients), -1)

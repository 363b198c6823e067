"""What one party computes in a round: clipped gradients of its records, or one clipped change of the model.

With unit `record`, each record contributes its own gradient (see `row_gradients`), clipped to norm `clip` (Abadi et al.
2016), and noise is added to the *sum over all parties*: at equal privacy this needs far less noise than DP-SGD run by
each party for itself. With unit `party`, what the party's `strategy` makes of its rows is clipped and contributes once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tacit.data import Table
from tacit.federated.batches import batches
from tacit.federated.divergence import diverged
from tacit.federated.encoding import Encoding
from tacit.federated.models import capped, losses, make_module, set_parameters, targets, weight_mask
from tacit.federated.plan import round_vector
from tacit.federated.row_gradients import batched_gradients, gradient_of, one_thread, single_gradients
from tacit.federated.statistics import Scaling
from tacit.federated.strategies import Arrays, make_strategy, sums_records
from tacit.study import Agreement
from tacit.study.agreement import digest

FloatArray = npt.NDArray[np.float64]

CHUNK_NUMBERS = 2**23
ROWS_AT_ONCE = 256  # of a model with convolutions, or one that we know nothing of


class Contributor:
    """Computes a party's contributions from its own table. Nothing here leaves unencoded, unnoised or unmasked."""

    def __init__(
        self, agreement: Agreement, table: Table, scaling: Scaling, held: Table | None = None, party: str = ""
    ) -> None:
        """Standardise the rows of `party` once: those to train on, and those `held` back."""
        self._agreement = agreement
        self._features = torch.from_numpy(scaling.apply(table.features))
        self._targets = targets(agreement, table.labels)
        self._held = None
        if held is not None and len(held.features):
            self._held = torch.from_numpy(scaling.apply(held.features)), targets(agreement, held.labels)
        self._module = make_module(agreement)
        self._dense = agreement.model.kind not in ("cnn", "torch")
        self._vector = round_vector(agreement)
        self._strategy = make_strategy(agreement, agreement.training.l2 * weight_mask(agreement))
        self._seed = digest(agreement.encode()) + party.encode() + b"\x00"
        self.own: Arrays = self._strategy.own(np.zeros(self._vector.parameters))
        self._next_own: Arrays | None = None
        self._index = 0

    def total(
        self, parameters: FloatArray, encoding: Encoding, common: Arrays | None = None, index: int = 0
    ) -> npt.NDArray[np.int64]:
        """Return the integer sum of this party's contributions at `parameters`, (length,), without noise.

        With unit `record` one row more or less moves the sum by that row's contribution, exactly, and by nothing else.
        `common` is what the strategy remembers, `index` the step's.

        Raises:
            AgreementError: training diverged; only with unit `none`, see `_row`.
        """
        self._index = index
        # What is beyond all numbers is dealt with in `_row`.
        with np.errstate(over="ignore", invalid="ignore"):
            if self._agreement.privacy.unit == "party":
                return self._party(encoding, parameters, common, index)
            held: npt.NDArray[np.int64] = encoding.total(self._held_back(parameters))
            if sums_records(self._agreement):
                return held + encoding.total(self._gradients(parameters))
            update: npt.NDArray[np.int64] = encoding.quantise(self._update(parameters, common, index))[0]
        # Where nothing is private, parties weigh by their rows.
        return held + update * len(self._features)

    def settle(self) -> None:
        """Remember the last contribution as part of a total: the strategy's own state goes on."""
        if self._next_own is not None:
            self.own, self._next_own = self._next_own, None

    def held_loss(self, parameters: FloatArray) -> FloatArray:
        """Return the losses at `parameters` of the rows held back, (rows,), as parts of the largest that counts."""
        return np.empty(0) if self._held is None else capped(self._losses(parameters, *self._held))

    def fit(self, parameters: FloatArray, free: npt.NDArray[np.bool_]) -> Iterator[FloatArray]:
        """Yield without end the parameters after each step of gradient descent on these rows, in the `free` ones."""
        everything = np.arange(len(self._features))
        while True:
            with np.errstate(over="ignore", invalid="ignore"):
                step = self._strategy.one_step(parameters, self._gradient(parameters, everything))
                parameters = np.where(free, parameters + step, parameters)
            yield parameters

    def _gradients(self, parameters: FloatArray) -> Iterator[FloatArray]:
        set_parameters(self._module, parameters)
        size = max(1, CHUNK_NUMBERS // len(parameters))
        way = batched_gradients if self._dense else single_gradients
        chunks = way(self._module, len(self._features), size, lambda module, chunk: self._backward(module, chunk, 1))
        for vectors, loss in chunks:
            yield self._row([vectors], capped(loss))

    def _held_back(self, parameters: FloatArray) -> Iterator[FloatArray]:
        loss, size = self.held_loss(parameters), max(1, CHUNK_NUMBERS // len(parameters))
        for start in range(0, len(loss), size):
            yield self._vector.held_back(loss[start : start + size])

    def _party(
        self, encoding: Encoding, parameters: FloatArray, common: Arrays | None, index: int
    ) -> npt.NDArray[np.int64]:
        integers: npt.NDArray[np.int64] = encoding.quantise(self._update(parameters, common, index))[0]
        return integers

    def _update(self, parameters: FloatArray, common: Arrays | None, index: int) -> FloatArray:
        """Return what the strategy makes of all rows, each block clipped, as one contribution."""
        strategy = self._strategy
        order = batches(len(self._features), self._agreement.training.batch_rows, self._seed + index.to_bytes(4, "big"))
        memory = strategy.common(parameters) if common is None else common
        blocks = strategy.local(parameters, lambda current: self._gradient(current, next(order)), memory, self.own)
        loss = capped(self._losses(parameters, self._features, self._targets).mean(keepdims=True))
        held_loss = None
        if self._vector.held and self._agreement.privacy.unit == "party":
            # A party too small to hold rows back reports what it has.
            held_loss = loss if self._held is None else self.held_loss(parameters).mean(keepdims=True)
        return self._row([block[None, :] for block in blocks], loss, held_loss)

    def _gradient(self, parameters: FloatArray, places: npt.NDArray[np.intp]) -> FloatArray:
        """Return the mean gradient of the loss of the rows at `places`."""
        set_parameters(self._module, parameters)
        self._module.zero_grad(set_to_none=True)
        if self._dense and len(places) == len(self._features):
            self._backward(self._module, slice(None), len(places))
        else:
            size = len(places) if self._dense else ROWS_AT_ONCE
            for start in range(0, len(places), size):
                self._backward(self._module, places[start : start + size], len(places))
        return np.concatenate([gradient_of(parameter) for parameter in self._module.parameters()])

    def _losses(self, parameters: FloatArray, features: torch.Tensor, wanted: npt.NDArray[np.generic]) -> FloatArray:
        """Return the loss of each row at `parameters`, (rows,); where records are to be hidden, of each by itself."""
        set_parameters(self._module, parameters)
        size = max(1, CHUNK_NUMBERS // len(parameters)) if self._dense else ROWS_AT_ONCE
        alone = self._agreement.privacy.unit == "record" and not self._dense
        with torch.no_grad(), one_thread() if alone else nullcontext():
            size = 1 if alone else size
            parts = [
                losses(
                    self._agreement,
                    self._module(features[start : start + size].clone()).numpy(),
                    wanted[start : start + size],
                )[0]
                for start in range(0, len(features), size)
            ]
        return np.concatenate(parts)

    def _backward(self, module: nn.Module, chunk: slice | npt.NDArray[np.intp], divisor: int) -> FloatArray:
        """Leave the gradients of the losses of these rows over `divisor` in the module; return the losses, (rows,)."""
        # Opacus's hooks want an input with a gradient, and warn on the user's screen without.
        outputs = module(self._features[chunk].clone().requires_grad_())
        loss, slope = losses(self._agreement, outputs.detach().numpy(), self._targets[chunk])
        outputs.backward(torch.from_numpy(slope / divisor))
        return loss

    def _row(self, blocks: list[FloatArray], loss: FloatArray, held_loss: FloatArray | None = None) -> FloatArray:
        """Return the round's vector of each row, within its norm bound: each block (rows, parameters) clipped.

        What is beyond all numbers counts as none: to stop the run there would tell everyone, without noise, that this
        party has such a row. Only where nothing is private is it said.

        Raises:
            AgreementError: unit `none`, and a vector is beyond all numbers.
        """
        beyond = ~np.all([np.isfinite(block).all(axis=1) for block in blocks], axis=0)
        if self._agreement.privacy.unit == "none" and beyond.any():
            raise diverged(self._agreement, self._index)
        sent = [
            clipped(np.where(beyond[:, None], 0, block), limit)
            for block, limit in zip(blocks, self._vector.limits, strict=True)
        ]
        if not sums_records(self._agreement):
            self._next_own = self._strategy.keep(self.own, [block[0] for block in sent])
        return self._vector.trained(sent, loss, held_loss)


def clipped(vectors: FloatArray, clip: float) -> FloatArray:
    """Return each of the finite (rows, length) `vectors`, those longer than `clip` shortened to it (up to rounding)."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    # Squares of the numbers themselves could overflow.
    directions = vectors / np.where(largest > 0, largest, 1)
    allowed = clip / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1)
    return np.where(largest > allowed, directions * allowed, vectors)

"""Steps of stochastic gradient descent on shares.

With g the gradient of the mean loss, c = l2 (weights only), the step is u <- momentum u + learning_rate (g + c w), w
<- w - u: what torch.optim.SGD does with a constant learning rate. It takes one rescaling: the public factors have 20
fractional bits, and their sum of products is divided by 2^(f + 20) at once. Its rounding is nearly unbiased
(`truncation.py`), so steps smaller than a unit are not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tacit.errors import FormatError
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.inputs import constant
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.training.dense import Dense, gradients
from tacit.mpc.training.settings import STEP_BITS, Settings
from tacit.mpc.truncation import truncate
from tacit.mpc.verification import verify

Floats = npt.NDArray[np.float64]

VERIFY_AFTER = 2**21  # pending products: about 200 MB of what is kept for verification


class Descent:
    """The network in training: its layers and what momentum keeps, all shared."""

    def __init__(self, party: Party, features: int, settings: Settings) -> None:
        """From `initial_weights`, which are public."""
        self._party, self._settings = party, settings
        self.layers = [
            Dense(_public(party, weight, settings), _public(party, bias, settings))
            for weight, bias in initial_weights(features, settings)
        ]
        self.velocities = [Dense(_zeros_like(layer.weight), _zeros_like(layer.bias)) for layer in self.layers]
        self.epoch = 0

    def run_epoch(self, x: Arithmetic, y: Arithmetic) -> Protocol[None]:
        """One pass over all rows, x (rows, features) and y (rows, outputs), in an order drawn from seed and epoch."""
        order = np.random.default_rng((self._settings.seed, self.epoch)).permutation(len(x))
        for start in range(0, len(order), self._settings.batch_rows):
            rows = order[start : start + self._settings.batch_rows]
            yield from self.step(x[rows], y[rows])
            if self._party.active and self._party.pending.size >= VERIFY_AFTER:
                yield from verify(self._party)
        self.epoch += 1

    def shares(self) -> dict[str, Arithmetic]:
        """All that another session needs to go on after this epoch."""
        found = {}
        for number, (layer, velocity) in enumerate(zip(self.layers, self.velocities, strict=True)):
            for kind, dense in (("layer", layer), ("velocity", velocity)):
                found[f"{kind} {number} weight"], found[f"{kind} {number} bias"] = dense.weight, dense.bias
        return found

    def restore(self, epoch: int, shares: Mapping[str, Arithmetic]) -> None:
        """Go on after `epoch` from what `shares` returned then; raises FormatError where they are another network's."""
        expected = self.shares()
        if {name: share.shape for name, share in shares.items()} != {n: share.shape for n, share in expected.items()}:
            raise FormatError("the shares that were kept are another network's: remove the file to begin anew")
        self.layers, self.velocities = (
            [Dense(shares[f"{kind} {n} weight"], shares[f"{kind} {n} bias"]) for n in range(len(self.layers))]
            for kind in ("layer", "velocity")
        )
        self.epoch = epoch

    def step(self, x: Arithmetic, y: Arithmetic) -> Protocol[None]:
        """One step on a minibatch."""
        found = yield from gradients(self._party, self.layers, x, y, self._settings)
        moved = []
        for layer, velocity, gradient in zip(self.layers, self.velocities, found, strict=True):
            l2 = self._settings.l2
            moved += [
                self._moved(velocity.weight, gradient.weight, layer.weight, len(x), l2),
                self._moved(velocity.bias, gradient.bias, layer.bias, len(x), 0.0),
            ]
        steps = yield from together(*moved)
        pairs = zip(self.layers, steps[::2], steps[1::2], strict=True)
        self.layers = [Dense(layer.weight - weight, layer.bias - bias) for layer, weight, bias in pairs]
        self.velocities = [Dense(*pair) for pair in zip(steps[::2], steps[1::2], strict=True)]

    def _moved(
        self, velocity: Arithmetic, gradient: Arithmetic, weight: Arithmetic, rows: int, l2: float
    ) -> Protocol[Arithmetic]:
        settings = self._settings
        f = settings.fraction_bits
        total = gradient.times(_factor(settings.learning_rate / rows))
        if settings.momentum:
            total = total + velocity.times(_factor(settings.momentum) << f)
        if l2:
            total = total + weight.times(_factor(settings.learning_rate * l2) << f)
        return (yield from truncate(self._party, total, f + STEP_BITS))


def _factor(value: float) -> int:
    return int(max(1, round(value * 2**STEP_BITS)))


def initial_weights(features: int, settings: Settings) -> list[tuple[Floats, Floats]]:
    """The public (weight, bias) that training starts from: zeros if convex, else uniform within 1 / sqrt(inputs)."""
    found = []
    for number, shape in enumerate(pairwise(settings.widths(features))):
        if settings.hidden:
            source, bound = np.random.default_rng((settings.seed, number, 1)), 1.0 / np.sqrt(shape[0])
            found.append((source.uniform(-bound, bound, shape), source.uniform(-bound, bound, shape[1])))
        else:
            found.append((np.zeros(shape), np.zeros(shape[1])))
    return found


def _public(party: Party, values: Floats, settings: Settings) -> Arithmetic:
    return constant(party, np.rint(values * 2**settings.fraction_bits).astype(np.int64).view(np.uint64))


def _zeros_like(share: Arithmetic) -> Arithmetic:
    return share.map(np.zeros_like)

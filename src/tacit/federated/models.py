"""The models that can be trained: torch modules with their parameters as one vector.

Every party must start from the same numbers, whatever its version of torch: weights start at zero where the loss is
convex, and otherwise from numpy's RandomState, whose stream is frozen.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tacit.federated.plan import LOSS_CAP, layer_widths
from tacit.federated.row_linear import RowLinear
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]


def make_module(agreement: Agreement) -> nn.Sequential:
    """Return the float64 module from standardised features (rows, features) to raw outputs (rows, outputs).

    Where single records are to be hidden, each is computed by itself, see `row_linear`.
    """
    kind = RowLinear if agreement.privacy.unit == "record" else nn.Linear
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(layer_widths(agreement)):
        layers += [kind(before, after, dtype=torch.float64), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def initial_parameters(agreement: Agreement) -> FloatArray:
    """Return the first parameter vector (parameters,): the same at every party."""
    widths = layer_widths(agreement)
    stream = np.random.RandomState(agreement.model.seed % 2**32)
    parts = []
    for before, after in itertools.pairwise(widths):
        bound = math.sqrt(6 / before) if agreement.model.hidden else 0.0
        parts += [stream.uniform(-bound, bound, after * before) if bound else np.zeros(after * before), np.zeros(after)]
    return np.concatenate(parts)


def set_parameters(module: nn.Module, parameters: FloatArray) -> None:
    """Write the vector into the module."""
    torch.nn.utils.vector_to_parameters(torch.from_numpy(parameters.copy()), module.parameters())


def get_parameters(module: nn.Module) -> FloatArray:
    """Return the module's parameters as one vector."""
    return np.asarray(torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy().copy())


def weight_mask(agreement: Agreement) -> FloatArray:
    """Return 1 for weights and 0 for biases: what the L2 penalty acts on."""
    widths = layer_widths(agreement)
    parts = []
    for before, after in itertools.pairwise(widths):
        parts += [np.ones(after * before), np.zeros(after)]
    return np.concatenate(parts)


def targets(agreement: Agreement, labels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return labels as the loss wants them: class indexes, 0/1, or numbers scaled to [-1, 1] by the label's bounds."""
    schema = agreement.data
    if schema.task == "multiclass":
        return labels.astype(np.int64)
    values = labels.astype(np.float64)
    if schema.task == "regression":
        low, high = schema.label_bounds
        values = 2 * (values - low) / (high - low) - 1
    return values


def losses(agreement: Agreement, outputs: FloatArray, wanted: npt.NDArray[np.generic]) -> tuple[FloatArray, FloatArray]:
    """Return the loss of each row, (rows,), and its slope in the row's outputs, (rows, outputs).

    Cross-entropy, or half the squared error; of each row by itself, to the last bit (see `row_linear`).
    """
    task = agreement.data.task
    if task == "multiclass":
        return _cross_entropy(outputs, wanted)
    value, label = outputs[:, 0], wanted.astype(np.float64)
    if task == "regression":
        return 0.5 * (value - label) ** 2, (value - label)[:, None]
    power = np.exp(-np.abs(value))
    chance = np.where(value >= 0, 1, power) / (1 + power)
    return np.maximum(value, 0) - label * value + np.log1p(power), (chance - label)[:, None]


def capped(loss: FloatArray) -> FloatArray:
    """Return losses as they are reported: at most `LOSS_CAP`, as a part of it; those beyond all numbers are 1."""
    return np.clip(np.nan_to_num(loss, nan=LOSS_CAP), 0, LOSS_CAP) / LOSS_CAP


def _cross_entropy(outputs: FloatArray, wanted: npt.NDArray[np.generic]) -> tuple[FloatArray, FloatArray]:
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1, keepdims=True)
    rows = np.arange(len(outputs))
    slopes = powers / total
    slopes[rows, wanted] -= 1
    return np.log(total[:, 0]) - shifted[rows, wanted], slopes

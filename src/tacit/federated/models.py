"""The models that can be trained: torch modules with their parameters as one vector.

Every party must start from the same numbers, whatever its version of torch: weights start at zero where the loss is
convex, and otherwise from numpy's RandomState, whose stream is frozen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tacit.federated.plan import LOSS_CAP
from tacit.federated.row_linear import RowLinear
from tacit.federated.shapes import Shape, dense_widths, parameter_shapes
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]


def make_module(agreement: Agreement) -> nn.Module:
    """Return the float64 module from standardised features (rows, features) to raw outputs (rows, outputs).

    Raises:
        AgreementError: kind `torch`, and the module is not the one agreed on, or cannot be trained here.
    """
    model = agreement.model
    if model.kind == "torch":
        from tacit.federated.factory import load_module

        return load_module(agreement)
    layers: list[nn.Module] = [*_convolutions(agreement)]
    # Where single records are to be hidden, each is computed by itself; those of a `cnn` are alone in their batch.
    dense = RowLinear if agreement.privacy.unit == "record" and model.kind != "cnn" else nn.Linear
    for before, after in itertools.pairwise(dense_widths(agreement)):
        layers += [dense(before, after, dtype=torch.float64), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def initial_parameters(agreement: Agreement) -> FloatArray:
    """Return the first parameter vector (parameters,): the same at every party.

    Zero where the loss is convex. Otherwise what has two axes or more is drawn as He et al. (2015) have it, uniform of
    variance 2 over the inputs of one output; biases are zero, and other vectors, which scale, one.
    """
    stream = np.random.RandomState(agreement.model.seed % 2**32)
    convex = agreement.model.kind in ("linear", "logistic")
    parts = []
    for name, shape in _named_shapes(agreement):
        size = math.prod(shape)
        if len(shape) >= 2 and not convex:
            bound = math.sqrt(6 / math.prod(shape[1:]))
            parts.append(stream.uniform(-bound, bound, size))
        else:
            parts.append(np.zeros(size) if convex or name.endswith("bias") else np.ones(size))
    return np.concatenate(parts)


def set_parameters(module: nn.Module, parameters: FloatArray) -> None:
    """Write the vector (parameters,) into the module.

    It is copied into memory of torch's: on numpy's, which is aligned otherwise, a sum could end in other bits.
    """
    start = 0
    for parameter in module.parameters():
        end = start + parameter.numel()
        parameter.data.copy_(torch.from_numpy(parameters[start:end]).view_as(parameter))
        start = end


def get_parameters(module: nn.Module) -> FloatArray:
    """Return the module's parameters as one vector."""
    return np.asarray(torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy().copy())


def weight_mask(agreement: Agreement) -> FloatArray:
    """Return 1 for weights, which have two axes or more, and 0 for the rest: what the L2 penalty acts on."""
    return np.concatenate([np.full(math.prod(shape), float(len(shape) >= 2)) for _, shape in _named_shapes(agreement)])


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


def _convolutions(agreement: Agreement) -> Iterator[nn.Module]:
    """Yield the layers of a `cnn` from rows of features to rows of what its convolutions give."""
    model = agreement.model
    if model.image is None:
        return
    yield nn.Unflatten(1, model.image)
    channels = model.image[0]
    for layer in model.convolutions:
        yield nn.Conv2d(channels, layer.channels, layer.kernel, padding=layer.padding, dtype=torch.float64)
        yield nn.ReLU()
        if layer.pool > 1:
            yield (nn.AvgPool2d if layer.pooling == "average" else nn.MaxPool2d)(layer.pool)
        channels = layer.channels
    yield nn.Flatten()


def _named_shapes(agreement: Agreement) -> list[tuple[str, Shape]]:
    """Return name and shape of each parameter, in the order of the vector."""
    if agreement.model.kind == "torch":
        return [(name, tuple(each.shape)) for name, each in make_module(agreement).named_parameters()]
    return [("weight" if len(shape) > 1 else "bias", shape) for shape in parameter_shapes(agreement)]

"""What torch's layers with weights mean: linear and batch normalisation, as modules and as functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tacit.errors import GraphError
from tacit.graph.fixed import Floats
from tacit.graph.importers.torch_call import Call, Made
from tacit.graph.layers import Linear, Normalise


def array(tensor: torch.Tensor, where: str) -> Floats:
    """A tensor's numbers as float64; GraphError, beginning with `where`, where they are not real or not all there."""
    if tensor.is_complex() or tensor.is_quantized or tensor.layout is not torch.strided:
        raise GraphError(f"{where}: a tensor of {tensor.dtype}, {tensor.layout}, is not of plain real numbers")
    return tensor.detach().to("cpu", torch.float64).numpy()


def linear(call: Call) -> Made:
    """nn.Linear or functional.linear."""
    if call.module is not None:
        (x,) = call.bind("input")
        weight, bias = array(call.module.weight, call.where), call.module.bias
        return call.add(Linear.of(weight, None if bias is None else array(bias, call.where)), x)
    x, weight, bias = call.bind("input", "weight", "bias", bias=None)
    weight = call.constant(weight, "weight")
    bias = None if bias is None else call.constant(bias, "bias")
    if weight.ndim != 2:
        raise call.refuse(f"has a weight of shape {weight.shape}; only a matrix is supported")
    return call.add(Linear.of(weight, bias), x)


def matrix_product(call: Call) -> Made:
    """A tensor times a constant matrix."""
    x, weight = call.bind("input", "other")
    weight = call.constant(weight, "second factor")
    if weight.ndim != 2:
        raise call.refuse(f"has a second factor of shape {weight.shape}; only a matrix is supported")
    return call.add(Linear.of(weight.T), x)


def batch_norm(call: Call) -> Made:
    """nn.BatchNorm1d, nn.BatchNorm2d or functional.batch_norm, in evaluation mode."""
    if call.module is not None:
        (x,) = call.bind("input")
        m = call.module
        tensors: list[Any] = [m.running_mean, m.running_var, m.weight, m.bias]
        mean, variance, weight, bias = (None if each is None else array(each, call.where) for each in tensors)
        eps = m.eps
    else:
        x, mean, variance, weight, bias, training, _, eps = call.bind(
            "input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps",
            weight=None, bias=None, training=False, momentum=0.1, eps=1e-5,
        )  # fmt: skip
        call.require(training=(bool(training), False))
        weight, bias = (None if each is None else call.constant(each, "weight") for each in (weight, bias))
    if mean is None:
        raise call.refuse("has no running statistics; train it with track_running_stats=True")
    with np.errstate(all="ignore"):  # what is not finite is refused where it is rounded
        scale = 1 / np.sqrt(call.constant(variance, "variance") + eps)
        offset = -call.constant(mean, "mean") * scale
        scale, offset = (each if weight is None else each * weight for each in (scale, offset))
        offset = offset if bias is None else offset + bias
    sides = (-1, *[1] * (len(call.shape) - 2))
    return call.add(Normalise.affine(scale.reshape(sides), offset.reshape(sides)), x)

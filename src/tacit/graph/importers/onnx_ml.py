"""What each operator of ONNX's machine-learning domain, as skl2onnx writes it, means in layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.canonical import quote
from tacit.errors import FormatError
from tacit.graph.fixed import Floats
from tacit.graph.importers.onnx_call import Call, Columns, Value
from tacit.graph.layers import Linear, Normalise, Sigmoid, Softmax


def _scaler(call: Call) -> Value:
    offset, scale = call.options(offset=[0.0], scale=[1.0])
    x = call.tensor()
    sizes = (1, call.shape(x)[0])
    means, scales = np.array(offset, dtype=np.float64), np.array(scale, dtype=np.float64)
    if len(call.shape(x)) != 1 or len(means) not in sizes or len(scales) not in sizes:
        raise call.refuse(f"has {len(means)} offsets and {len(scales)} scales for rows of shape {call.shape(x)}")
    return call.add(Normalise.of(means, scales), x)


def _linear_regressor(call: Call) -> Value:
    coefficients, intercepts, targets, post = call.options(
        coefficients=[], intercepts=[], targets=1, post_transform="NONE"
    )
    call.require(post_transform=(post, "NONE"))
    x = call.tensor()
    weight, bias = _matrix(call, x, coefficients, intercepts)
    if len(weight) != targets:
        raise FormatError(f"{call.where}: coefficients for {len(weight)} targets, not {targets}")
    return call.add(Linear.of(weight, bias), x)


def _linear_classifier(call: Call) -> Value:
    coefficients, intercepts, ints, strings, _, post = call.options(
        coefficients=[],
        intercepts=[],
        classlabels_ints=[],
        classlabels_strings=[],
        multi_class=0,
        post_transform="NONE",
    )
    x = call.tensor()
    weight, bias = _matrix(call, x, coefficients, intercepts)
    if len(weight) < 2 or len(weight) != len(ints or strings):
        raise call.refuse(f"has {len(weight)} rows of coefficients for {len(ints or strings)} classes")
    if post not in ("NONE", "LOGISTIC", "SOFTMAX"):
        raise call.refuse(f"has post_transform={quote(post)}; only NONE, LOGISTIC and SOFTMAX are supported")
    opposite = len(weight) == 2 and (weight[0] == -weight[1]).all() and bias[0] == -bias[1]
    if opposite and post != "SOFTMAX":
        scores = call.add(Linear.of(weight[1:], bias[1:]), x)
        return Columns(scores if post == "NONE" else call.add(Sigmoid.of(), scores), post == "LOGISTIC")
    scores = call.add(Linear.of(weight, bias), x)
    if post == "NONE":
        return scores
    return call.add(Sigmoid.of() if post == "LOGISTIC" else Softmax.of(), scores)


def _normaliser(call: Call) -> Value:
    (norm,) = call.options(norm="MAX")
    value = call.value()
    kinds = {layer.name: layer.kind for layer in call.draft.layers}
    one = isinstance(value, Columns) and value.probability
    if norm != "L1" or not (one or (isinstance(value, str) and kinds.get(value) is Softmax)):
        raise call.refuse(
            "is supported only with norm='L1', where the numbers add up to 1 already; of one-vs-rest, take the"
            " decision values (of skl2onnx, the option raw_scores)"
        )
    return call.drop("the probabilities add up to 1 already")


def _extract(call: Call) -> Value:
    call.options()
    value, at = call.value(), call.optional(1)
    if not isinstance(value, Columns) or at is None or at.reshape(-1).tolist() != [1]:
        raise call.refuse("is supported only to take the second of two columns")
    return value.tensor


def _zip_map(call: Call) -> Value:
    call.options(classlabels_int64s=[], classlabels_strings=[])
    return call.drop("the output is an array, its columns in the order of the classes")


def _matrix(call: Call, x: str, coefficients: list[float], intercepts: list[float]) -> tuple[Floats, Floats]:
    """The weight (outputs, inputs) and the bias (outputs,) from flat lists."""
    shape = call.shape(x)
    flat = np.array(coefficients, dtype=np.float64)
    if len(shape) != 1 or not len(flat) or len(flat) % shape[0]:
        raise call.refuse(f"has {len(flat)} coefficients for rows of shape {shape}")
    weight = flat.reshape(-1, shape[0])
    bias = np.array(intercepts or np.zeros(len(weight)), dtype=np.float64)
    if len(bias) != len(weight):
        raise FormatError(f"{call.where}: {len(bias)} intercepts for {len(weight)} outputs")
    return weight, bias


ML_NODES: dict[str, Callable[[Call], Value]] = {
    "ArrayFeatureExtractor": _extract,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "Normalizer": _normaliser,
    "Scaler": _scaler,
    "ZipMap": _zip_map,
}

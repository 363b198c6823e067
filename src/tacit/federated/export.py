"""The trained parameters as a fixed-point graph on the features' own units, and as the float model it stands for."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from tacit.federated.plan import layer_widths
from tacit.federated.statistics import Scaling
from tacit.graph import FloatLayer, Graph, Linear, Normalise, ReLU, Sigmoid, Softmax
from tacit.study import Agreement

FloatArray = npt.NDArray[np.float64]


def to_graph(agreement: Agreement, parameters: FloatArray, scaling: Scaling) -> Graph:
    """Return the graph: scaling, the model's layers, and class probabilities or the label in its own units.

    Raises:
        GraphError: a weight or an accumulator does not fit the agreement's `model.fraction_bits`.
    """
    layers: list[FloatLayer] = [Normalise.of(scaling.mean, 1 / scaling.deviation, name="scaling")]
    for weights, biases in layers_of(agreement, parameters):
        layers += [Linear.of(weights, biases), ReLU.of()]
    layers.pop()
    task = agreement.data.task
    if task == "binary":
        layers.append(Sigmoid.of())
    elif task == "multiclass":
        layers.append(Softmax.of())
    schema = agreement.data
    return Graph.build(layers, schema.feature_low, schema.feature_high, fraction_bits=agreement.model.fraction_bits)


def float_outputs(
    agreement: Agreement, parameters: FloatArray, scaling: Scaling, features: FloatArray
) -> npt.NDArray[np.float64]:
    """Return what the float model gives for `features` (rows, features): the twin of the graph's `predict`."""
    values = scaling.apply(features)
    pairs = layers_of(agreement, parameters)
    for index, (weights, biases) in enumerate(pairs):
        values = values @ weights.T + biases
        if index < len(pairs) - 1:
            values = np.maximum(values, 0)
    task = agreement.data.task
    if task == "binary":
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))
    if task == "multiclass":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return np.asarray(values)


def predictions(task: str, outputs: FloatArray) -> npt.NDArray[np.int64]:
    """Return the class that each row of `outputs` stands for."""
    if task == "binary":
        return (outputs.reshape(-1) > 0.5).astype(np.int64)
    return np.asarray(outputs.argmax(axis=1), np.int64)


def layers_of(agreement: Agreement, parameters: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return (weights, biases) of each layer; a regression's last gives the label in its own units."""
    widths = layer_widths(agreement)
    pairs, start = [], 0
    for before, after in itertools.pairwise(widths):
        middle, end = start + before * after, start + before * after + after
        pairs.append((parameters[start:middle].reshape(after, before), parameters[middle:end]))
        start = end
    if agreement.data.task == "regression":
        low, high = agreement.data.label_bounds
        weights, biases = pairs.pop()
        half = (high - low) / 2
        pairs.append((weights * half, (biases + 1) * half + low))
    return pairs

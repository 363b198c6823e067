"""The trained parameters as a fixed-point graph on the features' own units, and as the float model it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.errors import AgreementError, GraphError
from tacit.federated.divergence import diverged
from tacit.federated.shapes import parameter_shapes
from tacit.federated.statistics import Scaling
from tacit.graph import (
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Unflatten,
)
from tacit.graph.fixed import MIN_FRACTION_BITS
from tacit.study import Agreement, Convolution

FloatArray = npt.NDArray[np.float64]

MARGIN = 4


def to_graph(agreement: Agreement, parameters: FloatArray, scaling: Scaling, fraction_bits: int | None = None) -> Graph:
    """Return the graph: scaling, the model's layers, and class probabilities or the label in its own units.

    `fraction_bits` are the agreement's unless given.

    Raises:
        GraphError: a weight or an accumulator does not fit the agreement's `model.fraction_bits`, or a module of kind
            `torch` has an operator that a graph has not.
    """
    schema, model = agreement.data, agreement.model
    bits = model.fraction_bits if fraction_bits is None else fraction_bits
    if model.kind == "torch":
        module = _in_own_units(agreement, parameters, scaling)
        return Graph.from_torch(module, schema.feature_low, schema.feature_high, fraction_bits=bits)
    pairs = layers_of(agreement, parameters)
    layers: list[FloatLayer] = [Normalise.of(scaling.mean, 1 / scaling.deviation, name="scaling")]
    if model.image is not None:
        layers += _convolutions(model.image, model.convolutions, pairs)
    for weights, biases in pairs[len(model.convolutions) :]:
        layers += [Linear.of(weights, biases), ReLU.of()]
    layers.pop()
    if schema.task == "binary":
        layers.append(Sigmoid.of())
    elif schema.task == "multiclass":
        layers.append(Softmax.of())
    return Graph.build(layers, schema.feature_low, schema.feature_high, fraction_bits=bits)


def final_graph(agreement: Agreement, parameters: FloatArray, scaling: Scaling) -> Graph:
    """Return the graph of the trained `parameters`; AgreementError where none can hold them, which says what to set."""
    try:
        return to_graph(agreement, parameters, scaling)
    except GraphError as error:
        bits = agreement.model.fraction_bits
        why = f"the model does not fit fixed point with model.fraction_bits = {bits} ({error})"
        raise diverged(agreement, agreement.training.rounds, why) from None


def check_numbers(agreement: Agreement, parameters: FloatArray, scaling: Scaling, step: int) -> None:
    """Check that the `parameters` after round `step` are not far beyond what the graph can hold.

    They may come back from a little beyond, so `MARGIN` fraction bits are left for that.

    Raises:
        AgreementError: they are, at every party alike; names the round and the settings.
    """
    try:
        to_graph(agreement, parameters, scaling, max(MIN_FRACTION_BITS, agreement.model.fraction_bits - MARGIN))
    except GraphError:
        raise diverged(agreement, step, "the model is far beyond what fixed point holds") from None


def check_export(agreement: Agreement) -> None:
    """Check, before anything is trained, that the model can be exported: with its first parameters and plain scaling.

    A regression's model has to reach both ends of the label's range.

    Raises:
        AgreementError: it cannot, and why.
    """
    from tacit.federated.models import initial_parameters

    low, high = agreement.data.feature_low, agreement.data.feature_high
    plain = Scaling((low + high) / 2, (high - low) / 2, 1.0)
    parameters = initial_parameters(agreement)
    ends = (-1.0, 1.0) if agreement.data.task == "regression" and agreement.model.kind != "torch" else ()
    try:
        for last in (parameters[-1], *ends):  # the bias of the only output
            to_graph(agreement, np.append(parameters[:-1], last), plain)
    except GraphError as error:
        raise AgreementError(f"the model of kind {agreement.model.kind!r} cannot be exported: {error}") from error


def float_outputs(
    agreement: Agreement, parameters: FloatArray, scaling: Scaling, features: FloatArray
) -> npt.NDArray[np.float64]:
    """Return what the float model gives for `features` (rows, features): the twin of the graph's `predict`."""
    if agreement.model.kind in ("cnn", "torch"):
        outputs: FloatArray = _in_own_units(agreement, parameters, scaling).outputs(features)
        return outputs
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
    """Return (weights, biases) of each layer, not of kind `torch`; a regression's last gives the label's own units."""
    arrays, start = [], 0
    for shape in parameter_shapes(agreement):
        end = start + prod(shape)
        arrays.append(parameters[start:end].reshape(shape))
        start = end
    pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
    if agreement.data.task == "regression":
        low, high = agreement.data.label_bounds
        weights, biases = pairs.pop()
        half = (high - low) / 2
        pairs.append((weights * half, (biases + 1) * half + low))
    return pairs


def _convolutions(
    image: tuple[int, int, int], convolutions: tuple[Convolution, ...], pairs: list[tuple[FloatArray, FloatArray]]
) -> Iterator[FloatLayer]:
    """Yield the layers of a `cnn` from rows of features to rows of what its convolutions give."""
    yield Unflatten.of(*image)
    for layer, (weights, biases) in zip(convolutions, pairs, strict=False):
        yield Conv2d.of(weights, biases, padding=layer.padding)
        yield ReLU.of()
        if layer.pool > 1:
            yield (AveragePool if layer.pooling == "average" else MaxPool).of(layer.pool)
    yield Flatten.of()


def _in_own_units(agreement: Agreement, parameters: FloatArray, scaling: Scaling) -> Any:
    """Return the torch module with the units of the data around it; torch is loaded here and not before."""
    from tacit.federated.models import make_module, set_parameters
    from tacit.federated.own_units import InOwnUnits

    module = make_module(agreement)
    set_parameters(module, parameters)
    return InOwnUnits(agreement, module, scaling).eval()

"""Graph: a model in fixed point. Its evaluation in integers, here, is the specification.

The same graph is evaluated on secret shares, under encryption and inside proofs; each of those is compared with this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.evaluation import rows_at_once, run
from tacit.graph.fixed import (
    DEFAULT_FRACTION_BITS,
    Array,
    Floats,
    Ints,
    Shape,
    as_floats,
    check_fraction_bits,
    dequantise,
    first_index,
    nearest,
    show_index,
)
from tacit.graph.intervals import Interval
from tacit.graph.layers import INPUT, ArgMax, FloatLayer, Layer, Sigmoid
from tacit.graph.structure import MAX_RANK, check_order, encode_range, tensor_shapes

if TYPE_CHECKING:
    from tacit.graph.report import ImportReport


class Graph:
    """A model in fixed point: layers in order, each reading earlier tensors; the last one's tensor is the output.

    Immutable. Evaluation is deterministic to the last bit, and every bound is known beforehand: no accumulator, and
    no partial sum of one, passes 2**62. The repr shows the structure and never the weights.
    """

    def __init__(self, layers: Sequence[Layer], low: Floats, high: Floats, fraction_bits: int) -> None:
        """From integer layers and the input's range; `build` makes one from floats.

        low, high: float64 of the input's shape. GraphError where anything does not fit, AccumulatorError (one of
        them) where an accumulator could pass 2**62.
        """
        self._fraction_bits = check_fraction_bits(fraction_bits)
        self._layers = tuple(layers)
        self._low, self._high = _read_only(low), _read_only(high)
        self._import_report: ImportReport | None = None
        check_order(self._layers)
        self._shapes = tensor_shapes(self._layers, self._low.shape)
        bounds = {INPUT: encode_range(self._low, self._high, fraction_bits)}
        accumulators: dict[str, int] = {}
        for layer in self._layers:
            found = layer.bounds([bounds[name] for name in layer.inputs], fraction_bits)
            bounds[layer.name], accumulators[layer.name] = found.output, found.accumulator
        self._bounds, self._accumulators = MappingProxyType(bounds), MappingProxyType(accumulators)

    @classmethod
    def build(
        cls,
        layers: Sequence[FloatLayer],
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        *,
        input_shape: Shape | None = None,
        fraction_bits: int = DEFAULT_FRACTION_BITS,
        weight_bits: int | None = None,
    ) -> Graph:
        """A graph from float layers, such as [Linear.of(W, b), ReLU.of(), Linear.of(V, c), Sigmoid.of()].

        A layer reads the one before unless it names its inputs. low, high: the input's range, scalars or arrays of its
        shape. weight_bits: fractional bits of every weight; None lets the graph choose (see `tacit.graph.build`).
        GraphError says which layer does not fit, and why.
        """
        from tacit.graph.build import build

        return build(layers, low, high, input_shape=input_shape, fraction_bits=fraction_bits, weight_bits=weight_bits)

    @classmethod
    def from_torch(
        cls,
        module: Any,
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        *,
        input_shape: Shape | None = None,
        sample: npt.ArrayLike | None = None,
        fraction_bits: int = DEFAULT_FRACTION_BITS,
        weight_bits: int | None = None,
    ) -> Graph:
        """A graph from a torch.nn.Module, as it is in evaluation mode.

        sample: rows to compare the two on; None draws some in [low, high]. GraphError names what is not supported.
        """
        options = {"input_shape": input_shape, "fraction_bits": fraction_bits, "weight_bits": weight_bits}
        return _import("torch", module, low, high, sample=sample, **options)

    @classmethod
    def from_sklearn(
        cls,
        estimator: Any,
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        *,
        sample: npt.ArrayLike | None = None,
        fraction_bits: int = DEFAULT_FRACTION_BITS,
        weight_bits: int | None = None,
    ) -> Graph:
        """A graph from a fitted scikit-learn estimator or Pipeline; the other arguments as in `from_torch`."""
        options = {"fraction_bits": fraction_bits, "weight_bits": weight_bits}
        return _import("sklearn", estimator, low, high, sample=sample, **options)

    @classmethod
    def from_onnx(
        cls,
        model: str | PathLike[str] | bytes,
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        *,
        input_shape: Shape | None = None,
        output: str | None = None,
        sample: npt.ArrayLike | None = None,
        fraction_bits: int = DEFAULT_FRACTION_BITS,
        weight_bits: int | None = None,
    ) -> Graph:
        """A graph from an ONNX file or its bytes, which need not be trusted; the other arguments as in `from_torch`.

        output: which of several outputs; None takes the only one that is not a label. FormatError where the bytes
        are no ONNX model.
        """
        options = {"input_shape": input_shape, "fraction_bits": fraction_bits, "weight_bits": weight_bits}
        return _import("onnx", model, low, high, output=output, sample=sample, **options)

    @classmethod
    def from_bytes(cls, data: bytes) -> Graph:
        """The graph that `to_bytes` wrote; FormatError for any other bytes, in bounded time and memory."""
        from tacit.graph.format import decode

        return decode(data)

    def to_bytes(self) -> bytes:
        """The graph as a safetensors file: the same graph always gives the same bytes. They hold the weights."""
        from tacit.graph.format import encode

        return encode(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `to_bytes()`, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in an order in which they can be evaluated."""
        return self._layers

    @property
    def fraction_bits(self) -> int:
        """f: the fractional bits of every tensor."""
        return self._fraction_bits

    @property
    def low(self) -> Floats:
        """The least value of every input feature, float64."""
        return self._low

    @property
    def high(self) -> Floats:
        """The greatest value of every input feature, float64."""
        return self._high

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor, without the batch axis."""
        return self._shapes

    @property
    def input_shape(self) -> Shape:
        """The shape of one row of the input."""
        return self._low.shape

    @property
    def output_shape(self) -> Shape:
        """The shape of one row of the output."""
        return self._shapes[self._layers[-1].name]

    @property
    def bounds(self) -> Mapping[str, Interval]:
        """By tensor ("input", or the layer's name): the least and the greatest value of every element, int64."""
        return self._bounds

    @property
    def accumulator_bounds(self) -> Mapping[str, int]:
        """By layer: the largest absolute value on the way to its output, at most 2**62."""
        return self._accumulators

    @property
    def import_report(self) -> ImportReport | None:
        """How far the graph is from the float model that it was imported from; None if it was not."""
        return self._import_report

    def encode(self, x: npt.ArrayLike) -> Ints:
        """Reals (rows, *input_shape) as int64 with f fractional bits, to nearest, ties upwards.

        GraphError, naming row, index, value and bound, where one is outside [low, high] or not a number.
        """
        floats = as_floats(x, f"tensor {INPUT!r}")
        self._check_rows(floats.shape)
        _check_within(floats, self._low, self._high)
        return nearest(floats, self._fraction_bits).astype(np.int64)

    def decode(self, ints: Ints) -> Floats:
        """The reals that int64 with f fractional bits stand for."""
        return dequantise(_int64(ints), self._fraction_bits)

    def evaluate(self, ints: Ints) -> Ints:
        """The output (rows, *output_shape) for an encoded input (rows, *input_shape); both int64.

        GraphError where the input is not int64, has another shape, or is outside the encoded range.
        """
        x, step, last = self._check_ints(ints), rows_at_once(self._layers, self._shapes), self._layers[-1].name
        output = np.empty((len(x), *self.output_shape), dtype=np.int64)
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            output[rows] = run(self._layers, x[rows], self._fraction_bits, keep=False)[last]
        return output

    def trace(self, ints: Ints) -> dict[str, Ints]:
        """Every tensor by name, "input" too, for an encoded input: what a proof commits to."""
        return run(self._layers, self._check_ints(ints), self._fraction_bits, keep=True)

    def predict(self, x: npt.ArrayLike) -> Floats:
        """The output for real inputs: encode, evaluate, decode. (rows, *input_shape) to (rows, *output_shape)."""
        return self.decode(self.evaluate(self.encode(x)))

    def classify(self, x: npt.ArrayLike) -> Ints:
        """The class of every row, int64 (rows,), counted from 0.

        Of a vector output the first greatest element. Of a single number class 1 if it is over one half, after a
        Sigmoid, or over 0, else class 0. GraphError where the output is not a vector.
        """
        return self.decide(self.evaluate(self.encode(x)))

    def decide(self, output: Ints) -> Ints:
        """The class of every row of an evaluated output, as `classify` has it."""
        if len(self.output_shape) != 1:
            raise GraphError(f"the output has shape {self.output_shape}: classes need a vector")
        last = self._layers[-1]
        first: Ints = output[:, 0]
        if isinstance(last, ArgMax):
            return first >> self._fraction_bits
        if self.output_shape != (1,):
            winners: Ints = output.argmax(axis=1).astype(np.int64)
            return winners
        half = (1 << self._fraction_bits) // 2 if isinstance(last, Sigmoid) else 0
        return (first > half).astype(np.int64)

    def __repr__(self) -> str:
        lines = [f"  {INPUT} {self.input_shape}"]
        for layer in self._layers:
            shape, reach = self._shapes[layer.name], self._bounds[layer.name].magnitude / 2**self._fraction_bits
            lines.append(f"  {layer.name} = {layer.kind}({', '.join(layer.inputs)}) {shape}, within {reach:.6g}")
        return "\n".join([f"Graph with {self._fraction_bits} fractional bits:", *lines])

    def _check_rows(self, shape: Shape) -> None:
        if len(shape) != 1 + len(self.input_shape) or shape[1:] != self.input_shape:
            raise GraphError(f"tensor {INPUT!r}: shape {shape} is not (rows, *{self.input_shape})")

    def _check_ints(self, ints: Ints) -> Ints:
        x = _int64(ints)
        self._check_rows(x.shape)
        _check_within(x, self._bounds[INPUT].low, self._bounds[INPUT].high)
        return x


def _read_only(values: Floats) -> Floats:
    array = isinstance(values, np.ndarray) and values.dtype == np.float64
    if not array or not 1 <= values.ndim <= MAX_RANK or not values.size:
        raise GraphError(f"low and high must be float64 arrays of the input's shape: 1 to {MAX_RANK} axes, not empty")
    copy: Floats = np.array(values, order="C") + 0.0  # -0.0 becomes 0.0
    copy.flags.writeable = False
    return copy


def _int64(ints: Ints) -> Ints:
    if not isinstance(ints, np.ndarray) or ints.dtype != np.int64:
        raise GraphError("encoded tensors are int64 arrays; `encode` makes them from reals")
    return np.asarray(ints)  # a subclass may have another meaning of `*`, as np.matrix does


def _check_within(x: Array, low: Array, high: Array) -> None:
    """GraphError, naming row, index, value and bounds, where an element is outside [low, high] or not a number."""
    bad = ~((x >= low) & (x <= high))
    if bad.any():
        row, *index = first_index(bad)
        place = tuple(index)
        raise GraphError(
            f"tensor {INPUT!r}, row {row}, index {show_index(place)}: {x[row, *place].item()!r} is outside"
            f" [{low[place].item()!r}, {high[place].item()!r}]"
        )


def _import(source: str, model: Any, low: npt.ArrayLike, high: npt.ArrayLike, **options: Any) -> Graph:
    """The importer's module, and so torch, scikit-learn or ONNX, is loaded here and not before."""
    try:
        module = import_module(f"tacit.graph.importers.{source}")
    except ModuleNotFoundError as error:
        raise GraphError(f"{error.name} is not installed: pip install 'tacit[import]'") from error
    graph: Graph = getattr(module, f"from_{source}")(model, low, high, **options)
    return graph

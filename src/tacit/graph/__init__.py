"""The fixed-point graph: a model in integers, whose evaluation here is the specification of every other one."""

from tacit.graph.fixed import rescale
from tacit.graph.graph import Graph
from tacit.graph.intervals import AccumulatorError, Interval, LayerBounds
from tacit.graph.layers import (
    LAYERS,
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Layer,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
    Unflatten,
    layer,
)
from tacit.graph.report import ImportReport

__all__ = [
    "LAYERS",
    "AccumulatorError",
    "Add",
    "ArgMax",
    "AveragePool",
    "Conv2d",
    "Flatten",
    "FloatLayer",
    "Graph",
    "ImportReport",
    "Interval",
    "Layer",
    "LayerBounds",
    "Linear",
    "MaxPool",
    "Normalise",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Square",
    "Tanh",
    "Unflatten",
    "layer",
    "rescale",
]

"""The layers of a graph, one file for each kind."""

from tacit.graph.layers.add import Add
from tacit.graph.layers.argmax import ArgMax
from tacit.graph.layers.average_pool import AveragePool
from tacit.graph.layers.conv2d import Conv2d
from tacit.graph.layers.flatten import Flatten
from tacit.graph.layers.layer import INPUT, LAYERS, FloatLayer, Layer, layer
from tacit.graph.layers.linear import Linear
from tacit.graph.layers.max_pool import MaxPool
from tacit.graph.layers.normalise import Normalise
from tacit.graph.layers.relu import ReLU
from tacit.graph.layers.sigmoid import Sigmoid
from tacit.graph.layers.softmax import Softmax
from tacit.graph.layers.square import Square
from tacit.graph.layers.tanh import Tanh
from tacit.graph.layers.unflatten import Unflatten

__all__ = [
    "INPUT",
    "LAYERS",
    "Add",
    "ArgMax",
    "AveragePool",
    "Conv2d",
    "Flatten",
    "FloatLayer",
    "Layer",
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
]

"""The provable layers, one file for each kind; importing this room registers them all."""

from tacit.proofs.layers.add import Add
from tacit.proofs.layers.argmax import ArgMax
from tacit.proofs.layers.average_pool import AveragePool
from tacit.proofs.layers.conv2d import Conv2d
from tacit.proofs.layers.flatten import Flatten
from tacit.proofs.layers.layer import PROVABLE, ProvableLayer, provable
from tacit.proofs.layers.linear import Linear
from tacit.proofs.layers.max_pool import MaxPool
from tacit.proofs.layers.normalise import Normalise
from tacit.proofs.layers.relu import ReLU
from tacit.proofs.layers.sigmoid import Sigmoid, Tanh
from tacit.proofs.layers.square import Square
from tacit.proofs.layers.unflatten import Unflatten

__all__ = [
    "PROVABLE",
    "Add",
    "ArgMax",
    "AveragePool",
    "Conv2d",
    "Flatten",
    "Linear",
    "MaxPool",
    "Normalise",
    "ProvableLayer",
    "ReLU",
    "Sigmoid",
    "Square",
    "Tanh",
    "Unflatten",
    "provable",
]

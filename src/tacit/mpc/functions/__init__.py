"""Functions of shared numbers in fixed point: each file one protocol, with its error bound, domain and price."""

from tacit.mpc.functions.bit_products import bit_products
from tacit.mpc.functions.equality import is_zero
from tacit.mpc.functions.exponential import exp
from tacit.mpc.functions.inner_products import inner_products
from tacit.mpc.functions.maximum import argmax, maximum, maximum_along
from tacit.mpc.functions.reciprocal import reciprocal
from tacit.mpc.functions.relu import below_zero, not_negative, relu, relu_rescaled
from tacit.mpc.functions.rsqrt import rsqrt
from tacit.mpc.functions.selection import absolute, where
from tacit.mpc.functions.sigmoid import sigmoid, tanh
from tacit.mpc.functions.softmax import softmax

__all__ = [
    "absolute",
    "argmax",
    "below_zero",
    "bit_products",
    "exp",
    "inner_products",
    "is_zero",
    "maximum",
    "maximum_along",
    "not_negative",
    "reciprocal",
    "relu",
    "relu_rescaled",
    "rsqrt",
    "sigmoid",
    "softmax",
    "tanh",
    "where",
]

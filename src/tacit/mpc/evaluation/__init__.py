"""Graphs on shares: any graph that the library can express, one file for each kind of layer."""

from tacit.mpc.evaluation import (
    add,
    argmax,
    average_pool,
    conv2d,
    flatten,
    linear,
    max_pool,
    normalise,
    relu,
    sigmoid,
    softmax,
    square,
    tanh,
    unflatten,
)
from tacit.mpc.evaluation.drift import drifts
from tacit.mpc.evaluation.graphs import evaluate
from tacit.mpc.evaluation.layer import SHARED, Drift, SharedLayer
from tacit.mpc.evaluation.skeleton import Skeleton, Step, weights_of

KINDS = (  # importing one registers it
    add,
    argmax,
    average_pool,
    conv2d,
    flatten,
    linear,
    max_pool,
    normalise,
    relu,
    sigmoid,
    softmax,
    square,
    tanh,
    unflatten,
)

__all__ = ["SHARED", "Drift", "SharedLayer", "Skeleton", "Step", "drifts", "evaluate", "weights_of"]

"""What to use in the place of an operator that a graph does not have."""

from __future__ import annotations

from tacit.errors import GraphError

# By a part of the operator's name in lower case; the first that fits.
_INSTEAD = {
    "logsoftmax": "Softmax, or leave the last layer's outputs as they are: the classes are the same",
    "hardtanh": "ReLU or Tanh",
    "relu6": "ReLU",
    "clip": "ReLU, and bounds on the input through low and high",
    "clamp": "ReLU, and bounds on the input through low and high",
    "elu": "ReLU (ELU, GELU, SELU, CELU and leaky ReLU are not in the graph)",
    "prelu": "ReLU",
    "silu": "ReLU or Sigmoid",
    "swish": "ReLU or Sigmoid",
    "mish": "ReLU",
    "softplus": "ReLU",
    "softsign": "Tanh",
    "logsigmoid": "Sigmoid",
    "layernorm": "BatchNorm, whose statistics are fixed after training",
    "groupnorm": "BatchNorm, whose statistics are fixed after training",
    "instancenorm": "BatchNorm, whose statistics are fixed after training",
    "layernormalization": "BatchNormalization, whose statistics are fixed after training",
    "normalizer": "a scaler whose statistics are fixed after training, such as StandardScaler",
    "conv1d": "Conv2d with a height of 1",
    "conv3d": "Conv2d",
    "convtranspose": "Conv2d",
    "pool1d": "the pooling of two dimensions with a height of 1",
    "pool3d": "the pooling of two dimensions",
    "tree": "a linear model or a small network: trees are not in the graph yet",
    "forest": "a linear model or a small network: trees are not in the graph yet",
    "boosting": "a linear model or a small network: trees are not in the graph yet",
    "lstm": "a network without recurrence",
    "gru": "a network without recurrence",
    "rnn": "a network without recurrence",
    "attention": "Linear layers",
    "embedding": "one-hot features and Linear",
    "exp": "Sigmoid or Softmax",
    "svc": "LinearSVC",
    "svr": "LinearSVR",
    "svm": "LinearSVC or LinearSVR",
    "parametrized": "the plain module: torch.nn.utils.parametrize.remove_parametrizations makes it one",
    "normalize": "BatchNorm, whose statistics are fixed after training",
    "searchcv": "its best_estimator_",
    "columntransformer": "the fitted model on numeric columns, encoded beforehand",
    "onehotencoder": "the fitted model on columns that are already encoded",
    "cat": "Add (a graph joins tensors only by adding them)",
}
_ELSE = "the layers that docs/graph.md lists"


def unsupported(where: str, operator: str, because: str = "") -> GraphError:
    """The error for an operator (or an option of one) that cannot be imported; says what to use instead."""
    if because:
        return GraphError(f"{where}: {operator} {because}")
    word = operator.lower().rpartition(".")[2].replace("_", "")
    instead = next((text for part, text in _INSTEAD.items() if part in word), _ELSE)
    return GraphError(f"{where}: {operator} is not supported; use {instead}")

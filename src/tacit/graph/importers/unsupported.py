"""What to use in the place of an operator that a graph does not have."""

from __future__ import annotations

import re

from tacit.errors import GraphError

_STATISTICS = "BatchNorm, whose statistics are fixed after training"
_RECURRENT = "a network without recurrence"
_PLAIN = "a linear model or a small network: trees, neighbours and kernels are not in the graph"
_BOUNDS = "ReLU, and bounds on the input through low and high"

# By the operator's name in lower case, without its module and underscores; the first pattern that fits it.
_INSTEAD = (
    (r"log_?softmax.*", "Softmax, or leave the last layer's outputs as they are: the classes are the same"),
    (r"logsigmoid", "Sigmoid"),
    (r"relu6|clip|clamp.*|hard(tanh|shrink).*|threshold.*", _BOUNDS),
    (r"hard(sigmoid|swish|max)", "Sigmoid, ReLU or Softmax"),
    (r"(c|s|g|leaky|p|r|thresholded|fast)?r?elu.*|mish|softplus", "ReLU"),
    (r"silu|swish|swiglu|glu", "ReLU or Sigmoid"),
    (r"softsign|erf", "Tanh"),
    (r"exp(m1)?|log.*", "Sigmoid or Softmax"),
    (r"(layer|group|instance|rms|local|lp|mean)(response|variance)?norm.*|lrn|normalize", _STATISTICS),
    (r"syncbatchnorm", "BatchNorm"),
    (r"normalizer|(quantile|power)transformer", "a scaler whose statistics are fixed after training: StandardScaler"),
    (r"convtranspose.*|conv(3d|integer)|deformconv", "Conv2d"),
    (r"conv1d", "Conv2d with a height of 1"),
    (r".*pool(1d|3d)|adaptivemaxpool.*|.*lppool.*|fractional.*", "MaxPool or AveragePool of two dimensions"),
    (r".*pad(1d|2d|3d)?", "the padding of the convolution or pooling itself"),
    (r".*(tree|forest|boosting|neighbors|naivebayes|nb|gaussianprocess).*", _PLAIN),
    (r"(nu)?svc|(nu)?svr|svm(classifier|regressor)", "LinearSVC or LinearSVR"),
    (r"(lstm|gru|rnn).*", _RECURRENT),
    (r".*(attention|transformer(encoder|decoder)).*", "Linear layers"),
    (r"embedding.*|onehot", "one-hot features and Linear"),
    (r"parametrized.*", "the plain module: torch.nn.utils.parametrize.remove_parametrizations makes it one"),
    (r".*scriptmodule", "the module that it was made from"),
    (r"optimizedmodule", "the module that it was compiled from, its _orig_mod"),
    (r"(distributed)?dataparallel|fullysharded.*", "the module inside, its .module"),
    (r"q?linear(conv|matmul|add)|(dynamic)?(de)?quantize.*|.*quantized.*", "the float model, before its quantisation"),
    (r"if|loop|scan|cond|whereloop|where", "a model without branches"),
    (r".*searchcv|thresholdclassifiercv", "its best_estimator_, or the estimator inside"),
    (r"columntransformer|featureunion", "the fitted model on numeric columns, encoded beforehand"),
    (r".*encoder|.*imputer", "the fitted model on columns that are already encoded and complete"),
    (r"cat|concat(enate)?|[hvd]?stack", "Add (a graph joins tensors only by adding them)"),
    (r"argmin", "ArgMax"),
)
_ELSE = "what docs/graph.md lists"


def unsupported(where: str, operator: str, because: str = "") -> GraphError:
    """The error for an operator (or an option of one) that cannot be imported; says what to use instead."""
    if because:
        return GraphError(f"{where}: {operator} {because}")
    module, _, word = operator.lower().rpartition(".")
    word = "quantized" if "quantized" in module else word.replace("_", "")
    instead = next((text for pattern, text in _INSTEAD if re.fullmatch(pattern, word)), _ELSE)
    return GraphError(f"{where}: {operator} is not supported; use {instead}")

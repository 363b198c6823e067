from __future__ import annotations

import pytest

from tacit.graph.importers.unsupported import unsupported


@pytest.mark.parametrize(
    ("operator", "instead"),
    [
        ("torch.nn.modules.activation.LogSoftmax", "Softmax, or leave the last layer's outputs as they are"),
        ("log_softmax", "Softmax, or leave"),
        ("LogSigmoid", "Sigmoid"),
        ("relu6", "ReLU, and bounds on the input"),
        ("Clip", "ReLU, and bounds on the input"),
        ("clamp_min", "ReLU, and bounds on the input"),
        ("HardSwish", "Sigmoid, ReLU or Softmax"),
        ("torch.nn.modules.activation.GELU", "ReLU"),
        ("leaky_relu_", "ReLU"),
        ("com.microsoft.Gelu", "ReLU"),
        ("SiLU", "ReLU or Sigmoid"),
        ("Erf", "Tanh"),
        ("Exp", "Sigmoid or Softmax"),
        ("LayerNormalization", "BatchNorm, whose"),
        ("InstanceNorm2d", "BatchNorm, whose"),
        ("SyncBatchNorm", "BatchNorm"),
        ("Normalizer", "a scaler"),
        ("ConvTranspose2d", "Conv2d"),
        ("Conv1d", "Conv2d with a height of 1"),
        ("AvgPool3d", "MaxPool or AveragePool"),
        ("AdaptiveMaxPool2d", "MaxPool or AveragePool"),
        ("ReplicationPad2d", "the padding of the convolution"),
        ("Pad", "the padding of the convolution"),
        ("TreeEnsembleClassifier", "a linear model or a small network"),
        ("HistGradientBoostingRegressor", "a linear model or a small network"),
        ("NuSVC", "LinearSVC or LinearSVR"),
        ("SVMRegressor", "LinearSVC or LinearSVR"),
        ("torch.nn.modules.rnn.LSTM", "a network without recurrence"),
        ("GRU", "a network without recurrence"),
        ("MultiheadAttention", "Linear layers"),
        ("Embedding", "one-hot features and Linear"),
        ("ParametrizedLinear", "the plain module"),
        ("RecursiveScriptModule", "the module that it was made from"),
        ("OptimizedModule", "the module that it was compiled from"),
        ("DistributedDataParallel", "the module inside"),
        ("QLinearConv", "the float model"),
        ("DequantizeLinear", "the float model"),
        ("torch.ao.nn.quantized.modules.linear.Linear", "the float model"),
        ("If", "a model without branches"),
        ("HalvingGridSearchCV", "its best_estimator_"),
        ("ColumnTransformer", "the fitted model on numeric columns"),
        ("OneHotEncoder", "the fitted model on columns"),
        ("SimpleImputer", "the fitted model on columns"),
        ("Concat", "Add"),
        ("argmin", "ArgMax"),
        ("expand", "what docs/graph.md lists"),
        ("Transpose", "what docs/graph.md lists"),
    ],
)
def test_what_to_use_instead_is_said(operator: str, instead: str) -> None:
    assert str(unsupported("node 'a'", operator)).startswith(f"node 'a': {operator} is not supported; use {instead}")


def test_a_reason_takes_the_place_of_the_advice() -> None:
    assert str(unsupported("node 'a'", "Gemm", "has transA=1")) == "node 'a': Gemm has transA=1"

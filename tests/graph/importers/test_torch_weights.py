from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tacit.errors import GraphError
from tacit.graph import Graph
from tacit.graph.importers.torch_weights import array

from .models import Forward, check_torch, from_torch, kinds


def rows(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (12, *shape)).astype(np.float32)


def trained(norm: Any, seed: int = 0) -> Any:
    """The same module with statistics and weights as after training."""
    torch.manual_seed(seed)
    with torch.no_grad():
        if norm.running_mean is not None:
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.2, 3)
        if norm.affine:
            norm.weight.normal_()
            norm.bias.normal_()
    return norm


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 2**32))
def test_linear_layers(inputs: int, outputs: int, bias: bool, seed: int) -> None:
    torch.manual_seed(seed)
    graph = check_torch(nn.Linear(inputs, outputs, bias=bias), rows(inputs, seed=seed))
    assert graph.output_shape == (outputs,)


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: F.linear(x, m.l.weight, m.l.bias),
        lambda m, x: F.linear(x, weight=m.l.weight),
        lambda m, x: x @ m.l.weight.T,
        lambda m, x: torch.matmul(x, m.w),
    ],
)
def test_linear_functions(function: Any) -> None:
    module = Forward(function, l=nn.Linear(4, 3), w=torch.randn(4, 2))
    assert kinds(check_torch(module, rows(4))) == ["linear"]


def test_a_subclass_of_a_layer_is_read_by_what_its_forward_does() -> None:
    class Twice(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * 2

    assert kinds(check_torch(Twice(4, 3), rows(4))) == ["linear"]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    ("norm", "shape"), [(nn.BatchNorm1d, (3,)), (nn.BatchNorm1d, (3, 5)), (nn.BatchNorm2d, (3, 4, 5))]
)
def test_batch_normalisation_has_its_running_statistics(norm: Any, shape: tuple[int, ...], affine: bool) -> None:
    module = trained(norm(3, eps=0.1, affine=affine)).train()
    before = module.running_mean.clone()
    assert kinds(check_torch(nn.Sequential(nn.ReLU(), module, nn.Tanh()), rows(*shape))) == [
        "relu",
        "normalise",
        "tanh",
    ]
    assert (module.running_mean == before).all()


def test_batch_normalisation_is_folded_into_what_is_beside_it() -> None:
    torch.manual_seed(0)
    linear = nn.Sequential(
        nn.Linear(4, 3), trained(nn.BatchNorm1d(3)), nn.ReLU(), trained(nn.BatchNorm1d(3)), nn.Linear(3, 2)
    )
    graph = check_torch(linear, rows(4))
    assert kinds(graph) == ["linear", "relu", "linear"]
    assert graph.import_report is not None
    assert graph.import_report.notes == ("1 folded into 0", "3 folded into 4")
    images = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, bias=False), trained(nn.BatchNorm2d(3)), nn.ReLU(inplace=True))
    assert kinds(check_torch(images, rows(2, 5, 5))) == ["conv2d", "relu"]


def test_batch_normalisation_as_a_function() -> None:
    norm = trained(nn.BatchNorm2d(3))
    whole = Forward(
        lambda m, x: F.batch_norm(x, m.n.running_mean, m.n.running_var, m.n.weight, m.n.bias, m.training), n=norm
    )
    bare = Forward(lambda m, x: F.batch_norm(x, m.n.running_mean, m.n.running_var, eps=0.5), n=norm)
    for module in (whole, bare):
        assert kinds(check_torch(module, rows(3, 4, 4))) == ["normalise"]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.BatchNorm1d(3, track_running_stats=False), "BatchNorm1d has no running statistics; train it with"),
        (
            Forward(lambda m, x: F.batch_norm(x, m.m, m.m, training=True), m=torch.ones(3)),
            "batch_norm has training=True",
        ),
        (Forward(lambda m, x: F.linear(x, m.m), m=torch.ones(3)), r"is not the rows|weight of shape \(3,\)"),
        (Forward(lambda m, x: F.linear(m.m, x), m=torch.ones(3)), "linear needs a constant tensor as its weight"),
        (Forward(lambda m, x: F.linear(x, m.m, x[:, :1]), m=torch.ones(1, 3)), "getitem is not supported"),
        (Forward(lambda m, x: x.view(-1, 1, 3) @ m.m, m=torch.ones(1, 3, 3)), "only flattening"),
        (
            Forward(lambda m, x: (x @ m.m).relu(), m=torch.ones(3)),
            r"matmul has a second factor of shape \(3,\); only a mat",
        ),
        (Forward(lambda m, x: F.linear(x, m.m), m=torch.ones(1, 1, 3)), "does not take rows"),
        (Forward(lambda m, x: F.bilinear(x, x, m.m), m=torch.ones(1, 3, 3)), "bilinear is not supported"),
    ],
)
def test_what_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_torch(nn.Sequential(module), rows(3))


def quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to give this up
        return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


def test_tensors_that_are_no_plain_real_numbers() -> None:
    assert array(torch.tensor([1, 2]), "here").tolist() == [1.0, 2.0]
    for tensor in (torch.tensor([1j]), torch.ones(2).to_sparse(), quantised()):
        with pytest.raises(GraphError, match="here: a tensor of .*, .*, is not of plain real numbers"):
            array(tensor, "here")


def test_linear_layers_on_rows_that_are_no_vectors_are_refused() -> None:
    with pytest.raises(GraphError, match=r"takes a tensor of shape \(3,\), not \(2, 3\); put a Flatten before it"):
        from_torch(nn.Sequential(nn.Linear(3, 2)), rows(2, 3))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["weight", "bias", "running_mean", "running_var"])
def test_weights_that_are_no_numbers_are_refused_with_their_layer(part: str, value: float) -> None:
    norm = trained(nn.BatchNorm1d(3))
    with torch.no_grad():
        getattr(norm, part)[1] = value
    if (part, value) == ("running_var", float("inf")):
        assert Graph.from_torch(nn.Sequential(norm), -1, 1, input_shape=(3,)) is not None  # 1 / sqrt(inf) is 0
        return
    with (
        warnings.catch_warnings(),
        pytest.raises(GraphError, match="layer '0' .* the value at 1 is not a finite number"),
    ):
        warnings.simplefilter("error")
        Graph.from_torch(nn.Sequential(norm), -1, 1, input_shape=(3,))


def test_a_negative_variance_is_refused_without_a_warning() -> None:
    norm = trained(nn.BatchNorm1d(3))
    norm.running_var.fill_(-1)
    with warnings.catch_warnings(), pytest.raises(GraphError, match="not a finite number"):
        warnings.simplefilter("error")
        Graph.from_torch(nn.Sequential(norm), -1, 1, input_shape=(3,))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_types_of_weights_are_read_exactly(dtype: torch.dtype) -> None:
    """The graph is as near to the weights as to those of float32; the report is by the module, which rounds more."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).to(dtype)
    x = rows(4).astype(np.float64)
    graph = from_torch(module, x)
    with torch.no_grad():
        exact = module.double()(torch.from_numpy(x)).numpy()
    assert np.abs(graph.predict(x) - exact).max() < 1e-4
    assert graph.import_report is not None
    assert (
        graph.import_report.largest_difference < {torch.float64: 1e-4, torch.float16: 1e-2, torch.bfloat16: 1e-1}[dtype]
    )


@pytest.mark.parametrize(
    "constant", [torch.tensor([1j, 1, 1]), torch.tensor([1.0, 0, 0]).to_sparse()], ids=["complex", "sparse"]
)
def test_constants_that_are_no_plain_real_numbers_are_refused(constant: torch.Tensor) -> None:
    with pytest.raises(
        GraphError, match="constant 'c': a tensor of .* is not of plain real numbers|does not take rows"
    ):
        from_torch(Forward(lambda m, x: m.c * x, c=constant), rows(3))

from __future__ import annotations

from collections.abc import Callable
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

from .models import Forward, check_torch, from_torch, kinds

SIZES = st.integers(1, 7)


def vectors(size: int, seed: int = 0, rows: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2, 2, (rows, size)).astype(np.float32)


# Functions of a vector h, of a module with a vector c, a number k and a square matrix W.
FORMS: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    "torch.relu": lambda m, h: torch.relu(h),
    "torch.relu_": lambda m, h: torch.relu_(m.l(h)),
    "F.relu": lambda m, h: F.relu(h),
    "F.relu in place": lambda m, h: F.relu(m.l(h), inplace=True),
    "F.relu by names": lambda m, h: F.relu(inplace=True, input=m.l(h)),
    "x.relu": lambda m, h: h.relu(),
    "x.relu_": lambda m, h: m.l(h).relu_(),
    "torch.sigmoid": lambda m, h: torch.sigmoid(h),
    "F.sigmoid": lambda m, h: F.sigmoid(h),
    "x.sigmoid": lambda m, h: h.sigmoid(),
    "x.sigmoid_": lambda m, h: m.l(h).sigmoid_(),
    "torch.tanh": lambda m, h: torch.tanh(h),
    "F.tanh": lambda m, h: F.tanh(h),
    "x.tanh": lambda m, h: h.tanh(),
    "x.tanh_": lambda m, h: m.l(h).tanh_(),
    "torch.square": lambda m, h: torch.square(h),
    "x.square": lambda m, h: h.square(),
    "torch.pow": lambda m, h: torch.pow(h, 2),
    "x ** 2": lambda m, h: h**2.0,
    "x.pow": lambda m, h: h.pow(exponent=2),
    "x * x": lambda m, h: h * h,
    "torch.softmax": lambda m, h: torch.softmax(h, 1),
    "F.softmax": lambda m, h: F.softmax(h, dim=-1),
    "x.softmax": lambda m, h: h.softmax(dim=1),
    "torch.flatten": lambda m, h: torch.flatten(h, 1),
    "x.flatten": lambda m, h: h.flatten(start_dim=1),
    "x + c": lambda m, h: h + m.c,
    "c + x": lambda m, h: m.c + h,
    "x + 1": lambda m, h: h + 1,
    "1 + x": lambda m, h: 1 + h,
    "x + x": lambda m, h: h + h,
    "residual": lambda m, h: h + torch.relu(m.l(h)),
    "torch.add": lambda m, h: torch.add(h, m.c),
    "x.add": lambda m, h: h.add(other=m.c),
    "x.add_": lambda m, h: m.l(h).add_(h),
    "x - c": lambda m, h: h - m.c,
    "c - x": lambda m, h: m.c - h,
    "1 - x": lambda m, h: 1 - h,
    "torch.sub": lambda m, h: torch.sub(h, m.c),
    "x.sub_": lambda m, h: m.l(h).sub_(m.c),
    "x * c": lambda m, h: h * m.c,
    "2 * x": lambda m, h: 2 * h,
    "torch.mul": lambda m, h: torch.mul(m.c, h),
    "x.mul_": lambda m, h: m.l(h).mul_(m.c),
    "x / c": lambda m, h: h / m.c,
    "x / 3": lambda m, h: h / 3,
    "torch.div": lambda m, h: torch.div(h, m.c),
    "x.div_": lambda m, h: m.l(h).div_(2),
    "number in a tensor": lambda m, h: h * m.k,
    "row of its own": lambda m, h: h * m.c.unsqueeze(0),
    "-x": lambda m, h: -h,
    "torch.neg": lambda m, h: torch.neg(h),
    "x.neg": lambda m, h: h.neg(),
    "x.view": lambda m, h: h.view(h.size(0), -1),
    "x.view of a shape": lambda m, h: h.view(h.shape),
    "x.reshape": lambda m, h: h.reshape(-1, h.shape[1]),
    "torch.reshape": lambda m, h: torch.reshape(shape=(-1, h.shape[1]), input=h),
    "x.contiguous": lambda m, h: h.contiguous(),
    "x.detach": lambda m, h: h.detach(),
    "x.float": lambda m, h: h.float(),
    "F.dropout": lambda m, h: F.dropout(h, 0.5, m.training),
    "F.dropout1d": lambda m, h: F.dropout1d(h, p=0.9, training=False),
    "x @ W": lambda m, h: h @ m.W,
    "torch.matmul": lambda m, h: torch.matmul(h, m.W),
    "x.matmul": lambda m, h: h.matmul(m.W),
    "numbers from shapes": lambda m, h: h * h.shape[1] + h.dim() - h.size(1),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=5, deadline=None)
@given(size=SIZES, seed=st.integers(0, 2**32))
def test_functions_methods_and_operators(form: str, size: int, seed: int) -> None:
    torch.manual_seed(seed)
    parts = {
        "first": nn.Linear(size, size),
        "l": nn.Linear(size, size),
        "c": torch.rand(size) + 0.5,
        "k": torch.tensor(1.5),
        "W": nn.Parameter(torch.randn(size, size)),
    }
    check_torch(Forward(lambda m, x: FORMS[form](m, m.first(x)), **parts), vectors(size, seed))


def test_operators_that_assign() -> None:
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        h = m.l(x)
        h += x
        h -= 1
        h *= m.c
        h /= 4
        return h

    check_torch(Forward(forward, l=nn.Linear(3, 3), c=torch.rand(3)), vectors(3))


@pytest.mark.parametrize(
    "module", [nn.ReLU(), nn.ReLU(inplace=True), nn.Sigmoid(), nn.Tanh(), nn.Softmax(1), nn.Softmax(-1)], ids=str
)
@settings(max_examples=5, deadline=None)
@given(size=SIZES, seed=st.integers(0, 2**32))
def test_activations_as_modules(module: nn.Module, size: int, seed: int) -> None:
    torch.manual_seed(seed)
    check_torch(nn.Sequential(nn.Linear(size, size + 2), module), vectors(size, seed))


@pytest.mark.parametrize(
    ("module", "shape"),
    [(nn.Dropout(0.9), (3,)), (nn.Dropout1d(0.9), (3, 4)), (nn.Dropout2d(0.9), (2, 3, 4)), (nn.Identity(), (3,))],
    ids=lambda value: type(value).__name__,
)
def test_what_does_nothing_after_training_is_left_out_and_noted(module: nn.Module, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (9, *shape)).astype(np.float32)
    graph = check_torch(nn.Sequential(nn.ReLU(), module.train(), nn.Tanh()), x)
    assert kinds(graph) == ["relu", "tanh"]
    report = graph.import_report
    assert report is not None
    why = "it changes nothing" if isinstance(module, nn.Identity) else "it does nothing after training"
    assert report.notes == (f"1 ({type(module).__module__}.{type(module).__name__}) left out: {why}",)


@pytest.mark.parametrize(
    "flat",
    [
        nn.Flatten(),
        nn.Flatten(-3),
        nn.Flatten(1, 3),
        Forward(lambda m, x: torch.flatten(x, 1)),
        Forward(lambda m, x: x.view(x.size(0), -1)),
        Forward(lambda m, x: x.reshape(x.dim() - 5, 18)),
        Forward(lambda m, x: x.view(-1, x.shape[1] * x.shape[2] * x.shape[3])),
        Forward(lambda m, x: x.flatten(1, -1)),
    ],
)
def test_flattening(flat: nn.Module) -> None:
    x = np.random.default_rng(1).uniform(-1, 1, (9, 2, 3, 3)).astype(np.float32)
    assert kinds(check_torch(nn.Sequential(nn.ReLU(), flat, nn.Linear(18, 2)), x)) == ["relu", "flatten", "linear"]


@pytest.mark.parametrize(
    "image",
    [
        nn.Unflatten(1, (2, 3, 4)),
        nn.Unflatten(-1, (2, -1, 4)),
        Forward(lambda m, x: torch.unflatten(x, 1, (2, 3, 4))),
        Forward(lambda m, x: x.unflatten(dim=1, sizes=(2, 3, 4))),
        Forward(lambda m, x: x.view(-1, 2, 3, 4)),
        Forward(lambda m, x: x.view(x.size(0), 2, 3, 4)),
        Forward(lambda m, x: x.reshape(x.shape[0], 2, -1, 4)),
        Forward(lambda m, x: torch.reshape(x, (-1, 2, 3, 4))),
    ],
)
def test_flat_rows_become_images(image: nn.Module) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.ReLU(), image, nn.Conv2d(2, 2, 2))
    assert kinds(check_torch(module, vectors(24))) == ["relu", "unflatten", "conv2d"]


def test_an_unflatten_that_changes_nothing_is_left_out() -> None:
    graph = check_torch(nn.Sequential(nn.ReLU(), nn.Unflatten(1, (4,))), vectors(4))
    assert kinds(graph) == ["relu"]


@pytest.mark.parametrize("keepdim", [False, True])
def test_the_class_of_the_greatest_output(keepdim: bool) -> None:
    x = vectors(3)
    graph = from_torch(Forward(lambda m, x: m.l(x).argmax(1, keepdim=keepdim), l=nn.Linear(3, 4)), x)
    assert kinds(graph) == ["linear", "argmax"]
    assert graph.import_report is not None
    assert graph.import_report.changed_classes == 0


LINEAR = {"l": nn.Linear(4, 4)}


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda m, x: torch.add(m.l(x), x, alpha=2), "function 'add': add has alpha=2; only alpha=1 is supported"),
        (lambda m, x: torch.div(m.l(x), 2, rounding_mode="floor"), "div has arguments that are not supported"),
        (lambda m, x: m.l(x) * x, "mul of two different tensors is not supported; only the square"),
        (lambda m, x: m.l(x) - x, "sub of two tensors that both depend on the input is not supported; use Add"),
        (lambda m, x: 2 / x, "needs a tensor made from the input, and a number"),
        (lambda m, x: x**3, "pow has exponent=3; only exponent=2 is supported"),
        (lambda m, x: torch.pow(x, torch.tensor([2.0, 2, 2, 2])), "pow has exponent=a tensor; only exponent=2"),
        (lambda m, x: torch.pow(2, x), "pow has exponent=a tensor; only exponent=2"),
        (lambda m, x: x * x.size(0), "needs a tensor made from the input, and a number"),
        (lambda m, x: x * (x.size(0) > 2), "needs a tensor made from the input, and a number"),
        (lambda m, x: x * min(x.size(0) // 100, 1), "may not branch on values"),
        (lambda m, x: torch.softmax(x, 1, torch.float64), "softmax has dtype=torch.float64; only dtype=None"),
        (lambda m, x: F.softmax(x, 1, dtype=torch.float64), "softmax has dtype=torch.float64; only dtype=None"),
        (lambda m, x: torch.softmax(x, 0), r"softmax over dim=0 of rows of shape \(4,\); only over dim=1 of a vector"),
        (lambda m, x: torch.argmax(x), r"argmax gives \(\): its first axis is not the rows"),
        (lambda m, x: torch.relu(torch.softmax(x, 1)), "belongs at the output"),
        (lambda m, x: torch.relu(x.argmax(1, keepdim=True)), "belongs at the output"),
        (lambda m, x: torch.flatten(x), r"flatten gives \(12,\): its first axis is not the rows"),
        (lambda m, x: x.view(-1, 2), r"view gives \(6, 2\): its first axis is not the rows"),
        (lambda m, x: x.view(x.size(0), 2, 2), r"view from \(4,\) to \(2, 2\) for each row; only flattening"),
        (lambda m, x: x.view(-1, 1, 1, 2, 2), r"to \(1, 1, 2, 2\) for each row; .*a flat row to \(channels"),
        (lambda m, x: x.view(-1, 1, 1, 2), r"view gives \(6, 1, 1, 2\): its first axis is not the rows"),
        (lambda m, x: x.view(-1, 1, 1, 3), "does not take rows"),
        (lambda m, x: F.avg_pool2d(x.view(-1, 4), 1), "does not take rows|put an Unflatten before it"),
        (lambda m, x: x.view(-1, 1, 2, 2).view(-1, 2, 2, 1), r"from \(1, 2, 2\) to \(2, 2, 1\) for each row"),
        (lambda m, x: x.view(torch.int32), "view as another type is not supported"),
        (
            lambda m, x: m.c.view(x.dim() - 1, -1) + x,
            r"view gives \(1, 4\): its first axis is not the rows",
        ),
        (lambda m, x: m.l(x).view(dtype=torch.int32), "view has arguments that are not supported; supported are input"),
        (lambda m, x: F.dropout(x), "dropout has training=True; only training=False is supported"),
        (lambda m, x: x @ x.view(4, -1), r"view gives \(4, 3\): its first axis is not the rows"),
        (lambda m, x: m.c @ m.l(x), "does not take rows"),
        (lambda m, x: x + torch.ones(3, 4), "does not take rows"),
        (lambda m, x: x + torch.ones(1, 1, 4), r"gives \(1, 3, 4\): its first axis is not the rows"),
        (lambda m, x: x.double(), "double is not supported"),
        (lambda m, x: x.clamp(min=0), "clamp is not supported; use ReLU, and bounds on the input"),
        (lambda m, x: F.gelu(x), "gelu is not supported; use ReLU"),
        (lambda m, x: F.leaky_relu(x), "leaky_relu is not supported; use ReLU"),
        (lambda m, x: F.layer_norm(x, (4,)), "layer_norm is not supported; use BatchNorm"),
        (lambda m, x: torch.cat([x, x], 1), r"cat is not supported; use Add \(a graph joins tensors"),
        (lambda m, x: torch.where(x > 0, x, -x), "not supported"),
        (lambda m, x: x[:, :2], "getitem is not supported"),
        (lambda m, x: x.t().t(), "t is not supported"),
        (lambda m, x: x.T, "getattr is not supported"),
        (lambda m, x: x.unsqueeze(1), "unsqueeze is not supported"),
        (lambda m, x: x.chunk(2, 1)[0], "chunk is not supported"),
        (lambda m, x: x.sum(1), "sum is not supported"),
        (lambda m, x: x * torch.equal(m.l(x), x), "equal is not supported"),
        (lambda m, x: x * x.tolist(), "function 'mul': only integer tensors"),
        (lambda m, x: x.exp(), "exp is not supported; use Sigmoid or Softmax"),
    ],
)
def test_functions_that_are_refused_by_name(forward: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_torch(Forward(forward, c=torch.ones(4), **LINEAR), vectors(4))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Flatten(0), r"Flatten gives \(72,\): its first axis is not the rows"),
        (nn.Flatten(2), "has start_dim=2, end_dim=-1; only start_dim=1, end_dim=-1 is supported"),
        (nn.Flatten(1, 2), "has start_dim=1, end_dim=2; only"),
        (nn.Unflatten(1, (2, 1)), r"Unflatten from \(2, 3, 4\) to \(2, 1, 3, 4\) for each row; only flattening"),
        (nn.Unflatten(1, (2, 2)), "does not take rows"),
        (nn.Softmax(1), r"Softmax over dim=1 of rows of shape \(2, 3, 4\)"),
        (nn.LogSoftmax(1), "module '0': torch.nn.modules.activation.LogSoftmax is not supported; use Softmax"),
        (nn.ReLU6(), "ReLU6 is not supported; use ReLU, and bounds"),
        (nn.LeakyReLU(), "LeakyReLU is not supported; use ReLU"),
        (nn.Hardtanh(), "Hardtanh is not supported; use ReLU, and bounds"),
        (nn.Softmax2d(), "Softmax2d is not supported"),
        (nn.Conv1d(2, 2, 1), "does not take rows"),
        (nn.GroupNorm(1, 2), "GroupNorm is not supported; use BatchNorm"),
        (nn.LayerNorm(4), "LayerNorm is not supported; use BatchNorm"),
        (nn.InstanceNorm2d(2), "InstanceNorm2d is not supported; use BatchNorm"),
        (nn.ConvTranspose2d(2, 2, 1), "ConvTranspose2d is not supported; use Conv2d"),
        (nn.ZeroPad2d(1), "ZeroPad2d is not supported; use the padding"),
        (nn.AdaptiveMaxPool2d(1), "AdaptiveMaxPool2d is not supported; use MaxPool"),
        (nn.AlphaDropout(), "AlphaDropout is not supported"),
        (nn.PixelShuffle(1), "PixelShuffle is not supported"),
        (nn.Upsample(scale_factor=1), "Upsample is not supported"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_modules_that_are_refused_by_name(module: nn.Module, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Graph.from_torch(module, -1, 1, input_shape=(2, 3, 4))


def test_a_recurrent_network_is_refused_by_name() -> None:
    for module in (nn.LSTM(4, 4), nn.GRU(4, 4)):
        with pytest.raises(GraphError, match=f"{type(module).__name__} is not supported; use a network without"):
            Graph.from_torch(module, -1, 1, input_shape=(2, 4))

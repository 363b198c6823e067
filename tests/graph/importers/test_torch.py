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

from .models import Forward, check_torch, from_torch, kinds


def rows(*shape: int, seed: int = 0, count: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype(np.float32)


class Block(nn.Module):
    """A residual block, as in ResNet."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        h += x
        return self.relu(h)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.blocks = nn.Sequential(Block(4), Block(4))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.pool(self.blocks(self.stem(x)))
        return self.fc(self.drop(torch.flatten(h, 1)))


def test_a_residual_network_with_the_relu_of_each_block_used_twice() -> None:
    torch.manual_seed(0)
    module = ResNet().train()
    module(torch.rand(50, 1, 12, 12))  # statistics other than those of a new network
    graph = check_torch(module.train(), rows(1, 12, 12))
    assert kinds(graph).count("conv2d") == 5
    assert kinds(graph).count("add") == 2
    assert "normalise" not in kinds(graph)
    assert [layer.name for layer in graph.layers if layer.kind == "relu"] == [
        "stem.2",
        "blocks.0.relu",
        "blocks.0.relu_2",
        "blocks.1.relu",
        "blocks.1.relu_2",
    ]
    report = graph.import_report
    assert report is not None
    assert report.source == "torch ResNet"
    assert "drop (torch.nn.modules.dropout.Dropout) left out: it does nothing after training" in report.notes


class FlatLeNet(nn.Module):
    """LeNet on flat rows, in the units of the data; `by_module`: with nn.Unflatten, else with a view."""

    def __init__(self, pool: nn.Module, by_module: bool) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(784))
        self.register_buffer("deviation", torch.rand(784) + 0.5)
        self.image = nn.Unflatten(1, (1, 28, 28)) if by_module else None
        self.body = nn.Sequential(
            nn.Conv2d(1, 3, 5, padding=2), nn.ReLU(), pool, nn.Conv2d(3, 4, 5), nn.ReLU(), pool, nn.Flatten()
        )
        self.head = nn.Sequential(nn.Linear(100, 12), nn.ReLU(), nn.Linear(12, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = (x - self.mean) / self.deviation
        h = h.view(-1, 1, 28, 28) if self.image is None else self.image(h)
        return self.head(self.body(h)).softmax(1)


@pytest.mark.parametrize("by_module", [True, False])
@pytest.mark.parametrize("pool", [nn.AvgPool2d(2), nn.MaxPool2d(2)], ids=["average", "max"])
def test_a_convolutional_network_on_flat_rows(pool: nn.Module, by_module: bool) -> None:
    torch.manual_seed(0)
    graph = check_torch(FlatLeNet(pool, by_module), rows(784))
    kind = "average_pool" if isinstance(pool, nn.AvgPool2d) else "max_pool"
    convolution = ["conv2d", "relu", kind]
    head = ["flatten", "linear", "relu", "linear", "softmax"]
    assert kinds(graph) == ["unflatten", "normalise", *convolution, *convolution, *head]
    assert graph.shapes[graph.layers[0].name] == (1, 28, 28)
    assert Graph.from_bytes(graph.to_bytes()).digest == graph.digest


def test_a_scale_of_all_pixels_goes_into_the_first_convolution() -> None:
    module = nn.Sequential(nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3))
    graph = check_torch(Forward(lambda m, x: m.net((x - 0.1307) / 0.3081), net=module), rows(16))
    assert kinds(graph) == ["unflatten", "conv2d"]


LAYERS = {
    "linear": lambda n: nn.Linear(n, n),
    "norm": lambda n: nn.BatchNorm1d(n),
    "relu": lambda n: nn.ReLU(),
    "sigmoid": lambda n: nn.Sigmoid(),
    "tanh": lambda n: nn.Tanh(),
    "dropout": lambda n: nn.Dropout(),
}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6), st.integers(1, 6), st.integers(0, 2**32))
def test_networks_of_any_layers(names: list[str], size: int, seed: int) -> None:
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(size, size), *(LAYERS[name](size) for name in names)).train()
    module(torch.randn(40, size))
    check_torch(module, rows(size, seed=seed))


def test_modules_in_modules_and_weights_that_are_shared() -> None:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    graph = check_torch(nn.Sequential(inner, nn.Sequential(inner, inner), nn.Linear(4, 2)), rows(4))
    assert [layer.name for layer in graph.layers] == ["0.0", "0.1", "0.0_2", "0.1_2", "0.0_3", "0.1_3", "2"]
    tied = Forward(lambda m, x: F.linear(torch.relu(m.l(x)), m.l.weight.t(), m.b), l=nn.Linear(4, 3), b=torch.ones(4))
    assert kinds(check_torch(tied, rows(4))) == ["linear", "relu", "linear"]


def test_a_single_layer_is_a_module() -> None:
    assert kinds(check_torch(nn.Linear(3, 2), rows(3))) == ["linear"]
    assert kinds(check_torch(nn.Tanh(), rows(3))) == ["tanh"]


def test_parts_that_the_output_does_not_need_are_noted() -> None:
    module = Forward(lambda m, x: (m.a(x), m.b(x))[1], a=nn.Linear(3, 2), b=nn.Linear(3, 2))
    report = check_torch(module, rows(3)).import_report
    assert report is not None
    assert report.notes == ("not needed for the output, left out: a",)


def test_the_modes_of_all_parts_are_as_before() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    module[1].eval()
    from_torch(module, rows(3))
    assert [part.training for part in module.modules()] == [True, True, False, True]
    with pytest.raises(GraphError):
        from_torch(module, rows(4))
    assert [part.training for part in module.modules()] == [True, True, False, True]


def test_the_report_counts_rows_whose_class_changed() -> None:
    """With 8 bits a weight of 2**-9 becomes 2**-8, the other one: the first class wins where it did not."""
    module = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[2.0**-9, 0], [0, 2.0**-8]]))
    x = np.array([[1.0, 0.75], [0.5, 1.0], [1.0, 0.25]])
    graph = Graph.from_torch(module, 0, 1, sample=x, fraction_bits=8)
    expected = x @ module.weight.detach().numpy().T
    changed = np.count_nonzero(graph.classify(x) != expected.argmax(axis=1))
    report = graph.import_report
    assert report is not None
    assert report.changed_classes == changed == 2
    assert report.largest_difference == np.abs(graph.predict(x) - expected).max() > 2.0**-9


@pytest.mark.parametrize(("module", "counted"), [(nn.Sigmoid(), True), (nn.Tanh(), False)])
def test_one_output_is_a_class_only_after_a_sigmoid(module: nn.Module, counted: bool) -> None:
    report = from_torch(nn.Sequential(nn.Linear(3, 1), module), rows(3)).import_report
    assert report is not None
    assert (report.changed_classes is not None) == counted


def test_a_sample_is_drawn_in_the_range_where_none_is_given() -> None:
    graph = Graph.from_torch(nn.Linear(3, 2), [-1, 0, 5], [1, 2, 5])
    report = graph.import_report
    assert report is not None
    assert (report.rows, report.drawn) == (1000, True)


def test_the_input_may_take_its_shape_from_the_bounds_or_the_first_layer() -> None:
    assert Graph.from_torch(nn.Linear(3, 2), -1, 1).input_shape == (3,)
    assert Graph.from_torch(nn.ReLU(), np.zeros((2, 3, 3)), 1).input_shape == (2, 3, 3)
    with pytest.raises(GraphError, match="the shape of the input is unknown: give input_shape"):
        Graph.from_torch(nn.Conv2d(1, 1, 1), 0, 1)


def test_options_of_the_graph_are_passed_on() -> None:
    graph = from_torch(nn.Linear(3, 2), rows(3), fraction_bits=12, weight_bits=10)
    assert graph.fraction_bits == 12
    assert graph.layers[0].weight_bits == 10  # type: ignore[attr-defined]


def stays_in_training() -> nn.Module:
    class MonteCarlo(nn.Dropout):
        def train(self, mode: bool = True) -> Any:
            return super().train(True)

    return nn.Sequential(nn.Linear(3, 3), MonteCarlo(0.5))


def other_forward() -> nn.Module:
    linear = nn.Linear(3, 3)
    linear.forward = lambda x: x * 0  # type: ignore[method-assign]
    return nn.Sequential(linear)


def hooked(before: bool) -> nn.Module:
    module = nn.Sequential(nn.Linear(3, 3))
    if before:
        module[0].register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    else:
        module[0].register_forward_hook(lambda m, args, y: y * 2)
    return module


def normed() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(nn.utils.weight_norm(nn.Linear(3, 3)))


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(3, 3)), {nn.Linear})


def pruned() -> nn.Module:
    from torch.nn.utils import prune

    return nn.Sequential(prune.l1_unstructured(nn.Linear(3, 3), "weight", 0.5))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "int is not a torch.nn.Module"),
        (lambda: hooked(True), "module '0' has forward hooks: remove them first"),
        (lambda: hooked(False), "module '0' has forward hooks"),
        (normed, "module '0' has forward hooks: remove them first .torch.nn.utils.remove_weight_norm"),
        (pruned, "module '0' has forward hooks"),
        (
            lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))),
            "ParametrizedLinear is not supported; use the plain module: torch.nn.utils.parametrize.remove_param",
        ),
        (other_forward, "module '0' has a forward of its own in place of its class's: make it a class"),
        (stays_in_training, "module '1' stays in training mode after eval"),
        (lambda: nn.LazyLinear(3), "module 'LazyLinear' has no weights yet: run it once on data"),
        (lambda: nn.Sequential(nn.Linear(3, 3, device="meta")), "module '0' is on the meta device"),
        (quantised, "module '0': torch.ao.nn.quantized.dynamic.*Linear is not supported; use the float model, before"),
        (lambda: torch.jit.script(nn.Linear(3, 3)), "RecursiveScriptModule is not supported; use the module that it"),
        pytest.param(
            lambda: torch.compile(nn.Linear(3, 3)),
            "OptimizedModule is not supported; use the module that it was compiled from",
            marks=pytest.mark.slow,
        ),
        (lambda: nn.DataParallel(nn.Linear(3, 3)), "DataParallel is not supported; use the module inside, its .module"),
        (lambda: nn.ModuleList([nn.Linear(3, 3)]), "ModuleList does not take rows"),
        (lambda: nn.SyncBatchNorm(3), "SyncBatchNorm is not supported; use BatchNorm|does not take rows"),
    ],
)
def test_modules_that_are_refused(make: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Graph.from_torch(make(), -1, 1, input_shape=(3,))


def test_global_hooks_are_refused() -> None:
    hook = nn.modules.module.register_module_forward_hook(lambda m, args, y: y)
    try:
        with pytest.raises(GraphError, match="torch has global forward hooks: remove them first"):
            from_torch(nn.Linear(3, 2), rows(3))
    finally:
        hook.remove()


def test_backward_hooks_do_not_matter() -> None:
    module = nn.Linear(3, 2)
    module.register_full_backward_hook(lambda m, before, after: None)
    assert kinds(check_torch(module, rows(3))) == ["linear"]


def test_a_module_that_fails_on_some_rows_is_refused() -> None:
    """It takes the three and the five rows of a trace, but not the twelve of the sample."""

    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        torch._assert(x.size(0) < 6, "too many rows")
        return torch.relu(x)

    with pytest.raises(GraphError, match="Forward cannot be run on the sample: too many rows"):
        from_torch(Forward(forward), rows(3))


def test_a_sample_outside_the_range_is_refused() -> None:
    with pytest.raises(GraphError, match="row 1, index 2: 3.0 is outside"):
        Graph.from_torch(nn.Linear(3, 2), -1, 1, sample=[[0, 0, 0], [0, 0, 3.0]])


def test_an_empty_sample_is_compared_with_nothing() -> None:
    report = Graph.from_torch(nn.Linear(3, 2), -1, 1, sample=np.empty((0, 3))).import_report
    assert report is not None
    assert (report.rows, report.largest_difference) == (0, 0.0)

"""Models: the same numbers to start from everywhere, and losses as they are defined."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tacit.federated.models import (
    capped,
    get_parameters,
    initial_parameters,
    losses,
    make_module,
    set_parameters,
    targets,
    weight_mask,
)
from tacit.federated.plan import parameter_count
from tacit.federated.row_linear import RowLinear
from tacit.study import Convolution, Model

from .agreements import make_agreement
from .own_code import torch_model, write_package

CNN = Model("cnn", (4,), image=(2, 4, 3), convolutions=(Convolution(3, 2, 1, 2), Convolution(5, 1, pooling="max")))
SHAPES = [("binary", ()), ("regression", ()), ("multiclass", ()), ("binary", (5,)), ("multiclass", (4, 2))]


@pytest.mark.parametrize(("task", "hidden"), SHAPES)
def test_module_mask_and_parameters_have_one_order(task: str, hidden: tuple) -> None:
    agreement = make_agreement(task, hidden=hidden)
    module, mask = make_module(agreement), weight_mask(agreement)
    set_parameters(module, mask)
    for layer in module:
        if isinstance(layer, nn.Linear):
            assert layer.weight.dtype == torch.float64
            assert (layer.weight == 1).all()
            assert (layer.bias == 0).all()
    assert len(mask) == parameter_count(agreement) == len(get_parameters(module))


def test_parameters_that_are_written_are_read_again() -> None:
    module = make_module(make_agreement(hidden=(5,)))
    parameters = np.linspace(-1, 1, 26)
    set_parameters(module, parameters)
    assert (get_parameters(module) == parameters).all()
    module[0].weight.data += 1
    assert (parameters == np.linspace(-1, 1, 26)).all()


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_convex_models_start_at_zero(task: str) -> None:
    assert not initial_parameters(make_agreement(task)).any()


def test_networks_start_from_a_stream_that_never_changes() -> None:
    """All parties must start from these very numbers, whatever their versions of torch and numpy."""
    start = initial_parameters(make_agreement(hidden=(2,), features=2, model_seed=7))
    frozen = [-1.46771114, 0.96966714, -0.21335668, 0.77410608, 0, 0, 1.65580424, 0.13335361, 0]
    assert start == pytest.approx(frozen, abs=1e-8)


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**63 - 1])
def test_networks_start_within_the_bound_of_he(seed: int) -> None:
    """He et al. 2015: uniform of variance 2 / inputs; biases are zero."""
    start = initial_parameters(make_agreement(hidden=(50,), model_seed=seed))
    weights, biases = start[:150], start[150:200]
    assert np.abs(weights).max() <= math.sqrt(6 / 3)
    assert weights.var() == pytest.approx(2 / 3, rel=0.3)
    assert not biases.any()


def test_networks_start_as_the_seed_says() -> None:
    starts = [initial_parameters(make_agreement(hidden=(5,), model_seed=seed)) for seed in (1, 1, 2)]
    assert (starts[0] == starts[1]).all()
    assert (starts[0] != starts[2]).any()


def test_outputs_are_those_of_the_formula() -> None:
    agreement = make_agreement("multiclass", hidden=(4,))
    parameters = np.random.default_rng(1).standard_normal(parameter_count(agreement))
    module = make_module(agreement)
    set_parameters(module, parameters)
    rows = np.random.default_rng(2).standard_normal((6, 3))
    middle = np.maximum(rows @ parameters[:12].reshape(4, 3).T + parameters[12:16], 0)
    expected = middle @ parameters[16:28].reshape(3, 4).T + parameters[28:]
    assert module(torch.from_numpy(rows)).detach().numpy() == pytest.approx(expected)


def test_labels_become_what_the_losses_want() -> None:
    assert targets(make_agreement("binary"), np.array([0, 1])).tolist() == [0.0, 1.0]
    classes = targets(make_agreement("multiclass"), np.array([2, 0]))
    assert (classes.tolist(), classes.dtype) == ([2, 0], np.int64)
    numbers = targets(make_agreement("regression"), np.array([-5.0, 20.0, 7.5]))
    assert numbers.tolist() == [-1.0, 1.0, 0.0]


@pytest.mark.parametrize("label", [0, 1])
def test_the_binary_loss_is_the_logarithm_of_the_odds(label: int) -> None:
    outputs = np.array([[0.7], [-3.0], [900.0]])
    sign = 2 * label - 1
    expected = [math.log1p(math.exp(-sign * 0.7)), math.log1p(math.exp(sign * 3.0)), 0.0 if label else 900.0]
    loss, slope = losses(make_agreement("binary"), outputs, np.full(3, float(label)))
    assert loss.tolist() == pytest.approx(expected)
    assert slope[2, 0] == 1 - label


def test_the_loss_of_classes_is_cross_entropy() -> None:
    outputs = np.array([[0.1, 2.0, -1.0], [3.0, 0.0, 0.5], [900.0, -900.0, 0.0]])
    expected = [math.log(np.exp(row).sum()) - row[label] for row, label in zip(outputs[:2], (2, 0), strict=True)]
    loss, slope = losses(make_agreement("multiclass"), outputs, np.array([2, 0, 1]))
    assert loss.tolist() == pytest.approx([*expected, 1800.0])
    assert slope[2].tolist() == [1.0, -1.0, 0.0]


def test_the_loss_of_numbers_is_half_the_square() -> None:
    loss, slope = losses(make_agreement("regression"), np.array([[0.5], [-1.0]]), np.array([0.0, 1.0]))
    assert loss.tolist() == [0.125, 2.0]
    assert slope.tolist() == [[0.5], [-2.0]]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_slopes_are_the_derivatives_that_torch_finds(task: str) -> None:
    draw = np.random.default_rng(2)
    outputs = draw.standard_normal((30, 3 if task == "multiclass" else 1)) * 4
    wanted = {"binary": draw.integers(0, 2, 30) * 1.0, "multiclass": draw.integers(0, 3, 30)}.get(
        task, draw.uniform(-1, 1, 30)
    )
    loss, slope = losses(make_agreement(task), outputs, wanted)
    tensor, labels = torch.from_numpy(outputs).requires_grad_(), torch.from_numpy(wanted)
    expected = {
        "binary": lambda: nn.functional.binary_cross_entropy_with_logits(tensor[:, 0], labels, reduction="none"),
        "multiclass": lambda: nn.functional.cross_entropy(tensor, labels, reduction="none"),
        "regression": lambda: nn.functional.mse_loss(tensor[:, 0], labels, reduction="none") / 2,
    }[task]()
    expected.sum().backward()
    assert loss == pytest.approx(expected.detach().numpy())
    assert slope == pytest.approx(tensor.grad.numpy())


def test_reported_losses_are_parts_of_the_cap() -> None:
    assert capped(np.array([-0.0, 0.5, 2.0, 1e300, np.inf, np.nan])).tolist() == [0.0, 0.25, 1.0, 1.0, 1.0, 1.0]


def test_single_records_are_computed_row_by_row() -> None:
    kinds = [
        {type(layer) for layer in make_module(make_agreement(hidden=(4,), unit=unit)) if not isinstance(layer, nn.ReLU)}
        for unit in ("record", "party", "none")
    ]
    assert kinds == [{RowLinear}, {nn.Linear}, {nn.Linear}]
    # Alone in its batch a row needs no layer of its own, which would take longer.
    assert type(make_module(make_agreement(unit="record", features=24, model=CNN))[-1]) is nn.Linear


def test_convolutions_start_within_the_bound_of_he_too() -> None:
    """The inputs of one output are those of its kernel; biases are zero, and no part of the penalty."""
    agreement = make_agreement(features=24, model=CNN)
    start, mask = initial_parameters(agreement), weight_mask(agreement)
    sizes = [24, 3, 15, 5, 5 * 2 * 2 * 4, 4, 4, 1]
    assert len(start) == len(mask) == sum(sizes)
    parts, penalised = (np.split(array, np.cumsum(sizes)[:-1]) for array in (start, mask))
    for place, inputs in ((0, 8), (2, 3), (4, 20), (6, 4)):
        bound = math.sqrt(6 / inputs)
        assert bound / 2 < np.abs(parts[place]).max() <= bound
        assert penalised[place].all()
        assert not parts[place + 1].any()
        assert not penalised[place + 1].any()


def test_images_are_read_with_the_last_axis_fastest() -> None:
    """Through the very sums: a convolution, ReLU, the mean of each square, and a dense layer."""
    agreement = make_agreement(
        features=24, model=Model("cnn", image=(2, 4, 3), convolutions=(Convolution(1, 2, 0, 2),))
    )
    module, draw = make_module(agreement), np.random.default_rng(1)
    kernel, row = draw.standard_normal((2, 2, 2)), draw.standard_normal(24)
    set_parameters(module, np.concatenate([kernel.ravel(), [0.25, 3.0, -1.0]]))
    image = row.reshape(2, 4, 3)
    sums = [[(image[:, y : y + 2, x : x + 2] * kernel).sum() + 0.25 for x in range(2)] for y in range(2)]
    expected = 3 * np.maximum(sums, 0).mean() - 1
    assert module(torch.from_numpy(row[None])).item() == pytest.approx(expected)


def test_pooling_is_as_agreed() -> None:
    for pooling, expected in (("average", 2.5), ("max", 4.0)):
        model = Model("cnn", image=(1, 2, 2), convolutions=(Convolution(1, 1, pool=2, pooling=pooling),))
        module = make_module(make_agreement(features=4, model=model))
        set_parameters(module, np.array([1.0, 0.0, 1.0, 0.0]))
        assert module(torch.tensor([[1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)).item() == expected


def test_torch_code_starts_from_the_agreements_numbers(tmp_path, monkeypatch) -> None:
    """By shape and name, whatever the code drew: weights as He has it, biases zero, scales one."""
    monkeypatch.syspath_prepend(tmp_path)
    code = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.norm = nn.LayerNorm(2)
        self.gain = nn.Parameter(torch.tensor(7.0))
        self.last = nn.Linear(2, 1)

    def forward(self, rows):
        return self.last(self.norm(self.first(rows)) * self.gain)

def make():
    return Net()
"""
    agreement = make_agreement(model=torch_model(write_package(tmp_path, code, "starts"), 16, "starts", seed=7))
    names = [name for name, _ in make_module(agreement).named_parameters()]
    assert names[0] == "gain"
    start, mask = initial_parameters(agreement), weight_mask(agreement)
    stream = np.random.RandomState(7)
    first, last = stream.uniform(-math.sqrt(2), math.sqrt(2), 6), stream.uniform(-math.sqrt(3), math.sqrt(3), 2)
    assert start.tolist() == [1.0, *first, 0, 0, 1, 1, 0, 0, *last, 0]
    assert mask.tolist() == [0.0, *[1] * 6, 0, 0, 0, 0, 0, 0, 1, 1, 0]


def test_parameters_stay_in_memory_of_torchs() -> None:
    module = make_module(make_agreement(hidden=(5,)))
    places = [parameter.data_ptr() for parameter in module.parameters()]
    set_parameters(module, np.linspace(-1, 1, 26))
    assert [parameter.data_ptr() for parameter in module.parameters()] == places

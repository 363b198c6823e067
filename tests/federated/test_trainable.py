"""What a study's own module may not have: each thing by its name, with what to do."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from tacit.errors import AgreementError
from tacit.federated.trainable import check_trainable
from tacit.study import Model

from .agreements import make_agreement


def check(module: nn.Module, count: int | None = None, task: str = "binary", evaluated: bool = True) -> None:
    if count is None:
        count = sum(each.numel() for each in module.parameters())
    model = Model("torch", factory="a:b", source="sha256:" + 64 * "0", parameters=count)
    check_trainable(make_agreement(task, model=model), module.double().eval() if evaluated else module)


class Net(nn.Module):
    """A linear layer, and what a function makes of it and the input."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.last = nn.Linear(3, 1)
        self.forward_with = forward

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.forward_with(self, rows)


def with_frozen() -> nn.Module:
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    module[1].bias.requires_grad_(False)
    return module


def with_buffer() -> nn.Module:
    module = nn.Linear(3, 1)
    module.register_buffer("seen", torch.zeros(1))
    return module


def with_shared() -> nn.Module:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    return nn.Sequential(first, second, nn.Linear(3, 1))


def with_unused() -> nn.Module:
    module = Net(lambda net, rows: net.last(rows))
    module.spare = nn.Linear(2, 2)
    return module


class Always(nn.Linear):
    def train(self, mode: bool = True) -> nn.Module:
        return super().train(True)


REFUSED = {
    "the module's layer 1 (BatchNorm1d) takes its statistics over other rows": lambda: nn.Sequential(
        nn.Linear(3, 2), nn.BatchNorm1d(2, track_running_stats=False), nn.Linear(2, 1)
    ),
    "the module's layer 0.0 (InstanceNorm1d)": lambda: nn.Sequential(
        nn.Sequential(nn.InstanceNorm1d(3)), nn.Linear(3, 1)
    ),
    "the module's layer 0 (Dropout) draws at random": lambda: nn.Sequential(nn.Dropout(), nn.Linear(3, 1)),
    "the module's layer at the top (Always) stays in training mode": lambda: Always(3, 1),
    "a buffer seen": with_buffer,
    "the module's parameter 1.bias is frozen": with_frozen,
    "two layers of the module share a parameter": with_shared,
    "the module's parameter spare.weight does not reach its outputs": with_unused,
    "does not take rows of 3 features: RuntimeError": lambda: nn.Linear(4, 1),
    "does not take rows of 3 features: SystemExit": lambda: Net(lambda net, rows: exit(1)),
    "returns a tuple; it must return 4 rows of 1 float64": lambda: Net(lambda net, rows: (net.last(rows),)),
    "of shape (4, 2); it must return 4 rows of 1": lambda: nn.Linear(3, 2),
    "of shape (4,); it must return": lambda: Net(lambda net, rows: net.last(rows)[:, 0]),
    "returns torch.float32 of shape (4, 1)": lambda: Net(lambda net, rows: net.last(rows).float()),
    "other outputs when other rows are beside it": lambda: Net(lambda net, rows: net.last(rows - rows.mean(0))),
    "or each time": lambda: Net(lambda net, rows: net.last(nn.functional.dropout(rows))),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_modules_that_cannot_be_trained_are_refused(reason: str) -> None:
    torch.manual_seed(1)
    with pytest.raises(AgreementError, match=re.escape(reason)):
        check(REFUSED[reason]())


def test_lazy_layers_are_refused() -> None:
    with pytest.raises(AgreementError, match=r"parameter 0\.weight has no shape yet"):
        check(nn.Sequential(nn.LazyLinear(2)), count=8)


@pytest.mark.parametrize(
    ("module", "found"),
    [(lambda: nn.Linear(3, 1), "float32 on cpu"), (lambda: nn.Linear(3, 1, device="meta").double(), "float64 on meta")],
)
def test_parameters_are_float64_on_the_cpu(module, found: str) -> None:
    with pytest.raises(AgreementError, match=f"parameter weight is torch.{found}"):
        check(module().eval(), evaluated=False)


@pytest.mark.parametrize("count", [3, 5])
def test_another_count_than_agreed_is_refused(count: int) -> None:
    with pytest.raises(AgreementError, match=rf"has 4 parameters, and model.parameters says {count}"):
        check(nn.Linear(3, 1), count=count)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_modules_of_any_layers_by_row_are_taken(task: str) -> None:
    outputs = 3 if task == "multiclass" else 1
    check(
        nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2), nn.GELU(), nn.Flatten(), nn.Linear(4, outputs)),
        task=task,
    )
    check(nn.Sequential(nn.LayerNorm(3), nn.Linear(3, outputs)), task=task)

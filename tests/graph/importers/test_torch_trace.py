from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tacit.errors import GraphError
from tacit.graph import Graph

from .models import Forward, check_torch, from_torch, kinds

X = np.random.default_rng(0).uniform(-2, 2, (30, 4)).astype(np.float32)


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 4)


def alias_then_overwrite(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    view = h.view(h.size(0), -1)
    h.relu_()
    return view


def overwrite_an_alias(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    F.relu(h.detach(), inplace=True)
    return h


def overwrite_the_input(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = x.relu_()
    return h + x


def use_the_old_name(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    m.act(h)
    return h


def residual_in_place(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    return h + m.act(h)


def output_argument(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    torch.mul(h, 2, out=h)
    return h


def several_at_once(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    torch._foreach_add_([h], 1.0)
    return h


@pytest.mark.parametrize(
    "forward",
    [
        alias_then_overwrite,
        overwrite_an_alias,
        overwrite_the_input,
        use_the_old_name,
        residual_in_place,
        output_argument,
        several_at_once,
    ],
    ids=lambda f: f.__name__,
)
def test_what_is_overwritten_may_not_be_read_again(forward: Any) -> None:
    with pytest.raises(GraphError, match="overwrites a tensor that is used again; do it out of place"):
        from_torch(Forward(forward, l=linear(), act=nn.ReLU(inplace=True)), X)


def in_place_and_done(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.act(m.l(x))
    h += x
    h = h.view(h.size(0), -1).relu_()
    return h.sub_(1)


def test_overwriting_what_nobody_reads_again_is_fine() -> None:
    graph = check_torch(Forward(in_place_and_done, l=linear(), act=nn.ReLU(inplace=True)), X)
    assert kinds(graph) == ["linear", "relu", "add", "relu", "normalise"]


def test_the_sample_and_the_input_are_not_written_to() -> None:
    sample = X.copy()
    check_torch(nn.Sequential(nn.ReLU(inplace=True), linear()), sample)
    assert (sample == X).all()


def assign(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.l(x)
    h.__setitem__((slice(None), 0), 5.0)
    return h


def test_calls_that_give_nothing_are_refused_too() -> None:
    with pytest.raises(GraphError, match="__setitem__ is not supported"):
        from_torch(Forward(assign, l=linear()), X)


def add_to_a_buffer(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.c += 1
    return x * m.c


def replace_a_buffer(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.c = m.c + 1
    return x * m.c


def add_the_input_to_a_buffer(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.c.add_(x.mean((2, 3)).flatten(1))
    return x.flatten(1)


def add_to_a_tensor_that_is_no_buffer(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.loose += 1
    return x * m.loose


@pytest.mark.parametrize(
    ("forward", "name"),
    [(add_to_a_buffer, "c"), (replace_a_buffer, "c"), (add_to_a_tensor_that_is_no_buffer, "loose")],
)
def test_a_forward_that_changes_its_module_is_refused_and_the_module_is_left_as_it_was(forward: Any, name: str) -> None:
    module = Forward(forward, c=torch.ones(4))
    module.loose = torch.ones(4)
    before = getattr(module, name)
    with pytest.raises(GraphError, match=f"Forward: its forward changes its own '{name}'; a graph has no state"):
        from_torch(module, X)
    assert getattr(module, name) is before
    assert (before == 1).all()


def test_a_buffer_that_takes_up_the_input_is_refused() -> None:
    module = Forward(
        lambda m, x: m.c.add_(m.l(x).detach()).relu(), l=linear(), c=torch.zeros(1, 4).expand(3, 4).clone()
    )
    with pytest.raises(GraphError, match="does not take rows|changes its own"):
        from_torch(module, X)


COUNTER = {"calls": 0}


def count_calls(m: Any, x: torch.Tensor) -> torch.Tensor:
    COUNTER["calls"] += 1
    return m.l(x) * COUNTER["calls"]


def nothing_after_a_while(m: Any, x: torch.Tensor) -> torch.Tensor:
    m.calls = getattr(m, "calls", 0) + 1
    return m.l(x) * (float("nan") if m.calls > 1 else 1.0)


def autocast(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return m.l(x).float()


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.l(x) + torch.rand_like(m.c),
        count_calls,
        nothing_after_a_while,
        autocast,
        lambda m, x: m.l(x) * float(np.random.rand()),
    ],
    ids=["chance", "a counter", "no number", "autocast", "chance of numpy"],
)
def test_what_a_trace_does_not_show_is_found_by_comparing(forward: Any) -> None:
    with pytest.raises(GraphError, match="Forward: the traced module gives other outputs than the module itself"):
        from_torch(Forward(forward, l=linear(), c=torch.ones(4)), X)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda m, x: m.l(x) + torch.rand_like(m.l(x)), "rand_like is not supported"),
        (lambda m, x: m.l(x) if x.sum() > 0 else x, "Forward cannot be traced .*its forward may not branch on values"),
        (lambda m, x: torch.stack([m.l(row) for row in x]), "cannot be traced"),
        (lambda m, x: [m.l(x)], "Forward must return one tensor that depends on its input"),
        (lambda m, x: (m.l(x), x), "must return one tensor"),
        (lambda m, x: {"y": m.l(x)}, "must return one tensor"),
        (lambda m, x: m.c, "must return one tensor that depends"),
        (lambda m, x: None, "must return one tensor"),
        (lambda m, x: x, "the model has no layers: its output is its input"),
        (lambda m, x: m.l(x[0]), "getitem is not supported"),
        (lambda m, x: m.l(x).view(3, -1), "does not take rows of shape .4,.: method 'view': shape"),
        (lambda m, x: m.l(x.view(x.size(0) * 2, -1)), "method 'view'|does not take rows"),
        (lambda m, x: m.nothing(x), "cannot be traced .*no attribute 'nothing'"),
        (lambda m, x: 1 / 0, "cannot be traced .division by zero."),
    ],
)
def test_forwards_that_are_refused(forward: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_torch(Forward(forward, l=linear(), c=torch.ones(4)), X)


class Two(nn.Module):
    def forward(self, x: torch.Tensor, mask: Any = None) -> torch.Tensor:
        return torch.relu(x)


class Several(nn.Module):
    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        return torch.relu(xs[0])


def test_other_numbers_of_inputs_are_refused() -> None:
    with pytest.raises(GraphError, match="Two takes 2 inputs; a graph has one"):
        from_torch(Two(), X)
    with pytest.raises(GraphError, match="getitem is not supported"):
        from_torch(Several(), X)


def test_rows_of_the_wrong_shape_name_the_call() -> None:
    with pytest.raises(GraphError, match=r"Sequential does not take rows of shape \(4,\): module '1': mat1 and mat2"):
        from_torch(nn.Sequential(nn.ReLU(), nn.Linear(5, 2)), X)


def test_what_is_computed_from_parameters_alone_is_a_constant() -> None:
    module = Forward(
        lambda m, x: F.linear(x, m.l.weight.t() * 2 + m.c.unsqueeze(1), m.c.abs()) * m.l.weight.sum().item(),
        l=linear(),
        c=torch.randn(4),
    )
    assert kinds(check_torch(module, X)) == ["linear"]


def test_a_module_that_overflows_is_compared_and_says_so() -> None:
    """Infinite in float16: no error, and no warning, but a report that nobody can overlook."""
    module = Forward(lambda m, x: x * 60000 * 2, l=linear()).half()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = from_torch(module, X).import_report
    assert report is not None
    assert report.largest_difference == np.inf


def test_gradients_may_be_off_or_on_while_a_module_is_read() -> None:
    """A forward that asks sees them off, as when it is compared."""
    module = Forward(lambda m, x: torch.relu(m.l(x)) if torch.is_grad_enabled() else m.l(x), l=linear())
    assert kinds(check_torch(module, X)) == ["linear"]
    with torch.inference_mode():
        assert kinds(check_torch(module, X)) == ["linear"]


def test_a_module_may_be_made_in_inference_mode() -> None:
    with torch.inference_mode():
        module = nn.Sequential(linear(), nn.BatchNorm1d(4), nn.ReLU())
    assert kinds(check_torch(module, X)) == ["linear", "relu"]


def test_a_module_may_be_traced_already() -> None:
    traced = torch.fx.symbolic_trace(nn.Sequential(linear(), nn.ReLU()))
    assert kinds(check_torch(traced, X)) == ["linear", "relu"]


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GraphError):
        Graph.from_torch(nn.ModuleList([linear()]), -1, 1, input_shape=(4,))
    with pytest.raises(GraphError):
        from_torch(nn.Sequential(nn.Linear(5, 2)), X)
    assert capfd.readouterr() == ("", "")

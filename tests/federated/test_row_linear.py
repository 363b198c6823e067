"""The linear layer that computes row by row: torch's function and gradients, and no row touched by another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from opacus import GradSampleModule
from torch import nn

from tacit.federated import row_linear
from tacit.federated.row_linear import RowLinear

SHAPES = [(1, 1, 1), (2, 1, 3), (7, 3, 1), (40, 30, 16), (9, 200, 5)]


def make_pair(inputs: int, outputs: int) -> tuple[RowLinear, nn.Linear]:
    torch.manual_seed(3)
    ours, theirs = (kind(inputs, outputs, dtype=torch.float64) for kind in (RowLinear, nn.Linear))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def make_rows(rows: int, inputs: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).standard_normal((rows, inputs)))


@pytest.mark.parametrize(("rows", "inputs", "outputs"), SHAPES)
def test_outputs_and_gradients_are_torchs(rows: int, inputs: int, outputs: int) -> None:
    found = []
    for layer in make_pair(inputs, outputs):
        given = make_rows(rows, inputs).requires_grad_()
        result = layer(given)
        (result**2).sum().backward()
        found.append([result.detach(), given.grad, layer.weight.grad, layer.bias.grad])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("rows", "inputs", "outputs"), SHAPES)
def test_gradients_of_single_rows_are_opacus_own(rows: int, inputs: int, outputs: int) -> None:
    found = []
    for layer in make_pair(inputs, outputs):
        module = GradSampleModule(nn.Sequential(layer), loss_reduction="sum")
        (module(make_rows(rows, inputs).requires_grad_()) ** 2).sum().backward()
        found.append([layer.weight.grad_sample, layer.bias.grad_sample])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def by_row(layer: RowLinear, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs, and the gradient of their squares with regard to the rows."""
    given = rows.clone().requires_grad_()
    result = layer(given)
    (result**2).sum().backward()
    return result.detach(), given.grad


@pytest.mark.parametrize("block", [1, 5000, row_linear.BLOCK_NUMBERS])
@pytest.mark.parametrize(("inputs", "outputs"), [(30, 16), (16, 30), (3, 1), (1, 3)])
def test_neither_blocks_nor_neighbours_change_a_row(
    inputs: int, outputs: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, rows = make_pair(inputs, outputs)[0], make_rows(200, inputs)
    whole = by_row(layer, rows)
    monkeypatch.setattr(row_linear, "BLOCK_NUMBERS", block)
    for size in (1, 2, 3, 17, 64, 199):
        places = torch.from_numpy(np.random.default_rng(size).permutation(200)[:size])
        for found, expected in zip(by_row(layer, rows[places]), whole, strict=True):
            assert torch.equal(found, expected[places])


def test_rows_that_are_stored_by_columns_are_summed_alike() -> None:
    """numpy adds up in another order along another axis: a row would get other bits alone than with company."""
    draw = np.random.default_rng(5)
    for _ in range(50):
        rows = np.asfortranarray(draw.normal(size=(10, 37)))
        layer = RowLinear(37, 1, dtype=torch.float64)
        together = layer(torch.from_numpy(rows)).detach().numpy()
        alone = np.vstack([layer(torch.from_numpy(rows[i : i + 1].copy())).detach().numpy() for i in range(10)])
        np.testing.assert_array_equal(together, alone)

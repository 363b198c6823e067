"""A linear layer that gives each row the same numbers, to the last bit, whatever rows are beside it.

A product of matrices may add up in another order when its height changes. One record more in a table would then move
the gradients of all others by a rounding error, and by far more where a ReLU is at its corner or a number on the
border between two integers; the sensitivity of a sum of clipped gradients would no longer be one record's bound
(Casacuberta, Shoemate, Vadhan and Wagaman 2022). Here every output is one sum over the products of its own row: of a
length that the layer alone determines, in numpy, whose order of addition depends on that length and nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from opacus.grad_sample import register_grad_sampler
from torch import nn
from torch.autograd.function import once_differentiable

BLOCK_NUMBERS = 2**17  # products held at once: as many as fit the second cache


class RowLinear(nn.Linear):
    """`nn.Linear` on (rows, inputs), with Opacus's gradients of single rows: the same function, row by row."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return (rows, outputs)."""
        product: torch.Tensor = _RowProduct.apply(input, self.weight)  # type: ignore[no-untyped-call]
        return product + self.bias


class _RowProduct(torch.autograd.Function):
    """rows @ weight.T, and its gradients."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(rows, weight)
        return _times(rows, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, weight = ctx.saved_tensors
        # The second adds up over rows: part of a whole party's update, and of no record's gradient.
        return _times(gradient, weight.T), gradient.T @ rows


def _times(rows: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    # In C order both: numpy adds up along another axis of rows that are stored by columns.
    left, right = (np.ascontiguousarray(part.detach().numpy()) for part in (rows, matrix))
    result = np.empty((len(left), len(right)))
    block = max(1, BLOCK_NUMBERS // right.size)
    for start in range(0, len(left), block):
        part = slice(start, start + block)
        np.sum(left[part, None, :] * right, axis=-1, out=result[part])
    return torch.from_numpy(result)


@register_grad_sampler(RowLinear)  # type: ignore[untyped-decorator]
def _gradients_of_rows(
    layer: RowLinear, activations: list[torch.Tensor], backprops: torch.Tensor
) -> dict[torch.Tensor, torch.Tensor]:
    return {layer.weight: backprops[:, :, None] * activations[0][:, None, :], layer.bias: backprops}

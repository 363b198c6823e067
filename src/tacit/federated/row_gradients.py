"""Gradients of single rows, each the same to the last bit whatever rows are beside it.

Why that matters, and how a dense layer does it, is in `row_linear`. A convolution, or code that a study brings, is run
on batches of one: what else is in the table cannot reach the row's numbers, for it is not there. That is slower than
a batch (docs/models.md has numbers), and needs no trust in how a library adds up. One thread, since with several the
order of addition is the scheduler's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from opacus import GradSampleModule
from torch import nn

FloatArray = npt.NDArray[np.float64]
# Leaves the gradients of the losses of these rows in the module; returns the losses, (rows,).
Backward = Callable[[nn.Module, slice], FloatArray]

_one_at_a_time = threading.RLock()


def batched_gradients(module: nn.Module, rows: int, chunk: int, backward: Backward) -> Iterator[tuple[FloatArray, ...]]:
    """Yield gradients (chunk, parameters) and losses (chunk,) of all `rows`, for a module of layers that Opacus knows.

    Every layer that has weights must be one that computes by rows.
    """
    sampled = GradSampleModule(module, loss_reduction="sum")
    try:
        for start in range(0, rows, chunk):
            sampled.zero_grad(set_to_none=True)
            loss = backward(sampled, slice(start, start + chunk))
            yield np.hstack([_flat(parameter.grad_sample) for parameter in sampled.parameters()]), loss
    finally:
        sampled.to_standard_module()


def single_gradients(module: nn.Module, rows: int, chunk: int, backward: Backward) -> Iterator[tuple[FloatArray, ...]]:
    """Yield gradients (chunk, parameters) and losses (chunk,) of all `rows`, each row computed in a batch of one."""
    parameters = list(module.parameters())
    for start in range(0, rows, chunk):
        places = range(start, min(start + chunk, rows))
        gradients = np.empty((len(places), sum(parameter.numel() for parameter in parameters)))
        losses = np.empty(len(places))
        with one_thread():
            for index, place in enumerate(places):
                module.zero_grad(set_to_none=True)
                losses[index] = backward(module, slice(place, place + 1))[0]
                np.concatenate([gradient_of(parameter) for parameter in parameters], out=gradients[index])
        yield gradients, losses


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread; who wants that in another thread waits, as the setting is the process's."""
    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def gradient_of(parameter: nn.Parameter) -> FloatArray:
    """Return the parameter's gradient, (size,): zeros where the outputs do not depend on it."""
    return np.zeros(parameter.numel()) if parameter.grad is None else parameter.grad.numpy().reshape(-1)


def _flat(gradients: torch.Tensor) -> FloatArray:
    return gradients.detach().numpy().reshape(len(gradients), -1)

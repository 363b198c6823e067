"""Which torch modules can be trained here: a function of each row alone, all of whose numbers are parameters.

What a layer remembers between rows, or draws, would be part of no secure sum and of no privacy bound.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy

from tacit.canonical import quote
from tacit.errors import AgreementError
from tacit.federated.shapes import layer_widths
from tacit.study import Agreement

_TRIAL_ROWS = 4


def check_trainable(agreement: Agreement, module: nn.Module) -> None:
    """Check the `module`, which is float64 and in evaluation mode.

    Raises:
        AgreementError: names the layer or the parameter, and what to use.
    """
    _check_layers(module)
    _check_parameters(module, agreement.model.parameters)
    features, *_, outputs = layer_widths(agreement)
    _check_outputs(module, features, outputs)


def _check_layers(module: nn.Module) -> None:
    for name, layer in module.named_modules():
        shown = f"the module's layer {quote(name or 'at the top')} ({quote(type(layer).__name__)})"
        if isinstance(layer, _NormBase):
            raise AgreementError(
                f"{shown} takes its statistics over other rows, which would reach each row's gradient: leave it out; "
                "the features are standardised already"
            )
        if isinstance(layer, _DropoutNd):
            raise AgreementError(f"{shown} draws at random, differently at each party: use training.l2 instead")
        if layer.training:
            raise AgreementError(f"{shown} stays in training mode after eval(): let eval() switch it off")
    for name, _ in module.named_buffers():
        raise AgreementError(
            f"the module has a buffer {quote(name)}, which no secure sum would carry: make it a parameter, or write "
            "its numbers into forward"
        )


def _check_parameters(module: nn.Module, agreed: int) -> None:
    named = dict(module.named_parameters(remove_duplicate=False))
    for name, each in named.items():
        shown = f"the module's parameter {quote(name)}"
        if is_lazy(each):
            raise AgreementError(f"{shown} has no shape yet: use the layer that is not lazy")
        if each.dtype != torch.float64 or each.device.type != "cpu":
            raise AgreementError(f"{shown} is {each.dtype} on {each.device}: it must be real numbers on the CPU")
        if not each.requires_grad:
            raise AgreementError(f"{shown} is frozen (requires_grad is False): let it be trained, or take it out")
    if len({id(each) for each in named.values()}) < len(named):
        raise AgreementError("two layers of the module share a parameter: give each its own")
    count = sum(each.numel() for each in named.values())
    if count != agreed:
        raise AgreementError(
            f"the module has {count:,} parameters, and model.parameters says {agreed:,}: agree on {count} if the file "
            "is the one that is meant"
        )


def _check_outputs(module: nn.Module, features: int, outputs: int) -> None:
    """Run a few rows of noise, forwards and backwards."""
    rows = torch.tensor(np.random.RandomState(0).uniform(-1, 1, (_TRIAL_ROWS, features)))
    try:
        result = module(rows.clone())
    except (Exception, SystemExit) as error:  # whatever the study's code raises
        reason = quote(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
        raise AgreementError(f"the module does not take rows of {features} features: {reason}") from error
    wanted = f"{_TRIAL_ROWS} rows of {outputs} float64"
    if not isinstance(result, torch.Tensor):
        raise AgreementError(f"the module returns a {quote(type(result).__name__)}; it must return {wanted}")
    if result.shape != (_TRIAL_ROWS, outputs) or result.dtype != torch.float64:
        raise AgreementError(
            f"the module returns {result.dtype} of shape {tuple(result.shape)}; it must return {wanted}"
        )
    with torch.no_grad():
        alone = torch.cat([module(rows[place : place + 1].clone()) for place in range(_TRIAL_ROWS)])
    if not torch.allclose(alone, result, rtol=1e-6, atol=1e-9, equal_nan=True):
        raise AgreementError(
            "the module gives a row other outputs when other rows are beside it, or each time: it must be a function "
            "of one row, without chance"
        )
    used = torch.autograd.grad(result.sum(), list(module.parameters()), allow_unused=True)
    for (name, _), gradient in zip(module.named_parameters(), used, strict=True):
        if gradient is None:
            raise AgreementError(f"the module's parameter {quote(name)} does not reach its outputs: take it out")

"""A dense network on shares: outputs, and the gradient of the loss with respect to every weight.

Computes what backpropagation does: with Z_l = A_{l-1} W_l + b_l, A_l = ReLU(Z_l), and the error E of the outputs,
dW_l = A_{l-1}^T E_l and E_{l-1} = (E_l W_l^T) where Z_{l-1} > 0. Everything has f fractional bits; gradients are left
with 2f, summed over the rows of the batch, for the step to rescale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.mpc.comparison import flipped, negative
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.functions.sigmoid import sigmoid
from tacit.mpc.functions.softmax import softmax
from tacit.mpc.party import Party
from tacit.mpc.products import matmul, multiply
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.training.settings import Settings
from tacit.mpc.truncation import truncate

SCORE_BITS = 40  # of outputs before the loss: below 2^23 at 16 fractional bits


@dataclass(frozen=True, repr=False)
class Dense:
    """A layer: weight (inputs, outputs) and bias (outputs,) with f fractional bits; or their gradients, with 2f."""

    weight: Arithmetic
    bias: Arithmetic


@dataclass(frozen=True, repr=False)
class _Activation:
    """What a layer was given, and for a hidden layer's output where it was positive, as 0 and 1."""

    given: Arithmetic
    positive: Arithmetic | None


def gradients(
    party: Party, layers: Sequence[Dense], x: Arithmetic, y: Arithmetic, settings: Settings
) -> Protocol[list[Dense]]:
    """The gradients of the loss summed over a batch: x (rows, features), y (rows, outputs), f fractional bits."""
    scores, activations = yield from _forward(party, layers, x, settings)
    error = (yield from predictions(party, scores, settings)) - y
    found: list[Dense] = []
    for layer, activation in zip(reversed(layers), reversed(activations), strict=True):
        bias = error.map(lambda words: words.sum(axis=0, dtype=np.uint64) << np.uint64(settings.fraction_bits))
        if activation.positive is None:
            weight = yield from matmul(party, _transposed(activation.given), error)
        else:
            weight, back = yield from together(
                matmul(party, _transposed(activation.given), error),
                _passed_back(party, error, layer, activation, settings),
            )
            error = back
        found.append(Dense(weight, bias))
    return found[::-1]


def outputs(party: Party, layers: Sequence[Dense], x: Arithmetic, settings: Settings) -> Protocol[Arithmetic]:
    """The scores (rows, outputs) of x (rows, features), with f fractional bits."""
    scores, _ = yield from _forward(party, layers, x, settings)
    return scores


def predictions(party: Party, scores: Arithmetic, settings: Settings) -> Protocol[Arithmetic]:
    """What the loss compares with the labels: the scores themselves, their sigmoid, or their softmax."""
    if settings.loss == "squared":
        return scores
    if settings.loss == "binary":
        return (yield from sigmoid(party, scores, settings.fraction_bits, SCORE_BITS))
    return _transposed((yield from softmax(party, _transposed(scores), settings.fraction_bits, SCORE_BITS)))


def _forward(
    party: Party, layers: Sequence[Dense], x: Arithmetic, settings: Settings
) -> Protocol[tuple[Arithmetic, list[_Activation]]]:
    activations = [_Activation(x, None)]
    for layer in layers[:-1]:
        total = yield from _affine(party, layer, activations[-1].given, settings)
        positive, rescaled = yield from together(
            _where_positive(party, total), truncate(party, total, settings.fraction_bits)
        )
        activations.append(_Activation((yield from multiply(party, rescaled, positive)), positive))
    total = yield from _affine(party, layers[-1], activations[-1].given, settings)
    return (yield from truncate(party, total, settings.fraction_bits)), activations


def _affine(party: Party, layer: Dense, x: Arithmetic, settings: Settings) -> Protocol[Arithmetic]:
    shift = np.uint64(settings.fraction_bits)
    product = yield from matmul(party, x, layer.weight)
    return Arithmetic(product.own + (layer.bias.own << shift), product.next + (layer.bias.next << shift))


def _where_positive(party: Party, x: Arithmetic) -> Protocol[Arithmetic]:
    sign = yield from negative(party, x)
    ones = yield from bits_to_words(party, flipped(party, sign), x.size)
    return ones.reshape(*x.shape)


def _passed_back(
    party: Party, error: Arithmetic, layer: Dense, activation: _Activation, settings: Settings
) -> Protocol[Arithmetic]:
    product = yield from matmul(party, error, _transposed(layer.weight))
    rescaled = yield from truncate(party, product, settings.fraction_bits)
    assert activation.positive is not None
    return (yield from multiply(party, rescaled, activation.positive))


def _transposed(x: Arithmetic) -> Arithmetic:
    return x.map(lambda words: words.T)

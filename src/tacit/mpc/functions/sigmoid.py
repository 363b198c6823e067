"""Sigmoid and tanh on shares, by the table of the graph's layers.

Computes: [x] with f fractional bits to [sigmoid(x)] and [tanh(x)] with f, within one unit in the last place of
`graph.layers.Sigmoid` and `Tanh`, for every x of the bound; so against the true function the error is that of the
layer (`Sigmoid.error(f)`, `Tanh.error(f)`) and 2^-f.

Rounds and bytes: of `piecewise` and of one rescaling, by 2 f bits for sigmoid and 2 f - 1 for tanh.
"""

from __future__ import annotations

from tacit.graph.pieces import sigmoid_pieces
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import plus
from tacit.mpc.functions.piecewise import piecewise, shared_table
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import truncate


def sigmoid(party: Party, x: Arithmetic, fraction_bits: int, bits: int) -> Protocol[Arithmetic]:
    """1 / (1 + exp(-x)) of any shape; bits: k <= 62, of a bound -2^(k-1) <= x < 2^(k-1)."""
    reach = 1 << (bits - 1)
    value = yield from piecewise(party, x, shared_table(sigmoid_pieces(fraction_bits)), -reach, reach - 1)
    return (yield from truncate(party, value, 2 * fraction_bits))


def tanh(party: Party, x: Arithmetic, fraction_bits: int, bits: int) -> Protocol[Arithmetic]:
    """The hyperbolic tangent, 2 sigmoid(2 x) - 1, of any shape; bits: k <= 62, as in `sigmoid`."""
    reach = 1 << bits
    value = yield from piecewise(party, x + x, shared_table(sigmoid_pieces(fraction_bits)), -reach, reach - 2)
    return plus(party, (yield from truncate(party, value, 2 * fraction_bits - 1)), -(1 << fraction_bits))

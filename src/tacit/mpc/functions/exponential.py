"""exp on shares, by the table of the graph's softmax.

Computes: [x] with f fractional bits to [exp(x)] with f, for x < 0.125; below -15.875 it is exp(-15.875) = 1.3e-7,
from 0.125 on exp(0.125 - 2^-f). Error for x in [-15.875, 0.125): at most 1.8e-5 exp(x) + 2^-(f+8), of the table, and
1.6 * 2^-f.

Rounds and bytes: of `piecewise` and of one rescaling, by 2 f bits (f for `exp_precise`).
"""

from __future__ import annotations

from tacit.graph.pieces import exp_pieces
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.piecewise import piecewise, shared_table
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import truncate


def exp(party: Party, x: Arithmetic, fraction_bits: int, bits: int) -> Protocol[Arithmetic]:
    """exp(x) of any shape; bits: k <= 62, of a bound -2^(k-1) <= x < 2^(k-1)."""
    reach = 1 << (bits - 1)
    value = yield from piecewise(party, x, shared_table(exp_pieces(fraction_bits)), -reach, reach - 1)
    return (yield from truncate(party, value, 2 * fraction_bits))


def exp_precise(party: Party, x: Arithmetic, fraction_bits: int, low: int) -> Protocol[Arithmetic]:
    """exp(x) with 2 f fractional bits, for low <= x <= 0: what softmax adds up."""
    value = yield from piecewise(party, x, shared_table(exp_pieces(fraction_bits)), low, 0)
    return (yield from truncate(party, value, fraction_bits))

"""Masks on a vector: y_i = x_i + PRG(b_i) + sum over j > i of PRG(s_ij) - sum over j < i of PRG(s_ij), modulo 2^w.

Bonawitz et al. 2017, figure 4, round 2. PRG is AES-128 in counter mode, read as little-endian words. In the sum over
all parties each pairwise mask appears once with either sign and goes away; the self mask hides a vector that arrives
after the server has reported its owner as dropped.
"""

from __future__ import annotations

from tacit.federated.secagg import seeds
from tacit.federated.secagg.setting import Setting, Words
from tacit.kernels.masks import add_mask, subtract_mask


def add_self_mask(vector: Words, setting: Setting, seed: bytes) -> None:
    """Add the self mask of a party with self-mask seed `seed`, in place."""
    add_mask(vector, seeds.self_seed(seed, setting.digest))


def remove_self_mask(vector: Words, setting: Setting, seed: bytes) -> None:
    """Undo `add_self_mask`, in place."""
    subtract_mask(vector, seeds.self_seed(seed, setting.digest))


def add_pair_mask(
    vector: Words, setting: Setting, roster_digest: bytes, party: str, sent: bytes, peer: str, received: bytes
) -> None:
    """Put the mask between `party`, whose vector this is, and `peer` on it, in place.

    `sent` and `received` are the contributions from party to peer and back. What `peer` puts on its own vector
    is the negative, so masking for the two sides in turn changes nothing.
    """
    if setting.positions[party] < setting.positions[peer]:
        add_mask(vector, seeds.pair_seed(sent, received, roster_digest, party, peer))
    else:
        subtract_mask(vector, seeds.pair_seed(received, sent, roster_digest, peer, party))

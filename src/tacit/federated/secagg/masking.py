"""Masks on a vector: y_i = x_i + PRG(b_i) + sum over j > i of PRG(s_ij) - sum over j < i of PRG(s_ij), modulo 2^w.

Bonawitz et al. 2017, figure 4, round 2. PRG is AES-128 in counter mode, read as little-endian words. In the sum over
all parties each pairwise mask appears once with either sign and goes away; the self mask hides a vector that arrives
after the server has reported its owner as dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tacit.federated.secagg import seeds
from tacit.federated.secagg.setting import Setting, Words
from tacit.kernels.masks import apply_masks


@dataclass
class Masks:
    """The masks to put on one vector, gathered first, since all together go over it faster than one by one.

    The methods name whose mask it is and what it is for; `apply` puts all of them on.
    """

    setting: Setting
    roster_digest: bytes
    _added: list[bytes] = field(default_factory=list, repr=False)
    _subtracted: list[bytes] = field(default_factory=list, repr=False)

    def add_self_mask(self, seed: bytes) -> None:
        """Add the self mask of a party with self-mask seed `seed`."""
        self._added.append(seeds.self_seed(seed, self.setting.digest))

    def remove_self_mask(self, seed: bytes) -> None:
        """Undo `add_self_mask`."""
        self._subtracted.append(seeds.self_seed(seed, self.setting.digest))

    def add_pair_mask(self, party: str, sent: bytes, peer: str, received: bytes) -> None:
        """Add the mask between `party`, whose vector this is, and `peer`.

        `sent` and `received` are the contributions from party to peer and back. What `peer` puts on its own vector
        is the negative, so masking for the two sides in turn changes nothing.
        """
        if self.setting.positions[party] < self.setting.positions[peer]:
            self._added.append(seeds.pair_seed(sent, received, self.roster_digest, party, peer))
        else:
            self._subtracted.append(seeds.pair_seed(received, sent, self.roster_digest, peer, party))

    def apply(self, vector: Words) -> None:
        """Put the masks on `vector`, in place."""
        apply_masks(vector, self._added, self._subtracted)

"""Who sums with whom: with f poisoning parties 2f + 1 groups, so that most groups are free of them.

Averaging within random groups before a robust combination is SHARE (Velicheti, Xia and Koyejo 2021) and bucketing
(Karimireddy, He and Jaggi 2022). Nothing rests on the assignment being random: f parties are in at most f groups, and
every group bears `trust.corrupt` and `trust.dropping` in full, whoever is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def group_count(poisoning: int) -> int:
    """Return 2f + 1, the fewest groups of which most are honest: more would be smaller, and each needs its noise."""
    return 2 * poisoning + 1


def group_sizes(parties: int, poisoning: int) -> tuple[int, ...]:
    """Return how many of the parties are in each group: as equal as can be, the larger ones first."""
    groups = group_count(poisoning)
    return tuple((parties - place - 1) // groups + 1 for place in range(groups))


def assign(names: Sequence[str], poisoning: int, seed: bytes) -> tuple[tuple[str, ...], ...]:
    """Return the groups of `names`, each in the order of `names`, as the 32-byte `seed` shuffles them.

    Without poisoning it is one group of all.
    """
    ranked = sorted(names, key=lambda name: hashlib.sha256(b"tacit group of/1\x00" + seed + name.encode()).digest())
    groups, start = [], 0
    for size in group_sizes(len(names), poisoning):
        members = set(ranked[start : start + size])
        groups.append(tuple(name for name in names if name in members))
        start += size
    return tuple(groups)

"""Merkle paths of several leaves together: a digest that follows from others is not sent.

The tree is that of `kernels.merkle` over a power of two of leaves; here it is checked with the `blake3` package alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import blake3

from tacit.errors import ProofError

DIGEST = 32
NODE_CONTEXT = "tacit 1 merkle tree node"  # as in kernels.merkle

_node = partial(blake3.blake3, derive_key_context=NODE_CONTEXT)


def siblings(positions: Sequence[int], leaves: int) -> Iterator[tuple[int, int]]:
    """(level, index) of the digests that the root needs beside the leaves at these positions, in a proof's order."""
    known = sorted(set(positions))
    for level in range((leaves - 1).bit_length()):
        present = set(known)
        yield from ((level, index ^ 1) for index in known if index ^ 1 not in present)
        known = sorted({index // 2 for index in known})


def check(root: bytes, leaves: dict[int, bytes], size: int, path: bytes, what: str) -> None:
    """ProofError, naming `what`, unless the leaves, by position, and the path's digests have this root.

    path: the digests of `siblings`, one after another, just as many bytes as they need.
    """
    known = {position: blake3.blake3(leaf).digest() for position, leaf in leaves.items()}
    given = (path[i : i + DIGEST] for i in range(0, len(path), DIGEST))
    for _ in range((size - 1).bit_length()):
        above = {}
        for index in sorted(known):
            if index ^ 1 in known:
                if index & 1:
                    above[index // 2] = _node(known[index ^ 1] + known[index]).digest()
            else:
                sibling = next(given)
                pair = sibling + known[index] if index & 1 else known[index] + sibling
                above[index // 2] = _node(pair).digest()
        known = above
    if known != {0: root}:
        raise ProofError(f"{what}: the opened columns are not those of the commitment (Merkle paths)")

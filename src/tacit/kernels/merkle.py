"""Merkle trees over BLAKE3: digests of many equal leaves at once, and the nodes above them.

A leaf's digest is plain BLAKE3 of its bytes, so that any BLAKE3 can check one. A node is BLAKE3 of the 64 bytes of its
two children in the mode `derive_key`, with `NODE_CONTEXT` as the context:

    blake3(left + right, derive_key_context=NODE_CONTEXT)

The two modes differ in a flag of every compression and in the chain's first value [BLAKE3, section 2.1], so they are
two unrelated hash functions: a node can never be passed off as a 64-byte leaf with its children as content, nor a
leaf as a node, without a collision between them.

Where a level has an odd number of digests, the last one is promoted to the next level as it is. The tree has thus the
shape of RFC 9162, section 2.1.1 (n leaves are split at the largest power of two below n), and no digest is counted
twice, which in trees that double the last one lets two lists of leaves have one root.
"""

from __future__ import annotations

from functools import lru_cache

import blake3
import numpy as np
import numpy.typing as npt

from tacit.kernels.arrays import address, readable
from tacit.kernels.blake3_lanes import (
    BLOCK,
    DERIVE_KEY_CONTEXT,
    DERIVE_KEY_MATERIAL,
    INITIAL,
    LANES,
    LONGEST,
    hash_messages,
)

Bytes = npt.NDArray[np.uint8]

DIGEST = 32  # bytes
NODE_CONTEXT = "tacit 1 merkle tree node"


def hash_leaves(leaves: Bytes) -> Bytes:
    """The BLAKE3 digests (n, 32) of n leaves of equal length (n, length), each as `blake3.blake3(leaf).digest()`.

    Leaves over 1024 bytes have a tree of their own inside BLAKE3, and go one by one to the `blake3` package.
    """
    leaves = readable("leaves", leaves, np.uint8, 2)
    if leaves.shape[1] > LONGEST:
        digests = np.empty((len(leaves), DIGEST), dtype=np.uint8)
        for leaf, digest in zip(leaves, digests, strict=True):
            digest.data[:] = blake3.blake3(leaf.data).digest()
        return digests
    return _hashed(leaves, _PLAIN_KEY, 0)


def parents(digests: Bytes) -> Bytes:
    """The nodes (n, 32) above an even number of digests (2n, 32), each over two neighbours."""
    digests = _digests(digests)
    if len(digests) % 2:
        raise ValueError(f"digests must be even in number, and are {len(digests)}")
    return _hashed(digests.reshape(-1, 2 * DIGEST), _node_key(), DERIVE_KEY_MATERIAL)


def levels(digests: Bytes) -> list[Bytes]:
    """Every level of the tree above these leaf digests (n, 32), n at least 1: from themselves to the root (1, 32)."""
    current = _digests(digests)
    if len(current) == 0:
        raise ValueError("a tree needs at least one leaf")
    tree = [current]
    while len(current) > 1:
        paired = len(current) - len(current) % 2
        current = np.concatenate([parents(current[:paired]), current[paired:]])
        tree.append(current)
    return tree


def root(leaves: Bytes) -> bytes:
    """The root of the tree over n leaves of equal length (n, length), n at least 1: 32 bytes."""
    return levels(hash_leaves(leaves))[-1].tobytes()


def _digests(digests: Bytes) -> Bytes:
    given = readable("digests", digests, np.uint8, 2)
    if given.shape[1] != DIGEST:
        raise ValueError(f"digests must have shape (n, {DIGEST}), not {given.shape}")
    return given


def _hashed(messages: Bytes, key: npt.NDArray[np.uint32], mode: int) -> Bytes:
    count, length = messages.shape
    digests = np.empty((count, DIGEST), dtype=np.uint8)
    room = np.empty(LANES * (BLOCK + DIGEST), dtype=np.uint8)
    hash_messages(address(digests), address(messages), count, length, address(key), mode, address(room))
    return digests


@lru_cache(maxsize=1)
def _node_key() -> npt.NDArray[np.uint32]:
    """The chain value that the nodes' mode starts from: the digest of the context, in BLAKE3's mode for contexts."""
    context = np.frombuffer(NODE_CONTEXT.encode(), dtype=np.uint8).reshape(1, -1)
    return _hashed(context, _PLAIN_KEY, DERIVE_KEY_CONTEXT).view(np.uint32)


_PLAIN_KEY = np.array(INITIAL, dtype=np.uint32)

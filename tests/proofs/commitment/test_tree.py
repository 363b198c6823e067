"""Merkle paths of several leaves: the roots of the kernels' trees, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.kernels import merkle
from tacit.proofs.commitment import tree

DIGEST = 32


def leaves_of(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 24), dtype=np.uint8)


def path_of(leaves: np.ndarray, positions: list[int]) -> bytes:
    levels = merkle.levels(merkle.hash_leaves(leaves))
    return b"".join(levels[level][index].tobytes() for level, index in tree.siblings(positions, len(leaves)))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data(), depth=st.integers(0, 6))
def test_opened_leaves_have_the_kernels_root_and_altered_ones_do_not(data: st.DataObject, depth: int) -> None:
    leaves = leaves_of(2**depth)
    positions = sorted(data.draw(st.sets(st.integers(0, 2**depth - 1), min_size=1)))
    opened = {position: leaves[position].tobytes() for position in positions}
    path, root = path_of(leaves, positions), merkle.root(leaves)
    tree.check(root, opened, len(leaves), path, "leaves")
    victim = data.draw(st.sampled_from(positions))
    altered = {**opened, victim: bytes([opened[victim][0] ^ 1]) + opened[victim][1:]}
    with pytest.raises(ProofError, match="leaves: the opened columns"):
        tree.check(root, altered, len(leaves), path, "leaves")
    for place in range(0, len(path), DIGEST):
        bad = path[:place] + bytes([path[place] ^ 1]) + path[place + 1 :]
        with pytest.raises(ProofError):
            tree.check(root, opened, len(leaves), bad, "leaves")


def test_a_leaf_is_not_accepted_in_another_place() -> None:
    leaves = leaves_of(8)
    with pytest.raises(ProofError):
        tree.check(merkle.root(leaves), {3: leaves[2].tobytes()}, 8, path_of(leaves, [2]), "leaves")


def test_a_digest_that_follows_from_others_is_not_sent() -> None:
    assert list(tree.siblings(range(8), 8)) == []
    assert list(tree.siblings([0, 1], 8)) == [(1, 1), (2, 1)]


def test_the_nodes_are_hashed_in_the_kernels_mode() -> None:
    assert tree.NODE_CONTEXT == merkle.NODE_CONTEXT
    assert tree.DIGEST == merkle.DIGEST

"""Leaves and nodes, against the `blake3` package and its published vectors."""

import itertools

import blake3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import merkle

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
# [BLAKE3, test_vectors.json]: the digest of `length` bytes 0, 1, ..., 250, 0, 1, ...
PUBLISHED = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    63: "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b",
    64: "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
    65: "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
    127: "d81293fda863f008c09e92fc382a81f5a0b4a1251cba1634016a0f86a6bd640d",
    128: "f17e570564b26578c33bb7f44643f539624b05df1a76c81f30acd548c44b45ef",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
}


def octets(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def plain(leaf: np.ndarray) -> bytes:
    return blake3.blake3(leaf.tobytes()).digest()


def node(left: bytes, right: bytes) -> bytes:
    return blake3.blake3(left + right, derive_key_context=merkle.NODE_CONTEXT).digest()


def tree_hash(digests: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1: split at the largest power of two below the number of leaves."""
    if len(digests) == 1:
        return digests[0]
    split = 2 ** ((len(digests) - 1).bit_length() - 1)
    return node(tree_hash(digests[:split]), tree_hash(digests[split:]))


@pytest.mark.parametrize(("length", "digest"), PUBLISHED.items())
def test_published_vectors(length, digest):
    leaf = (np.arange(length) % 251).astype(np.uint8)
    for count in (1, 3, 17):
        digests = merkle.hash_leaves(np.tile(leaf, (count, 1)))
        assert [row.tobytes().hex() for row in digests] == [digest] * count


def test_every_length():
    for length in range(1030):
        leaves = octets(length, 1 + length % 19, length)
        assert [row.tobytes() for row in merkle.hash_leaves(leaves)] == [plain(leaf) for leaf in leaves]


@unhurried
@given(count=st.integers(0, 70), length=st.integers(0, 300), seed=st.integers(0, 2**32))
def test_every_number_of_leaves(count, length, seed):
    leaves = octets(seed, count, length)
    digests = merkle.hash_leaves(leaves)
    assert digests.shape == (count, 32)
    assert [row.tobytes() for row in digests] == [plain(leaf) for leaf in leaves]


def test_any_layout(disguises):
    leaves = octets(1, 21, 90)
    expected = merkle.hash_leaves(leaves)
    for variant in disguises(leaves):
        np.testing.assert_array_equal(merkle.hash_leaves(variant), expected)


def test_nothing_outside_the_leaves_is_read_into_a_digest():
    room = octets(2, 40 * 70 + 200)
    inside = room[100 : 100 + 40 * 70].reshape(40, 70)
    before = merkle.hash_leaves(inside)
    room[:100] = 0
    room[100 + 40 * 70 :] = 0
    np.testing.assert_array_equal(merkle.hash_leaves(inside), before)


@unhurried
@given(pairs=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_parents(pairs, seed):
    digests = octets(seed, 2 * pairs, 32)
    expected = [node(digests[2 * i].tobytes(), digests[2 * i + 1].tobytes()) for i in range(pairs)]
    assert [row.tobytes() for row in merkle.parents(digests)] == expected


def test_a_node_is_no_leaf():
    pair = octets(3, 2, 32)
    assert merkle.parents(pair).tobytes() != merkle.hash_leaves(pair.reshape(1, 64)).tobytes()


@pytest.mark.parametrize("count", [*range(1, 20), 31, 32, 33, 100])
def test_root_is_the_tree_hash_of_rfc_9162(count):
    leaves = octets(count, count, 11)
    assert merkle.root(leaves) == tree_hash([plain(leaf) for leaf in leaves])


def test_levels_lead_from_the_leaves_to_the_root():
    leaves = octets(4, 11, 5)
    levels = merkle.levels(merkle.hash_leaves(leaves))
    assert [len(level) for level in levels] == [11, 6, 3, 2, 1]
    for below, above in itertools.pairwise(levels):
        for i, digest in enumerate(above):
            pair = below[2 * i : 2 * i + 2]
            expected = node(pair[0].tobytes(), pair[1].tobytes()) if len(pair) == 2 else pair[0].tobytes()
            assert digest.tobytes() == expected
    assert levels[-1].tobytes() == merkle.root(leaves)


def test_a_doubled_last_leaf_is_another_tree():
    leaves = octets(5, 3, 20)
    assert merkle.root(leaves) != merkle.root(np.concatenate([leaves, leaves[-1:]]))


def test_refusals():
    with pytest.raises(TypeError, match="uint8"):
        merkle.hash_leaves(np.zeros((2, 2), dtype=np.int8))
    with pytest.raises(TypeError, match="bytes"):
        merkle.hash_leaves(b"leaf")
    with pytest.raises(ValueError, match="2 dimensions"):
        merkle.hash_leaves(np.zeros(64, dtype=np.uint8))
    with pytest.raises(ValueError, match="even in number"):
        merkle.parents(np.zeros((3, 32), dtype=np.uint8))
    with pytest.raises(ValueError, match="digests must have shape"):
        merkle.parents(np.zeros((2, 31), dtype=np.uint8))
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle.root(np.zeros((0, 32), dtype=np.uint8))
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle.levels(np.zeros((0, 32), dtype=np.uint8))

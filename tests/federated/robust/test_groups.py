"""Groups: everyone in exactly one, as equal as can be, and too few poisoning parties to reach most of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.federated.robust.groups import assign, group_sizes

SEED = bytes(range(32))


def names(count: int) -> tuple[str, ...]:
    return tuple(f"party-{place}" for place in range(count))


@given(st.integers(3, 60), st.integers(0, 9), st.binary(min_size=32, max_size=32))
def test_everyone_is_in_exactly_one_group_in_the_order_of_the_agreement(parties: int, poisoning: int, seed: bytes):
    parties = max(parties, 2 * poisoning + 1)
    groups = assign(names(parties), poisoning, seed)
    assert sorted(sum(groups, ())) == sorted(names(parties))
    assert all(list(group) == [name for name in names(parties) if name in group] for group in groups)
    sizes = tuple(len(group) for group in groups)
    assert sizes == group_sizes(parties, poisoning)
    assert len(sizes) == 2 * poisoning + 1
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("parties", "poisoning", "sizes"), [(7, 0, (7,)), (9, 1, (3, 3, 3)), (11, 1, (4, 4, 3)), (16, 2, (4, 3, 3, 3, 3))]
)
def test_groups_are_as_equal_as_can_be(parties: int, poisoning: int, sizes: tuple[int, ...]) -> None:
    assert group_sizes(parties, poisoning) == sizes


def test_one_group_of_all_where_nobody_poisons() -> None:
    assert assign(names(5), 0, SEED) == (names(5),)


def test_the_seed_alone_shuffles() -> None:
    assert assign(names(9), 1, SEED) == assign(names(9), 1, SEED)
    assert assign(names(9), 1, SEED) != assign(names(9), 1, bytes(32))


def test_every_pair_meets_about_as_often_as_chance_has_it() -> None:
    together = Counter()
    for number in range(2000):
        for group in assign(names(9), 1, number.to_bytes(32, "big")):
            together.update((a, b) for a in group for b in group if a < b)
    assert len(together) == 36
    assert min(together.values()) > 400  # 500 of 2000, with a deviation of 19
    assert max(together.values()) < 600

"""Windows over rows and columns: their sizes, and how many fit."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph.layers.windows import as_pair, padded_size, window_shape, windows


def test_one_whole_number_or_two() -> None:
    assert as_pair(3) == as_pair((3, 3)) == as_pair([3, 3]) == (3, 3)
    assert as_pair(np.int64(3)) == (3, 3)
    assert all(type(side) is int for side in as_pair((np.int64(3), np.int32(4))))


@pytest.mark.parametrize("bad", [2.5, (2.5, 2), (1,), (1, 2, 3), (), "ab", None, (None, 1), {1, 2}])
def test_what_is_no_pair(bad: object) -> None:
    """A fraction is refused, not cut off."""
    with pytest.raises(GraphError, match="one whole number, or two"):
        as_pair(bad)  # type: ignore[arg-type]


def test_how_many_windows_fit() -> None:
    assert window_shape("a", (5, 7, 9), (3, 2), (2, 3), (1, 0)) == (5, 4, 3)
    assert window_shape("a", (1, 2, 2), (4, 4), (1, 1), (1, 1)) == (1, 1, 1)
    assert padded_size((5, 7, 9), (1, 2)) == 5 * 9 * 13
    for size in ((5, 4), (4, 5)):
        with pytest.raises(GraphError, match="does not fit"):
            window_shape("a", (1, 2, 2), size, (1, 1), (1, 1))


def test_windows_see_the_padding_as_it_is_filled() -> None:
    view = windows(np.arange(4).reshape(1, 2, 2), (2, 2), (2, 1), (1, 0), -9)
    assert view.tolist() == [[[[[-9, -9], [0, 1]]], [[[2, 3], [-9, -9]]]]]

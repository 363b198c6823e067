"""Sets are checked against their description: errors name row and index, and no value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs.architecture import Architecture
from tacit.proofs.dataset import layout
from tacit.proofs.dataset.description import MOST_ROWS, SetDescription
from tacit.proofs.dataset.layout import Layout

from ..models import dense, rows_for
from .sets import Parts, arrays, describe, public_set

GRAPH = dense([3, 2])


@dataclass
class Bad:
    part: str
    index: tuple[int, ...]
    value: int
    message: str


@pytest.mark.parametrize(
    "bad",
    [
        Bad("rows", (2, 1), 257, r"row 2, index \(1,\): a value outside the range"),
        Bad("rows", (0, 2), -257, r"row 0, index \(2,\): a value outside the range"),
        Bad("labels", (3,), 2, "row 3: a label that is no class below 2"),
        Bad("labels", (1,), -1, "row 1: a label that is no class below 2"),
        Bad("groups", (4,), 2, "row 4: a group that is neither 0 nor 1"),
        Bad("groups", (4,), -1, "row 4: a group that is neither 0 nor 1"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_place(bad: Bad) -> None:
    parts = arrays(GRAPH, 5)
    parts[bad.part][bad.index] = bad.value
    with pytest.raises(ProofError, match=bad.message) as error:
        public_set(GRAPH, parts)
    assert str(bad.value) not in str(error.value).replace("below 2", "")[8:] or abs(bad.value) < 5


def test_the_ends_of_the_range_are_in_it() -> None:
    parts = arrays(GRAPH, 2)
    parts["rows"][:] = [[-256, -256, -256], [256, 256, 256]]
    public_set(GRAPH, parts)


@pytest.mark.parametrize("part", ["rows", "labels", "groups"])
def test_arrays_of_another_shape_or_type_are_refused(part: str) -> None:
    for change in (lambda array: array[:-1], lambda array: array.astype(np.float64)):
        parts: Parts = arrays(GRAPH, 5)
        parts[part] = change(parts[part])
        described = describe(GRAPH, 5, 2)
        with pytest.raises(ProofError, match=f"the set's {part} must be int64 of shape"):
            described.check(parts["rows"], parts["labels"], parts["groups"])


def test_groups_are_there_where_they_are_described_and_only_there() -> None:
    parts = arrays(GRAPH, 5)
    with pytest.raises(ProofError, match="described with groups"):
        describe(GRAPH, 5, 2).check(parts["rows"], parts["labels"], None)
    without = SetDescription.of(Architecture.of(GRAPH), 5, classes=2)
    with pytest.raises(ProofError, match="described without groups"):
        without.check(**parts)
    without.check(parts["rows"], parts["labels"], None)


def test_numbers_as_labels_may_be_any_that_fit() -> None:
    rows = rows_for(GRAPH, 2)
    described = SetDescription.of(Architecture.of(GRAPH), 2, classes=0)
    described.check(rows, np.array([-(2**53), 2**53]), None)
    with pytest.raises(ProofError, match="row 1: a label over"):
        described.check(rows, np.array([0, 2**53 + 1]), None)


def test_descriptions_of_no_set_are_refused() -> None:
    architecture = Architecture.of(GRAPH)
    for rows, classes in ((0, 2), (MOST_ROWS + 1, 2), (5, 1), (5, -1), (5, 2**10 + 1)):
        with pytest.raises(ProofError, match="a set has 1 to|labels are of 2 to"):
            SetDescription.of(architecture, rows, classes=classes)


def test_a_description_says_itself_to_people() -> None:
    assert describe(GRAPH, 5, 2).words == "5 rows of shape (3,) with labels of 2 classes, each in one of two groups"


def test_digits_that_could_pass_the_field_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    described = SetDescription.of(Architecture.of(dense([3, 2])), 2, classes=2)
    Layout(described)
    monkeypatch.setattr(layout, "MOST_WIDTH", 5)
    with pytest.raises(ProofError, match="pass 5"):
        Layout(described)

"""Settings of a training on shares."""

from __future__ import annotations

import pytest

from tacit.mpc.training.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fraction_bits", 7),
        ("fraction_bits", 21),
        ("epochs", 0),
        ("batch_rows", 0),
        ("learning_rate", 0.0),
        ("learning_rate", 9.0),
        ("learning_rate", float("nan")),
        ("momentum", 1.0),
        ("l2", -1.0),
        ("hidden", (3, 0)),
        ("outputs", 2),
    ],
)
def test_impossible_settings_are_named(name, value):
    with pytest.raises(ValueError, match=name.partition("_")[0]):
        Settings("binary", **{name: value})


def test_classes_have_two_outputs_or_more():
    with pytest.raises(ValueError, match="outputs"):
        Settings("classes")
    assert Settings("classes", 3, (5,)).widths(4) == (4, 5, 3)

"""The functionality: the sum over the survivors, whoever drops out when, up to the number that the setting bears."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProtocolError
from tacit.federated.secagg import Setting, thresholds

from .driver import STEPS, Session, make_setting, make_vectors, plain_sum


@st.composite
def cases(draw: st.DrawFn) -> tuple[Setting, dict[str, str]]:
    n = draw(st.integers(3, 8))
    corrupt = draw(st.integers(0, n - 1))
    dropping = draw(st.integers(0, thresholds.most_dropping(n, corrupt)))
    length = draw(st.sampled_from([0, 1, 2, 3, 17, 255]))
    setting = make_setting(n, corrupt, dropping, length, draw(st.sampled_from([16, 32, 64])))
    gone = draw(st.lists(st.sampled_from(setting.names), max_size=dropping, unique=True))
    return setting, {name: draw(st.sampled_from(STEPS)) for name in gone}


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_the_sum_is_over_the_survivors(case: tuple[Setting, dict[str, str]], seed: int) -> None:
    setting, absent = case
    session = Session(setting, make_vectors(setting, seed), absent).go()
    before = STEPS[: STEPS.index("mask") + 1]
    expected = tuple(name for name in setting.names if absent.get(name) not in before)
    assert session.server.surviving == expected
    assert session.total.dtype == setting.dtype
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, expected))
    assert session.errors == {}
    assert set(session.server.excluded) == set(absent)


@pytest.mark.parametrize("step", STEPS)
def test_one_dropout_too_many_stops_the_sum_and_is_named(step: str) -> None:
    setting = make_setting(n=5, corrupt=0, dropping=1)
    # Up to the survivor set n - d = 4 must be there; after it t = 3 are enough.
    gone = setting.names[3:] if step in STEPS[:3] else setting.names[2:]
    session = Session(setting, absent=dict.fromkeys(gone, step))
    with pytest.raises(ProtocolError, match="sent nothing") as caught:
        session.go()
    assert caught.value.step == step
    assert caught.value.culprit == ", ".join(gone)
    assert session.total is None


@pytest.mark.parametrize("step", STEPS[3:])
def test_after_the_survivor_set_t_parties_are_enough(step: str) -> None:
    setting = make_setting(n=5, corrupt=0, dropping=1)
    session = Session(setting, absent=dict.fromkeys(setting.names[3:], step)).go()
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, setting.names))


def test_dropouts_add_up_over_the_steps() -> None:
    setting = make_setting(n=5, corrupt=0, dropping=2)
    session = Session(setting, absent={"party-01": "share", "party-03": "mask"}).go()
    assert session.server.surviving == ("party-00", "party-02", "party-04")
    with pytest.raises(ProtocolError) as caught:
        Session(setting, absent={"party-01": "advertise", "party-03": "share", "party-04": "mask"}).go()
    assert (caught.value.culprit, caught.value.step) == ("party-04", "mask")


@pytest.mark.parametrize("word_bits", [16, 32, 64])
def test_extreme_words_wrap(word_bits: int) -> None:
    setting = make_setting(n=3, dropping=0, length=3, word_bits=word_bits)
    top = 2**word_bits - 1
    vectors = {name: np.array([0, 1, top], setting.dtype) for name in setting.names}
    assert Session(setting, vectors).go().total.tolist() == [0, 3, top - 2]


def test_vectors_of_the_caller_are_left_alone() -> None:
    setting = make_setting(n=3, dropping=0)
    vectors = make_vectors(setting)
    kept = {name: vector.copy() for name, vector in vectors.items()}
    Session(setting, vectors).go()
    assert all((vectors[name] == kept[name]).all() for name in vectors)


def test_strided_and_read_only_vectors_are_taken() -> None:
    setting = make_setting(n=3, dropping=0, length=4)
    vectors = {name: np.arange(8, dtype=np.uint32)[::-2] for name in setting.names}
    for vector in vectors.values():
        vector.flags.writeable = False
    assert Session(setting, vectors).go().total.tolist() == [21, 15, 9, 3]


def test_a_large_consortium() -> None:
    setting = make_setting(n=40, corrupt=13, dropping=13, length=1000)
    absent = {name: STEPS[1 + place % 2] for place, name in enumerate(setting.names[::4])}
    session = Session(setting, absent=absent).go()
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, session.server.surviving))
    assert len(session.server.surviving) == 30

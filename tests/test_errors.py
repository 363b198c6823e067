"""Errors: a message prints as one line whatever is in it, and survives the way to another process."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import DataError, FormatError, IdentityError, ProtocolError, TacitError


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\nIdentityError: b\r", r"a\nIdentityError: b\r"),
        ("a\u202egpj.exe\u2066", r"a\u202egpj.exe\u2066"),
        ("\x9b31m\x85\u2028", r"\x9b31m\x85\u2028"),
        ("\udcff\u200b\ufeff", r"\udcff\u200b\ufeff"),
    ],
    ids=["escapes", "lines", "directions", "C1", "bytes and nothings"],
)
def test_what_could_steer_a_terminal_is_escaped(hostile: str, shown: str) -> None:
    for error in (TacitError(hostile), FormatError(hostile), IdentityError(hostile)):
        assert str(error) == shown
    error = ProtocolError(hostile, culprit=hostile, step=hostile)
    assert str(error) == f"{shown}, in step {shown}: {shown}"
    assert (error.culprit, error.step) == (shown, shown)


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("/home/josé/Schlüssel.key", "患者.csv: row 7", r"C:\keys 'a' \x1b", "e\u0301"):
        assert str(TacitError(text)) == text


def test_a_table_may_have_a_line_for_each_fault() -> None:
    assert str(DataError("row 1: \x1b\nrow 2: b\r")) == "row 1: \\x1b\nrow 2: b\\r"


@given(st.text())
def test_any_text_prints_on_one_line(text: str) -> None:
    assert str(TacitError(text)).isprintable()
    assert str(ProtocolError(text, culprit=text, step=text)).isprintable()


def test_an_error_comes_back_from_another_process_as_it_was() -> None:
    for error in (ProtocolError("was silent", culprit="bob", step="share"), DataError("a\nb"), TacitError("c")):
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(again) is type(error)
            assert str(again) == str(error)
            assert vars(again) == vars(error)

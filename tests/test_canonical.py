"""Canonical JSON: one byte string per value."""

import contextlib
import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit import canonical
from tacit.errors import FormatError


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    data: bytes = b""
    size: int = 0
    share: float = 0.0
    parts: dict[str, int] = {}


class Anything(msgspec.Struct):
    value: Any = None


things = st.builds(
    Thing,
    name=st.text(),
    data=st.binary(),
    size=st.integers(-(2**63), 2**64 - 1),
    share=st.floats(allow_nan=False, allow_infinity=False),
    parts=st.dictionaries(st.text(), st.integers(-(2**63), 2**63)),
)


@given(things)
def test_decode_inverts_encode(thing: Thing) -> None:
    data = canonical.encode(thing)
    assert canonical.decode(data, Thing, "thing") == thing
    assert json.loads(data)["name"] == thing.name


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_matter(parts: dict[str, int]) -> None:
    assert canonical.encode(dict(reversed(parts.items()))) == canonical.encode(parts)


@pytest.mark.parametrize(
    "data",
    [
        b'{"data":"","name":"","parts":{},"share":0.0,"size":0} ',
        b' {"data":"","name":"","parts":{},"share":0.0,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0.0, "size":0}',
        b'{"name":"","data":"","parts":{},"share":0.0,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0.00,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0e0,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0.0,"size":-0}',
        b'{"data":"","name":"\\u0061","parts":{},"share":0.0,"size":0}',
        b'{"data":"AB==","name":"","parts":{},"share":0.0,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0.0,"size":0,"size":0}',
        b'{"data":"","name":"","parts":{"a":1,"a":1},"share":0.0,"size":0}',
        b'{"data":"","name":"","parts":{"b":1,"a":1},"share":0.0,"size":0}',
        b'{"data":"","name":"","parts":{},"share":0.0}',
        b"{}",
    ],
)
def test_other_spellings_of_a_value_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="thing is not in canonical form"):
        canonical.decode(data, Thing, "thing")


@given(things, st.data())
def test_no_other_bytes_have_the_same_value(thing: Thing, data: st.DataObject) -> None:
    encoded = bytearray(canonical.encode(thing))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(FormatError):
        assert canonical.decode(bytes(encoded), Thing, "thing") != thing


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_one_error(data: bytes) -> None:
    for kind in (Thing, Anything):
        with contextlib.suppress(FormatError):
            canonical.decode(data, kind, "thing")


@pytest.mark.parametrize(
    "data",
    [
        b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"value":' + b'{"a":' * 100_000,
        b'{"value":1e400}',
        b'{"value":NaN}',
        b'{"value":1' + b"0" * 10_000 + b"}",
        b'{"value":"\\ud800"}',
        b'{"value":"\xff"}',
        b"",
    ],
)
def test_hostile_json_is_one_error(data: bytes) -> None:
    with pytest.raises(FormatError, match="thing"):
        canonical.decode(data, Anything, "thing")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_not_written_as_null(value: float) -> None:
    for holder in (value, [value], {"a": [value]}, Anything({"a": (1.0, value)}), [None, value]):
        with pytest.raises(ValueError, match="not finite"):
            canonical.encode(holder)
    assert canonical.encode(Anything([None, "null", 1.0])) == b'{"value":[null,"null",1.0]}'


def test_an_error_quotes_a_stranger_briefly_and_on_one_line() -> None:
    data = b'{"' + b"\\n\xc3\xa9" * 10_000 + b'":1}'
    with pytest.raises(FormatError) as caught:
        canonical.decode(data, Thing, "thing")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()


@given(st.text())
def test_a_quotation_is_short_plain_and_on_one_line(text: str) -> None:
    quoted = canonical.quote(text)
    assert quoted.isascii()
    assert quoted.isprintable()
    assert len(quoted) <= canonical.QUOTED_CHARACTERS + 3

"""Messages: any bytes give the value that was meant or one error, in bounded time and memory."""

import enum
import pickle
import tracemalloc
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import ProtocolError
from tacit.wire import decode, encode


class Part(msgspec.Struct, frozen=True):
    name: str
    weight: float


class Report(msgspec.Struct, tag="report", frozen=True, forbid_unknown_fields=True):
    number: int
    data: bytes
    parts: list[Part] = []
    counts: dict[str, int] = {}
    note: str | None = None


class Free(msgspec.Struct, tag="free", frozen=True, forbid_unknown_fields=True):
    value: Any


class Colour(enum.Enum):
    RED = "red"


class Painted(msgspec.Struct, tag="painted", frozen=True, forbid_unknown_fields=True):
    colour: Colour
    few: Annotated[list[int], msgspec.Meta(max_length=3)] = []


def read(data: bytes, kind: type[msgspec.Struct] = Report) -> msgspec.Struct:
    return decode(data, kind, sender="bob", step="reporting")


def refused(data: bytes, kind: type[msgspec.Struct] = Report) -> str:
    with pytest.raises(ProtocolError) as caught:
        read(data, kind)
    assert caught.value.culprit == "bob"
    assert caught.value.step == "reporting"
    assert len(str(caught.value)) < 300
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    return str(caught.value)


reports = st.builds(
    Report,
    number=st.integers(-(2**63), 2**64 - 1),
    data=st.binary(),
    parts=st.lists(st.builds(Part, name=st.text(), weight=st.floats(allow_nan=False))),
    counts=st.dictionaries(st.text(), st.integers(-(2**63), 2**64 - 1)),
    note=st.none() | st.text(),
)


@given(reports)
def test_decode_inverts_encode(report: Report) -> None:
    assert read(encode(report)) == report


@given(reports, st.data())
def test_no_other_bytes_have_the_same_value(report: Report, data: st.DataObject) -> None:
    encoded = bytearray(encode(report))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        other = read(bytes(encoded))
    except ProtocolError:
        return
    assert encode(other) == encoded
    assert other != report or str(other) != str(report)  # -0.0 equals 0.0, and is another value


@given(reports, st.data())
def test_cut_or_padded_messages_are_refused(report: Report, data: st.DataObject) -> None:
    encoded = encode(report)
    refused(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    refused(encoded + data.draw(st.binary(min_size=1, max_size=4)))


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_one_error(data: bytes) -> None:
    for kind in (Report, Free, Painted):
        try:
            message = read(data, kind)
        except ProtocolError:
            continue
        assert encode(message) == data


@pytest.mark.parametrize(
    "message",
    [
        {"type": "report", "number": 1},
        {"type": "report", "number": "1", "data": b"", "parts": [], "counts": {}, "note": None},
        {"type": "report", "number": 1.0, "data": b"", "parts": [], "counts": {}, "note": None},
        {"type": "report", "number": 1, "data": "text", "parts": [], "counts": {}, "note": None},
        {"type": "report", "number": 1, "data": b"", "parts": {}, "counts": {}, "note": None},
        {"type": "report", "number": 1, "data": b"", "parts": [{"name": "a"}], "counts": {}, "note": None},
        {"type": "report", "number": 1, "data": b"", "parts": [], "counts": {1: 1}, "note": None},
        {"type": "report", "number": 1, "data": b"", "parts": [], "counts": {}, "note": None, "more": 1},
        {"type": "free", "number": 1, "data": b"", "parts": [], "counts": {}, "note": None},
        {"number": 1, "data": b"", "parts": [], "counts": {}, "note": None},
        ["report", 1],
        None,
        7,
    ],
)
def test_values_of_another_type_are_refused(message: object) -> None:
    refused(msgspec.msgpack.encode(message))


def field(name: bytes, value: bytes) -> bytes:
    return bytes([0xA0 + len(name)]) + name + value


BODY = (
    field(b"number", b"\x01"),
    field(b"data", b"\xc4\x00"),
    field(b"parts", b"\x90"),
    field(b"counts", b"\x80"),
    field(b"note", b"\xc0"),
)
TAG = field(b"type", b"\xa6report")
HEAD = b"\x86" + TAG
ONE_PART = field(b"parts", b"\x91\x82" + field(b"name", b"\xa1a") + field(b"weight", b"\xcb" + bytes(8)))


@pytest.mark.parametrize(
    "data",
    [
        HEAD + BODY[1] + BODY[0] + b"".join(BODY[2:]),
        b"\x86" + b"".join(BODY) + TAG,
        b"\x87" + TAG + BODY[0] + b"".join(BODY),
        b"\xde\x00\x06" + TAG + b"".join(BODY),
        b"\x85" + TAG + b"".join(BODY[:4]),
        HEAD + field(b"number", b"\xcc\x01") + b"".join(BODY[1:]),
        HEAD + field(b"number", b"\xd0\x01") + b"".join(BODY[1:]),
        HEAD + field(b"number", b"\xcf" + (1).to_bytes(8, "big")) + b"".join(BODY[1:]),
        HEAD + BODY[0] + field(b"data", b"\xc5\x00\x00") + b"".join(BODY[2:]),
        HEAD + BODY[0] + BODY[1] + field(b"parts", b"\xdc\x00\x00") + b"".join(BODY[3:]),
        HEAD + BODY[0] + BODY[1] + ONE_PART.replace(b"\xcb" + bytes(8), b"\xca" + bytes(4)) + b"".join(BODY[3:]),
        HEAD + BODY[0] + BODY[1] + ONE_PART.replace(b"\xcb" + bytes(8), b"\x00") + b"".join(BODY[3:]),
        HEAD + BODY[0] + BODY[1] + ONE_PART.replace(b"\x91\x82", b"\x91\x83\xa1x\x01") + b"".join(BODY[3:]),
        HEAD + b"".join(BODY[:3]) + field(b"counts", b"\x82\xa1a\x01\xa1a\x01") + BODY[4],
        HEAD + b"".join(BODY[:3]) + field(b"counts", b"\x82\xa1b\x01\xa1a\x01") + BODY[4],
        HEAD + b"".join(BODY[:4]) + field(b"note", b"\xd9\x01a"),
    ],
)
def test_other_spellings_of_a_value_are_refused(data: bytes) -> None:
    assert "another than its one encoding" in refused(data)


def test_the_spelling_that_the_others_differ_from_is_read() -> None:
    assert read(HEAD + b"".join(BODY)) == Report(1, b"")
    assert read(HEAD + BODY[0] + BODY[1] + ONE_PART + b"".join(BODY[3:])) == Report(1, b"", [Part("a", 0.0)])


@given(st.dictionaries(st.text(), st.integers(0, 9)))
def test_the_order_of_keys_does_not_matter(counts: dict[str, int]) -> None:
    assert encode(Report(1, b"", [], counts)) == encode(Report(1, b"", [], dict(reversed(counts.items()))))


FREE = b"\x82" + field(b"type", b"\xa4free") + b"\xa5value"


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa0", b"\xdd\x00\x00\x00\x01"])
def test_deep_nesting_is_one_error(opening: bytes) -> None:
    refused(FREE + opening * 200_000 + b"\x00", Free)
    refused(HEAD + BODY[0] + BODY[1] + field(b"parts", opening * 200_000 + b"\x00") + b"".join(BODY[3:]))
    refused(opening * 200_000, Free)


@pytest.mark.parametrize(
    "header", [b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"], ids=["array", "map", "bin", "str", "ext"]
)
def test_a_huge_declared_length_takes_no_memory(header: bytes) -> None:
    for size in (2**32 - 1, 2**31, 2**27):
        data = FREE + header + size.to_bytes(4, "big") + bytes(64)
        tracemalloc.start()
        try:
            refused(data, Free)
            refused(HEAD + BODY[0] + BODY[1] + field(b"parts", header + size.to_bytes(4, "big")) + bytes(64))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1 << 20


def test_a_bound_on_a_list_is_kept() -> None:
    assert read(encode(Painted(Colour.RED, [1, 2, 3])), Painted) == Painted(Colour.RED, [1, 2, 3])
    refused(encode(Painted(Colour.RED, [1, 2, 3, 4])), Painted)


def test_text_of_the_sender_is_quoted_briefly_and_on_one_line() -> None:
    long = "\x1b[31m\n" * 5_000
    refused(msgspec.msgpack.encode({"type": long}))
    refused(msgspec.msgpack.encode({"type": "painted", "colour": long, "few": []}), Painted)
    refused(msgspec.msgpack.encode({"type": "report", long: 1}))


@pytest.mark.parametrize("value", [b"\x81\x01\x00", b"\x81\x90\x00", b"\x81\x80\x00", b"\x81\xc4\x00\x00"])
def test_keys_that_are_no_text_are_one_error(value: bytes) -> None:
    refused(FREE + value, Free)


def test_text_that_is_not_utf8_is_one_error() -> None:
    refused(FREE + b"\xa1\xff", Free)
    refused(HEAD + b"".join(BODY[:4]) + field(b"note", b"\xa1\xff"))


def test_a_pickle_is_bytes_like_any_other() -> None:
    refused(pickle.dumps({"a": 1}))


def test_only_closed_tagged_frozen_structs_are_messages() -> None:
    class Untagged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        value: int = 0

    class Open(msgspec.Struct, tag="open", frozen=True):
        value: int = 0

    class Changeable(msgspec.Struct, tag="changeable", forbid_unknown_fields=True):
        value: int = 0

    class Sets(msgspec.Struct, tag="sets", frozen=True, forbid_unknown_fields=True):
        values: dict[str, list[frozenset[int] | None]] = {}

    class Set(msgspec.Struct, tag="set", frozen=True, forbid_unknown_fields=True):
        values: set[int] = set()

    class Numbered(msgspec.Struct, tag="numbered", frozen=True, forbid_unknown_fields=True):
        values: list[dict[int, str]] = []

    for kind in (Untagged, Open, Changeable, Sets, Set, Numbered):
        with pytest.raises(TypeError, match=kind.__name__):
            encode(kind())
        with pytest.raises(TypeError, match=kind.__name__):
            read(b"", kind)
    for message in ({"type": "report"}, b"bytes", None, 7):
        with pytest.raises(TypeError, match="is not a message"):
            encode(message)  # type: ignore[arg-type]


def test_a_kind_may_refer_to_itself() -> None:
    assert read(encode(Tree([Tree([]), Tree([])])), Tree) == Tree([Tree([]), Tree([])])


class Tree(msgspec.Struct, tag="tree", frozen=True, forbid_unknown_fields=True):
    branches: list["Tree"]

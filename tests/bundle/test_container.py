import struct
import tracemalloc

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tacit.bundle import container
from tacit.bundle.container import Sections, pack, unpack
from tacit.errors import FormatError

SMALL = Sections(b"agreement", (b"a", b"b"), (b"sa", b"sb"), b"{}", (b"ma",), b"payload")
KINDS = (1, 2, 2, 3, 3, 4, 5, 6)
CONTENTS = (b"agreement", b"a", b"b", b"sa", b"sb", b"{}", b"ma", b"payload")
ROWS = list(zip(KINDS, CONTENTS, strict=True))


def written(rows=ROWS, *, magic=container.MAGIC, version=1, count=None, tail=b"") -> bytes:
    """A container written independently of the code under test."""
    count = len(rows) if count is None else count
    head = magic + version.to_bytes(4, "big") + count.to_bytes(4, "big")
    table = b"".join(kind.to_bytes(4, "big") + len(content).to_bytes(8, "big") for kind, content in rows)
    return head + table + b"".join(content for _, content in rows) + tail


def test_layout_is_the_documented_one():
    assert pack(SMALL) == written()
    assert unpack(written()) == SMALL


short = st.binary(max_size=40)


@given(st.builds(Sections, short, st.tuples(short, short), st.tuples(short), short, st.tuples(short, short), short))
def test_what_is_packed_comes_back(sections):
    assert unpack(pack(sections)) == sections


@given(st.binary(max_size=300))
@example(b"")
@example(container.MAGIC)
@example(pack(SMALL))
def test_any_bytes_are_sections_or_one_error(data):
    try:
        sections = unpack(data)
    except FormatError:
        return
    assert pack(sections) == data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_table_is_sections_or_one_error(data):
    rows = data.draw(st.lists(st.tuples(st.integers(0, 8), short), max_size=12))
    bytes_ = written(rows, tail=data.draw(st.binary(max_size=4)))
    try:
        sections = unpack(bytes_)
    except FormatError:
        return
    assert pack(sections) == bytes_


def test_truncated_at_each_length():
    whole = pack(SMALL)
    for length in range(len(whole)):
        with pytest.raises(FormatError, match=r"truncated|no bundle"):
            unpack(whole[:length])


def test_extended():
    with pytest.raises(FormatError, match="truncated or extended"):
        unpack(pack(SMALL) + b"\x00")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (written(magic=b"\x89TACIT\n\x00"), "copied as text"),
        (written(version=2), "of version 2; this program reads version 1"),
        (written(version=0), "of version 0"),
        (written(count=2**32 - 1), "declares 4294967295 sections"),
        (written(count=container.MAX_SECTIONS + 1), "declares 1025 sections"),
        (written([]), "0 sections of kind agreement"),
        (written([(1, b"twice"), *ROWS]), "2 sections of kind agreement"),
        (written(ROWS[1:]), "0 sections of kind agreement"),
        (written([row for row in ROWS if row[0] != 4]), "0 sections of kind manifest"),
        (written([*ROWS, (6, b"")]), "2 sections of kind payload"),
        (written(ROWS[:-1]), "0 sections of kind payload"),
        (written([*ROWS, (7, b"")]), r"unknown kinds \[7\]"),
        (written([(0, b""), *ROWS]), r"unknown kinds \[0\]"),
        (written(ROWS[::-1]), "out of order"),
        (written([ROWS[0], *ROWS[3:5], *ROWS[1:3], *ROWS[5:]]), "out of order"),
    ],
)
def test_refusals(data, reason):
    with pytest.raises(FormatError, match=reason):
        unpack(data)


@pytest.mark.parametrize(
    ("kind", "longest"),
    [(1, 2**20), (2, 32 * 2**10), (3, 16 * 2**10), (4, 2**20), (5, 3373), (6, 2**30)],
)
def test_each_kind_has_its_bound(kind, longest):
    place = KINDS.index(kind)
    for length, reason in ((longest + 1, "none is that large"), (2**64 - 1, "none is that large"), (longest, "add up")):
        data = bytearray(written())
        data[16 + 12 * place + 4 : 16 + 12 * place + 12] = struct.pack(">Q", length)
        with pytest.raises(FormatError, match=reason):
            unpack(bytes(data))


def test_declared_lengths_cost_no_memory():
    lies = [(1, 2**20), *[(2, 2**15)] * 500, (4, 2**20), (6, 2**30 - 2**25)]
    data = struct.pack(">8sII", container.MAGIC, 1, len(lies)) + b"".join(struct.pack(">IQ", *row) for row in lies)
    tracemalloc.start()
    with pytest.raises(FormatError, match="add up"):
        unpack(data)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_larger_than_any_is_neither_written_nor_read(monkeypatch):
    monkeypatch.setattr(container, "MAX_BYTES", len(pack(SMALL)))
    assert unpack(pack(SMALL)) == SMALL
    monkeypatch.setattr(container, "MAX_BYTES", len(pack(SMALL)) - 1)
    for attempt in (lambda: pack(SMALL), lambda: unpack(written())):
        with pytest.raises(FormatError, match="larger than"):
            attempt()


def test_as_many_sections_as_there_can_be():
    most = SMALL._replace(identities=(b"",) * (container.MAX_SECTIONS - 6))
    assert unpack(pack(most)) == most


def test_too_many_sections_are_not_written():
    with pytest.raises(FormatError, match="at most 1024"):
        pack(SMALL._replace(identities=(b"",) * 1024))

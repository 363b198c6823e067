"""What a file will unpack to is what pyarrow says of it, where that can be believed; damage is a ValueError."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data.parquet_sizes import (
    HEADER,
    LONGEST_FOOTER,
    LONGEST_HEADER,
    Chunk,
    _page_header,
    _Struct,
    unpacked_chunks,
)

ROWS = 3000
TABLE = pa.table(
    {
        "number": [row % 700 + 0.5 for row in range(ROWS)],
        "text": [f"text {row % 30}" for row in range(ROWS)],
        "dots.in.name": list(range(ROWS)),
        "nested": [{"x": row} for row in range(ROWS)],
    }
)
FORMS = [
    {},
    {"compression": "zstd", "row_group_size": 1000},
    {"compression": "gzip", "data_page_version": "2.0", "data_page_size": 1000},
    {"use_dictionary": False, "data_page_size": 500, "write_page_index": True},
    {"use_dictionary": ["text"], "write_page_checksum": True, "write_batch_size": 100, "data_page_size": 100},
]


def written(table: pa.Table = TABLE, **form: object) -> io.BytesIO:
    stream = io.BytesIO()
    pq.write_table(table, stream, **form)
    return stream


@pytest.mark.parametrize("form", FORMS)
def test_sizes_and_encodings_are_those_of_the_file(form):
    stream = written(**form)
    paths = {"number", "text", "dots.in.name", "nested.x"}
    chunks = list(unpacked_chunks(stream, paths))
    metadata = pq.ParquetFile(stream).metadata
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    expected = [(number, group.column(at)) for number, group in enumerate(groups, 1) for at in range(4)]
    assert [(chunk.group, chunk.path) for chunk in chunks] == [(n, column.path_in_schema) for n, column in expected]
    names = {"PLAIN": 0, "PLAIN_DICTIONARY": 2, "RLE": 3, "BIT_PACKED": 4, "RLE_DICTIONARY": 8}
    for chunk, (_, column) in zip(chunks, expected, strict=True):
        assert chunk.encodings == {names[encoding] for encoding in column.encodings}
        # pyarrow's figure has the pages' headers in it
        assert 0.5 * column.total_uncompressed_size < chunk.unpacked < column.total_uncompressed_size


def test_only_the_columns_asked_for_are_walked():
    assert [chunk.path for chunk in unpacked_chunks(written(), {"text"})] == ["text"]
    assert list(unpacked_chunks(written(), {"none"})) == []


def test_no_rows_are_no_bytes():
    stream = written(TABLE.slice(0, 0))
    assert [(chunk.path, chunk.unpacked) for chunk in unpacked_chunks(stream, {"text", "number"})] == [
        ("number", 0),
        ("text", 0),
    ]


def test_a_page_of_zeros_is_as_large_as_it_unpacks_to():
    stream = written(pa.table({"a": ["\x00" * 50_000_000]}), compression="zstd", use_dictionary=False)
    assert len(stream.getvalue()) < 100_000
    (chunk,) = unpacked_chunks(stream, {"a"})
    assert 50_000_000 <= chunk.unpacked < 50_000_100


def test_a_page_header_may_be_long():
    """Statistics hold the least and the greatest text."""
    stream = written(pa.table({"a": ["x" * 3 * HEADER, "y" * 3 * HEADER]}), use_dictionary=False)
    (chunk,) = unpacked_chunks(stream, {"a"})
    assert 6 * HEADER <= chunk.unpacked < 7 * HEADER


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file_is_a_value_error(form):
    data = written(**form).getvalue()
    for size in (0, 3, 8, 12, len(data) // 2, len(data) - 9, len(data) - 1):
        with pytest.raises(ValueError):
            list(unpacked_chunks(io.BytesIO(data[:size] + b"PAR1"), {"text"}))


@pytest.mark.parametrize(("length", "size"), [(9, 8), (2**32 - 1, 100), (LONGEST_FOOTER + 1, LONGEST_FOOTER + 100)])
def test_a_footer_is_no_longer_than_the_file_and_than_any_can_be(length, size):
    with pytest.raises(ValueError, match="the footer is longer than any can be"):
        list(unpacked_chunks(io.BytesIO(bytes(size) + length.to_bytes(4, "little") + b"PAR1"), {"a"}))


@pytest.mark.parametrize("field", [1, 2])  # the second byte of three fields is the number's: type, unpacked, packed
def test_a_page_of_negative_size_is_a_value_error(field):
    whole = bytearray(written(pa.table({"a": [1, 2, 3]}), use_dictionary=False).getvalue())
    assert whole[4:10:2] == b"\x15\x15\x15"
    whole[5 + 2 * field] |= 1  # an odd number in zigzag is negative
    with pytest.raises(ValueError, match="a page of negative size"):
        list(unpacked_chunks(io.BytesIO(whole), {"a"}))


def test_a_header_that_does_not_end_is_not_read_to_the_end_of_the_file():
    stream = io.BytesIO(b"\x18\xff\xff\xff\xff\x0f" + bytes(4 * LONGEST_HEADER))
    with pytest.raises(ValueError, match="header is truncated"):
        _page_header(stream, 0)
    assert stream.tell() <= 2 * LONGEST_HEADER


def test_a_chunk_that_ends_within_a_header_is_a_value_error():
    stream = written(TABLE.select(["number"]))
    with pytest.raises(ValueError, match="header is truncated"):
        list(unpacked_chunks(_Short(stream.getvalue(), 10), {"number"}))


class _Short(io.BytesIO):
    """Gives a header's first bytes only."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        at = self.tell()
        return super().read(size) if at > len(self.getvalue()) // 2 else super().read(max(0, self._most - at))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_file_gives_sizes_or_a_value_error(data):
    whole = bytearray(written(TABLE.slice(0, 50), **data.draw(st.sampled_from(FORMS))).getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        chunks = list(unpacked_chunks(io.BytesIO(whole), {"text", "number"}))
    except ValueError:
        return
    assert all(isinstance(chunk, Chunk) and chunk.unpacked >= 0 for chunk in chunks)


def file(footer: bytes) -> io.BytesIO:
    return io.BytesIO(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")


def meta(
    path: bytes = b"\x19\x18\x01a", encodings: bytes = b"\x19\x15\x00", pages: bytes = b"\x26\x08\x26\x1e"
) -> bytes:
    """A footer of one chunk: encodings, path, ten values, 15 bytes packed, then where the pages begin."""
    chunk = encodings.replace(b"\x19", b"\x29", 1) + path + b"\x26\x14\x26\x1e" + pages + b"\x00"
    return b"\x49\x1c\x19\x1c\x3c" + chunk + b"\x00\x00\x00"


@pytest.mark.parametrize(
    ("footer", "says"),
    [
        (b"\x49\x1c", "the footer is truncated"),
        (b"\x00", "field 4 is missing"),
        (b"\x49\x15\x02\x00", "field 4 has values of another type"),
        (meta(path=b"\x19\x15\x02"), "field 3 has values of another type"),
        (meta(encodings=b"\x19\x1c\x00"), "field 2 has values of another type"),
        (meta(pages=b"\x26\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "begins outside of the file"),  # -2^63
        (meta(pages=b"\x26\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"), "begins outside of the file"),
        (meta(pages=b"\x26\x08\x28\x01x"), "field 11 is missing"),  # the dictionary's place is a text
    ],
)
def test_a_footer_of_other_values_is_a_value_error(footer, says):
    with pytest.raises(ValueError, match=says):
        list(unpacked_chunks(file(footer), {"a"}))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_struct_or_refused(data):
    struct = _Struct(data)
    try:
        struct.read()
    except (ValueError, IndexError):
        return
    assert struct.at <= len(data)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"\x00", {}),
        (b"\x15\x02\x00", {1: 1}),
        (b"\x15\x01\x25\x06\x00", {1: -1, 3: 3}),  # ids grow by the first half-byte
        (b"\x05\x28\x03\x00", {20: -2}),  # or are written out
        (b"\x11\x12\x00", {1: True, 2: False}),
        (b"\x13\x07\x00", {1: 7}),
        (b"\x18\x02hi\x00", {1: b"hi"}),
        (b"\x17" + b"\x01" * 8 + b"\x00", {1: b"\x01" * 8}),
        (b"\x19\x25\x02\x04\x00", {1: [1, 2]}),
        (b"\x19\xf5\x0f" + b"\x02" * 15 + b"\x00", {1: [1] * 15}),
        (b"\x1c\x15\x02\x00\x00", {1: {1: 1}}),
        (b"\x16" + b"\xff" * 9 + b"\x01\x00", {1: -(2**63)}),
    ],
)
def test_structs_of_the_compact_protocol(data, fields):
    struct = _Struct(data + b"more")
    assert struct.read() == fields
    assert struct.at == len(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", IndexError),
        (b"\x15", IndexError),
        (b"\x18\x7fhi\x00", IndexError),
        (b"\x19\xf5\xff\xff\xff\xff\x0f\x00", IndexError),  # 2^32 values in eight bytes
        (b"\x19\xf7\xff\xff\xff\xff\x0f\x00", IndexError),  # of eight bytes each: none of them is looked for
        (b"\x16" + b"\xff" * 11, ValueError),
        (b"\x1b\x01\x00", ValueError),  # no struct of Parquet has a map
        (b"\x1c" * 40, ValueError),
        (b"\x19\x1c" + b"\x19\x1c" * 40, ValueError),
    ],
)
def test_what_is_no_struct(data, error):
    with pytest.raises(error):
        _Struct(data).read()

"""Whatever is wrong with a table, nothing that a log could get of the error shows what a cell of it holds."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column, Schema, infer, load

SCHEMA = Schema(
    label="y",
    columns=(
        Column(name="number", kind="number", low=0.0, high=10.0),
        Column(name="code", kind="integer", low=0.0, high=10.0, missing="indicator"),
        Column(name="word", kind="category", values=("a", "b")),
        Column(name="y", kind="boolean"),
    ),
    max_rows=5,
)
NAMES = ["number", "code", "word", "y"]
CANARY = "8173"  # digits, so that it also stands in numbers

canaries = st.one_of(
    st.sampled_from(
        ["{}", "-{}", "{}.5", "1,{}", "x{}", "{}e400", " {} ", "0x{}", "{}\x00", "{}\u202e", "{}'", "{}\n{}"]
    ),
    st.sampled_from(["{}" * 60, "{}" * 30_000]),
).map(lambda text: text.replace("{}", CANARY))
cells = st.one_of(canaries, st.sampled_from(["1", "2.5", "a", "b", "true", "no", "", "nan"]))
breaks = st.sampled_from(
    [b"", b'"', b"\x00", b"\xff", b"\n", b"\r", b",", b";", b'";"', b"\xef\xbb\xbf", b"\xe2\x82"]  # none names a column
)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """A header, or none, and rows; then broken somewhere, or cut."""
    separator = draw(st.sampled_from([",", ",", ";", "\t"]))
    rows = draw(st.lists(st.lists(cells, min_size=3, max_size=5), min_size=1, max_size=7))
    head = draw(st.sampled_from([NAMES, NAMES[:2], ["y", "word", "code", "number"], rows[0], [*NAMES, "ward"]]))
    quote = draw(st.booleans())
    lines = [separator.join(f'"{cell}"' if quote else cell for cell in row) for row in (head, *rows)]
    data = "\n".join(lines).encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-16-le"])))
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(breaks) + data[at : draw(st.sampled_from([len(data), len(data) - 1]))]


def check(attempt: Any, path: Path) -> None:
    for work in (lambda: load(path, SCHEMA), lambda: load(path, SCHEMA, labelled=False), lambda: infer(path, "y")):
        attempt(path, work, hidden=CANARY)


@settings(max_examples=300, deadline=None)
@given(csv_files())
def test_csv(scratch: Path, attempt: Any, data: bytes):
    path = scratch / "leak.csv"
    path.write_bytes(data)
    check(attempt, path)


columns = st.sampled_from(
    [
        [8173, 1],
        [8173.5, float("nan")],
        ["8173x", None],
        ["8173" * 30_000, "a"],
        [b"\xff8173", b"a"],
        pa.array([8173, 8173], pa.timestamp("s")),
        pa.array([8173, None], pa.decimal128(8, 2)),
        pa.array(np.array([8173, 1], np.float16)),
        pa.array([2**64 - 1, 8173], pa.uint64()),
        pa.array(["8173y", "8173z"]).dictionary_encode(),
        pa.array([[8173], []]),
        pa.array([{"8173": 8173}, None]),
        pa.array([b"8173", b"8173"], pa.binary(4)),
        pa.nulls(2),
        [True, False],
        ["a", "b"],
        [1, 2],
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(columns, min_size=4, max_size=4),
    st.sampled_from([NAMES, ["number", "number", "word", "y"], ["other", "code", "word", "y"]]),
    st.sampled_from([{}, {"use_dictionary": False, "column_encoding": "PLAIN"}, {"compression": "zstd"}]),
    st.integers(0, 400),
)
def test_parquet(scratch: Path, attempt: Any, parts: list[Any], names: list[str], form: dict[str, Any], cut: int):
    path = scratch / "leak.parquet"
    pq.write_table(pa.Table.from_arrays(list(map(pa.array, parts)), names), path, **form)
    if cut > 300:
        path.write_bytes(path.read_bytes()[:-cut])
    check(attempt, path)

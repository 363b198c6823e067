import base64
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.errors import FormatError, TacitError
from tacit.study import Head, Log
from tacit.study.log import tree_hash


def rfc9162(entries: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, word for word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc9162(entries[:k]) + rfc9162(entries[k:])).digest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.jsonl"


def written(path, count=6):
    log = Log(path)
    for index in range(count):
        log.append("round", {"index": index, "loss": index / 8, "who": ["ash", "birch"]})
    return log


def lines(path):
    return path.read_bytes().split(b"\n")[:-1]


def rewrite(path, new):
    path.write_bytes(b"".join(line + b"\n" for line in new))


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_tree_hash_is_the_one_of_the_rfc(entries):
    assert tree_hash(entries) == rfc9162(entries)


def test_tree_hash_of_every_small_size():
    entries = [bytes([n]) for n in range(130)]
    for size in range(131):
        assert tree_hash(entries[:size]) == rfc9162(entries[:size])


def test_tree_hash_of_published_vectors():
    """Roots for 0, 1, 2, 3 and 8 leaves of Google's certificate-transparency test data (RFC 6962 hashing)."""
    leaves = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        bytes(range(0x50, 0x58)),
        bytes(range(0x60, 0x70)),
    ]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, root in roots.items():
        assert tree_hash(leaves[:size]).hex() == root


def test_head_is_over_the_lines_of_the_file(path):
    log = written(path)
    assert log.head == Head(6, rfc9162(lines(path)))


def test_head_at_is_the_head_there_was(path):
    log, heads = Log(path), [Log(path).head]
    for index in range(9):
        heads.append(log.append("round", {"index": index}))
    assert [log.head_at(size) for size in range(10)] == heads
    assert heads[-1] == log.head


@pytest.mark.parametrize("size", [-1, 7])
def test_head_at_a_size_that_never_was(path, size):
    with pytest.raises(FormatError, match=f"the log has 6 entries, not {size}"):
        written(path).head_at(size)


def test_entries_come_back(path):
    log, again = written(path), Log(path)
    assert list(again) == list(log)
    assert len(again) == 6
    assert [entry.index for entry in again] == list(range(6))
    assert again.head == log.head


def test_each_line_is_json_with_the_hash_of_the_one_before(path):
    written(path)
    previous = bytes(32)
    for number, line in enumerate(lines(path)):
        entry = json.loads(line)
        assert entry["index"] == number
        assert entry["kind"] == "round"
        assert base64.b64decode(entry["previous"]) == previous
        previous = hashlib.sha256(b"\x00" + line).digest()


def test_a_new_log_is_empty_and_no_file(path):
    log = Log(path)
    assert (len(log), list(log), log.head) == (0, [], Head(0, hashlib.sha256(b"").digest()))
    assert not path.exists()


@pytest.mark.parametrize("index", range(5))
def test_an_altered_line_is_named(path, index):
    """Altering a line breaks the line after it; the last line's alteration shows in the head, which is signed."""
    before, kept = written(path).head, lines(path)
    kept[index] = kept[index].replace(b'"who"', b'"why"')
    rewrite(path, kept)
    with pytest.raises(FormatError, match=f"line {index + 2}: the log was altered before or at this entry"):
        Log(path)
    assert before.root != rfc9162(kept)


def test_an_altered_last_line_shows_in_the_head(path):
    head, kept = written(path).head, lines(path)
    kept[-1] = kept[-1].replace(b'"who"', b'"why"')
    rewrite(path, kept)
    assert Log(path).head != head
    assert Log(path).head_at(5) == Head(5, rfc9162(kept[:5]))


@pytest.mark.parametrize("index", range(5))
def test_a_removed_line_is_named(path, index):
    written(path)
    kept = lines(path)
    del kept[index]
    rewrite(path, kept)
    with pytest.raises(FormatError, match=f"line {index + 1}: the log was altered"):
        Log(path)


def test_lines_removed_from_the_end_show_in_the_head(path):
    head = written(path).head
    rewrite(path, lines(path)[:-2])
    with pytest.raises(FormatError, match="4 entries, not 6"):
        Log(path).head_at(head.size)


@pytest.mark.parametrize("index", range(5))
def test_reordered_lines_are_named(path, index):
    written(path)
    kept = lines(path)
    kept[index], kept[index + 1] = kept[index + 1], kept[index]
    rewrite(path, kept)
    with pytest.raises(FormatError, match=f"line {index + 1}: the log was altered"):
        Log(path)


def test_a_doubled_line_is_named(path):
    written(path)
    kept = lines(path)
    rewrite(path, [*kept[:3], *kept[2:]])
    with pytest.raises(FormatError, match="line 4: the log was altered"):
        Log(path)


@pytest.mark.parametrize("false", [b"4", b"6", b"-5", b"55"])
def test_a_false_number_in_the_last_line_is_named(path, false):
    written(path)
    *kept, last = lines(path)
    rewrite(path, [*kept, last.replace(b'"index":5,"kind"', b'"index":' + false + b',"kind"')])
    with pytest.raises(FormatError, match="line 6: the log was altered"):
        Log(path)


@pytest.mark.parametrize("index", range(6))
def test_a_line_in_another_form_is_named(path, index):
    """The same value in other bytes would have another hash."""
    written(path)
    kept = lines(path)
    kept[index] = kept[index].replace(b":", b": ", 1)
    rewrite(path, kept)
    with pytest.raises(FormatError, match=f"line {index + 1} is not in canonical form"):
        Log(path)


@pytest.mark.parametrize("bad", [b"", b"{}", b"null", b"\xff", b"[" * 10_000, b'{"a":' * 10_000])
def test_a_line_that_is_no_entry_is_named(path, bad):
    written(path)
    rewrite(path, [*lines(path)[:2], bad, *lines(path)[2:]])
    with pytest.raises(FormatError, match="line 3"):
        Log(path)


def test_an_empty_first_line_is_named(path):
    path.write_bytes(b"\n")
    with pytest.raises(FormatError, match="line 1"):
        Log(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_log_or_one_error(path, data):
    path.write_bytes(data)
    try:
        log = Log(path)
    except FormatError:
        return
    assert len(log) == 0
    assert b"\n" not in data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_whatever_is_changed_before_the_last_line_is_found(path, data):
    if path.exists():
        path.unlink()
    written(path, 3)
    content = path.read_bytes()
    first_lines = len(content) - len(lines(path)[-1]) - 1
    position = data.draw(st.integers(0, first_lines - 1))
    altered = bytearray(content)
    altered[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(altered))
    with pytest.raises(FormatError, match=r"line [123]"):
        Log(path)


def test_a_torn_last_line_is_left_out(path):
    written(path)
    whole = path.read_bytes()
    last = len(lines(path)[-1]) + 1
    for length in range(len(whole) - last + 1, len(whole)):
        path.write_bytes(whole[:length])
        log = Log(path)
        assert len(log) == 5
        assert log.head == Head(5, rfc9162(whole.split(b"\n")[:5]))


def test_appending_after_a_torn_line_takes_its_place(path):
    written(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    log = Log(path)
    log.append("round", {"index": 5, "loss": 5 / 8, "who": ["ash", "birch"]})
    assert path.read_bytes() == whole
    assert Log(path).head == log.head


def test_appending_after_a_torn_line_that_was_longer(path):
    written(path)
    with path.open("ab") as stream:
        stream.write(b'{"body":{"text":"' + b"x" * 5000)
    log = Log(path)
    log.append("short", {})
    assert [entry.kind for entry in Log(path)][-2:] == ["round", "short"]
    assert path.read_bytes().endswith(b"}\n")
    assert Log(path).head == log.head


def test_appending_to_a_file_with_nothing_but_a_torn_line(path):
    path.write_bytes(b'{"body":{"index":0}')
    log = Log(path)
    log.append("round", {"index": 0})
    assert len(Log(path)) == 1
    assert Log(path).head == log.head


WRITER = """
import sys
from tacit.study import Log
log = Log(sys.argv[1])
print("ready", flush=True)
while True:
    log.append("round", {"index": len(log), "text": "x" * 3000})
    print("written", flush=True)
"""


def test_a_killed_writer_leaves_a_log_that_goes_on(path):
    """SIGKILL wherever it happens to be, again and again: all that was said to be written is there, and it goes on."""
    size = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(5):
            assert writer.stdout.readline() == b"written\n"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        log = Log(path)
        assert len(log) >= size + 5
        size = len(log)
        assert log.append("resumed", {}) == Log(path).head
        size += 1


def test_what_append_returned_is_on_the_disk(path):
    log = Log(path)
    for index in range(5):
        head = log.append("round", {"index": index})
        assert Log(path).head == head


def test_a_log_that_grew_meanwhile_is_not_written_over(path):
    """Two processes with the same log: the second would silently undo what the first has written."""
    first, second = written(path), Log(path)
    first.append("first", {})
    before = path.read_bytes()
    with pytest.raises(TacitError, match="was changed by another process: read it anew"):
        second.append("second", {})
    assert path.read_bytes() == before
    assert Log(path).append("second", {}).size == 8


def test_a_new_log_that_somebody_else_began_is_not_written_over(path):
    first, second = Log(path), Log(path)
    first.append("first", {})
    with pytest.raises(TacitError):
        second.append("second", {})
    assert [entry.kind for entry in Log(path)] == ["first"]


def test_a_log_that_shrank_meanwhile_is_not_written_to(path):
    log = written(path)
    rewrite(path, lines(path)[:2])
    before = path.read_bytes()
    with pytest.raises(TacitError, match="read it anew"):
        log.append("more", {})
    assert path.read_bytes() == before


def test_a_full_disk_leaves_a_log_that_goes_on(path):
    """The system takes half a line and no more: nothing of it counts, and its place is taken by the next."""
    log = written(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
    try:
        with pytest.raises(TacitError, match="cannot append to the log .*: File too large"):
            log.append("lost", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes().count(b"\n") == len(Log(path)) == len(log) == 6
    assert log.append("kept", {}) == Log(path).head
    assert [entry.kind for entry in Log(path)][-2:] == ["round", "kept"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(TacitError, match="cannot append to the log"):
        Log(tmp_path / "no" / "log.jsonl").append("round", {})


def test_a_refused_entry_leaves_the_log_as_it_was(path):
    log = written(path)
    head, before = log.head, path.read_bytes()
    for body in ({"x": float("nan")}, {"x": object()}, {"x": "\ud800"}):
        with pytest.raises((TypeError, ValueError)):
            log.append("bad", body)
    assert (log.head, path.read_bytes()) == (head, before)
    log.append("good", {})
    assert len(Log(path)) == 7


bodies = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.binary(max_size=6)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    max_size=4,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(entries=st.lists(bodies, min_size=1, max_size=5))
def test_whatever_is_appended_can_be_read_again(path, entries):
    if path.exists():
        path.unlink()
    log = Log(path)
    for body in entries:
        log.append("any", body)
    assert Log(path).head == log.head == Head(len(entries), rfc9162(lines(path)))


def test_larger_than_any(path, monkeypatch):
    written(path)
    monkeypatch.setattr("tacit.study.lines.MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(FormatError, match="larger than"):
        Log(path)

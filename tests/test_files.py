"""Files are written whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from tacit import files
from tacit.errors import FormatError, TacitError
from tacit.files import read_bounded, write_atomically


def leftovers(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.endswith(".part"))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_writes_the_bytes_with_the_mode(tmp_path: Path, mode: int) -> None:
    write_atomically(tmp_path / "f", b"new", mode=mode)
    assert (tmp_path / "f").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode
    assert leftovers(tmp_path) == []


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        write_atomically(tmp_path / "f", b"new", mode=0o644)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644


def test_replaces_what_was_there_unless_told_not_to(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    write_atomically(tmp_path / "g", b"first", overwrite=False)
    assert (tmp_path / "g").read_bytes() == b"first"
    assert leftovers(tmp_path) == []


def test_a_dangling_link_counts_as_something_there(tmp_path: Path) -> None:
    (tmp_path / "f").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "f", b"new", overwrite=False)


@pytest.mark.parametrize("call", ["fsync", "fchmod", "link"])
def test_a_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "f"
    if call != "link":
        path.write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(TacitError, match=r"cannot write .*f: No space left on device; nothing was changed"):
        write_atomically(path, b"new", overwrite=call != "link")
    assert path.exists() == (call != "link")
    assert call == "link" or path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tacit.errors import TacitError
from tacit.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomically(Path(sys.argv[1]), bytes(1 << 20))
except TacitError as error:
    print(error)
"""


def test_no_room_for_all_of_it_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert "nothing was changed" in done.stdout
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


KILLED = """
import os, sys
from pathlib import Path
from tacit import files
def wait(_):
    print("written", flush=True)
    sys.stdin.read()
files.os.fsync = wait
files.write_atomically(Path(sys.argv[1]), bytes(1 << 20))
"""


def test_a_process_killed_in_mid_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.read_bytes() == b"old"
    assert len(leftovers(tmp_path)) == 1
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_an_interrupt_in_mid_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "f"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_readers_see_the_old_or_the_new_file_never_a_mixture(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * 100_000)
    script = (
        "import sys; from pathlib import Path; from tacit.files import write_atomically\n"
        "for i in range(40): write_atomically(Path(sys.argv[1]), (b'a', b'b')[i % 2] * 100_000)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)]) as process:
        while process.poll() is None:
            assert read_bounded(path, 100_000, "file") in (b"a" * 100_000, b"b" * 100_000)
            time.sleep(0.001)
    assert process.returncode == 0


def test_the_file_and_then_its_folder_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int | str] = []

    def note(descriptor: int) -> None:
        status = os.fstat(descriptor)
        flushed.append("folder" if stat.S_ISDIR(status.st_mode) else status.st_size)

    monkeypatch.setattr(os, "fsync", note)
    before = open_files()
    write_atomically(tmp_path / "f", b"new")
    assert flushed == [3, "folder"]
    assert open_files() == before


def test_says_so_when_the_name_may_not_outlast_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, "flush_folder", fail)
    with pytest.raises(TacitError, match="was written, but may not outlast"):
        write_atomically(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"


def test_names_that_cannot_be_written_are_errors_of_ours(tmp_path: Path) -> None:
    for name in ("missing/f", "x" * 300, "zero\x00byte"):
        with pytest.raises(TacitError, match="cannot write"):
            write_atomically(tmp_path / name, b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(TacitError, match="nothing was changed"):
        write_atomically(tmp_path / "folder", b"new")
    assert leftovers(tmp_path) == []


def test_reads_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    assert read_bounded(tmp_path / "f", 5, "thing") == b"12345"
    with pytest.raises(FormatError, match=r"thing .* is larger than 4 bytes"):
        read_bounded(tmp_path / "f", 4, "thing")


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as stream:
        stream.truncate(64 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="is larger than 100 bytes"):
            read_bounded(tmp_path / "f", 100, "thing")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_what_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "zero\x00byte"):
        with pytest.raises(FormatError, match="cannot read thing"):
            read_bounded(path, 5, "thing")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    before = open_files()
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(FormatError, match="cannot read thing .*: it is a folder, a pipe or a device"):
            read_bounded(path, 100, "thing")
    assert open_files() == before


def test_the_file_that_is_read_is_the_one_that_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write in the folder can put another file in its place once it is open."""
    (tmp_path / "f").write_bytes(b"opened")
    (tmp_path / "other").write_bytes(b"another")
    true, sizes = os.fstat, []

    def swap(descriptor: int) -> os.stat_result:
        with suppress(FileNotFoundError):
            (tmp_path / "other").replace(tmp_path / "f")
        return true(descriptor)

    monkeypatch.setattr(os, "fstat", swap)
    for content in (b"opened", b"another"):
        assert read_bounded(tmp_path / "f", 100, "thing", check=lambda s: sizes.append(s.st_size)) == content
    assert sizes == [len(b"opened"), len(b"another")]


def test_a_file_that_its_check_refuses_is_closed_unread(tmp_path: Path) -> None:
    def refuse(_: os.stat_result) -> None:
        raise TacitError("not this one")

    (tmp_path / "f").write_bytes(b"data")
    before = open_files()
    with pytest.raises(TacitError, match="not this one"):
        read_bounded(tmp_path / "f", 100, "thing", check=refuse)
    assert open_files() == before

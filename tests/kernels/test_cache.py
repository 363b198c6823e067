"""Machine code on disk: never old, never another's, never needed."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tacit

pytestmark = pytest.mark.slow  # every test starts processes that import Numba

ADD = """
import numpy as np
from tacit.kernels import goldilocks
x = np.arange(20, dtype=np.uint64)
print(goldilocks.subtract(x, 5).tolist()[7], sum(goldilocks.loops.subtract.stats.cache_misses.values()))
"""


def run(code: str, directory: Path, **environment: str) -> str:
    """What the code prints in a process of its own that keeps machine code in the directory."""
    variables = os.environ | {"NUMBA_CACHE_DIR": str(directory)} | environment
    result = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a process has kept machine code."""
    path = tmp_path_factory.mktemp("kept")
    assert run(ADD, path) == "2 1\n"
    assert len(list(path.rglob("*.nbc"))) == 1
    return path


@pytest.fixture
def directory(kept: Path, tmp_path: Path) -> Path:
    """A copy of that directory."""
    return shutil.copytree(kept, tmp_path / "cache")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the whole package, to be changed."""
    source = Path(tacit.__file__).parent
    return shutil.copytree(source, tmp_path / "tacit", ignore=shutil.ignore_patterns("__pycache__"))


def test_a_second_process_takes_what_the_first_kept(directory):
    assert run(ADD, directory) == "2 0\n"


def test_a_change_in_any_file_of_the_room_is_compiled(package, tmp_path):
    """Numba itself looks at the file of the compiled function, and the field's operations lie in another one."""
    cache, path = tmp_path / "cache", {"PYTHONPATH": str(tmp_path)}
    assert run(ADD, cache, **path) == "2 1\n"
    lanes = package / "kernels" / "goldilocks_lanes.py"
    source = lanes.read_text()
    assert source.count("builder.sub(x, y)") >= 1
    lanes.write_text(source.replace("builder.sub(x, y)", "builder.add(x, y)"))
    assert run(ADD, cache, **path) == "12 1\n"


def test_code_for_another_processor_is_not_taken(directory):
    assert run(ADD, directory, NUMBA_CPU_NAME="generic") == "2 1\n"
    assert run(ADD, directory) == "2 0\n"


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [0, 100])
def test_a_damaged_file_is_compiled_anew(directory, kind, left):
    """As after a loss of power, or a full disk."""
    for path in directory.rglob(f"*.{kind}"):
        path.write_bytes(path.read_bytes()[:left])
    assert run(ADD, directory) == "2 1\n"
    assert run(ADD, directory) == "2 0\n", "and is whole again"


def test_nowhere_to_keep_code(tmp_path):
    """As in a container whose file system is read-only."""
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": ""}
    assert run(ADD, tmp_path, **nowhere).startswith("2 ")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_goes_away(tmp_path):
    removed = (
        f"import shutil, pathlib; shutil.rmtree({str(tmp_path)!r}); pathlib.Path({str(tmp_path)!r}).write_text('')"
    )
    code = ADD.replace("x = np.arange", f"{removed}\nx = np.arange")
    assert run(code, tmp_path / "cache").startswith("2 ")


class Poison:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.skipif(os.name != "posix", reason="permissions")
@pytest.mark.parametrize(("mode", "read"), [(0o700, True), (0o775, True), (0o757, False), (0o1777, False)])
def test_what_others_can_write_is_not_read(directory, tmp_path_factory, mode, read):
    """A file of the cache is a pickle, and so is code."""
    mark = tmp_path_factory.mktemp("marks") / "mark"
    (index,) = directory.rglob("*.nbi")
    index.write_bytes(pickle.dumps(Poison(mark)))
    index.parent.chmod(mode)
    assert run(ADD, directory).startswith("2 ")
    assert mark.exists() == read


@pytest.mark.skipif(os.name != "posix", reason="permissions")
@pytest.mark.parametrize(("mode", "read"), [(0o777, False), (0o1777, True)])
def test_nor_what_lies_in_a_directory_that_others_can_write(directory, mode, read):
    """They could put another in its place, unless the sticky bit keeps them from it."""
    directory.chmod(mode)
    assert run(ADD, directory) == ("2 0\n" if read else "2 1\n")


def test_the_room_itself_is_never_asked(package, tmp_path):
    """Who can write there can change the source as well."""
    path = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    assert run(ADD, tmp_path, **path) == "2 1\n"
    (package / "kernels" / "__pycache__").chmod(0o777)
    assert run(ADD, tmp_path, **path) == "2 0\n"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(("user", "group"), [(12345, -1), (-1, 12345)])
def test_nor_what_belongs_to_another(directory, user, group):
    (index,) = directory.rglob("*.nbi")
    index.parent.chmod(0o775)
    os.chown(index.parent, user, group)
    assert run(ADD, directory) == "2 1\n"


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_nor_what_lies_behind_a_link(directory, tmp_path):
    """What counts is where the link leads."""
    shared = tmp_path / "shared"
    shared.mkdir()
    moved = directory.rename(shared / "cache")
    directory.symlink_to(moved)
    assert run(ADD, directory) == "2 0\n"
    shared.chmod(0o777)
    assert run(ADD, directory) == "2 1\n"


def test_processes_that_compile_at_once(tmp_path):
    command, variables = [sys.executable, "-c", ADD], os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0][:2] for process in processes] == ["2 "] * 3
    assert run(ADD, tmp_path) == "2 0\n"

"""One schema with a column of each kind, tables written to files, and what is said of those that are refused."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tacit.data import Column, Schema
from tacit.errors import DataError

HEADER = "age,visits,sex,stage,smoker,died"


@pytest.fixture(scope="session")
def clinic() -> Schema:
    return Schema(
        label="died",
        columns=(
            Column(name="age", kind="number", low=0.0, high=120.0),
            Column(name="visits", kind="integer", low=0.0, high=50.0, missing="indicator"),
            Column(name="sex", kind="category", values=("female", "male")),
            Column(name="stage", kind="category", values=("I", "II", "III"), missing="indicator"),
            Column(name="smoker", kind="boolean", missing="indicator"),
            Column(name="died", kind="boolean"),
        ),
        max_rows=1000,
    )


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the whole session: property tests may not use `tmp_path`."""
    return tmp_path_factory.mktemp("tables")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes bytes, or lines below the clinic's header, to a file."""

    def write(content: bytes | list[str], name: str = "ward.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else "\n".join([HEADER, *content, ""]).encode())
        return path

    return write


@pytest.fixture(scope="session")
def attempt() -> Callable[..., Any]:
    """What `work` returns; or, where it refuses the file, what it says of it, FILE for its name.

    Then nothing of the file's cells may be anywhere in what a log could get of the error.
    """

    def attempt(path: Path, work: Callable[[], object], hidden: str = "7734") -> Any:
        error = None
        try:
            return work()
        except DataError as caught:
            error = caught
        assert error.__cause__ is None
        context = error.__context__
        assert context is None or (isinstance(context, OSError) and context.errno)  # the system's: it has a path only
        assert all(line.startswith((str(path), "and ")) for line in str(error).split("\n"))
        frames = [frame for frame in traceback.format_exception(error) if __file__.rpartition("/")[0] not in frame]
        assert hidden not in repr(error) + repr(context) + "".join(frames)
        return str(error).replace(str(path), "FILE")

    return attempt


@pytest.fixture(scope="session")
def refusal(attempt: Callable[..., Any]) -> Callable[..., str]:
    """What `work` says of a file that it must refuse, as `attempt` does."""

    def refusal(path: Path, work: Callable[[], object]) -> str:
        said = attempt(path, work)
        assert isinstance(said, str)
        return said

    return refusal

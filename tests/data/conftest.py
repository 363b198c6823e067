"""One schema with a column of each kind, and tables written as text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tacit.data import Column, Schema, load
from tacit.errors import DataError

HEADER = "age,visits,sex,stage,smoker,died"
GOOD = ["70.5,3,male,II,yes,true", "41,0,female,I,no,false"]


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
        data = content if isinstance(content, bytes) else "\n".join([HEADER, *content, ""]).encode()
        path.write_bytes(data)
        return path

    return write


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """What `load` says of a file that it refuses: without the file's name, which must begin every line of it."""

    def refusal(path: Path, schema: Schema, **options: object) -> str:
        with pytest.raises(DataError) as caught:
            load(path, schema, **options)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return message.replace(str(path), "FILE")

    return refusal

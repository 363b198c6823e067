"""Files that one identity writes for itself: nobody else reads them, and nobody else could have written them."""

from pathlib import Path

import pytest

from tacit.errors import FormatError, TacitError
from tacit.files import write_atomically
from tacit.keys import Identity
from tacit.keys.public import SEAL_OVERHEAD, SIGNATURE_BYTES
from tacit.keys.sealed_file import read_sealed, write_sealed

ALICE, BOB = Identity.new("alice"), Identity.new("bob")
DOMAIN, CONTEXT, BODY, LIMIT = "state of a test", b"agreement 1", b"weights so far", 10_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    write_sealed(path, ALICE, DOMAIN, CONTEXT, BODY)
    return path


def read(path: Path, identity: Identity = ALICE, domain: str = DOMAIN, context: bytes = CONTEXT) -> bytes:
    return read_sealed(path, identity, domain, context, LIMIT, "state")


@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256)) * 8])
def test_what_is_written_is_read(tmp_path: Path, body: bytes) -> None:
    write_sealed(tmp_path / "state", ALICE, DOMAIN, CONTEXT, body)
    assert read(tmp_path / "state") == body


def test_a_second_body_takes_the_place_of_the_first(path: Path) -> None:
    write_sealed(path, ALICE, DOMAIN, CONTEXT, b"later weights")
    assert read(path) == b"later weights"
    assert [each.name for each in path.parent.iterdir()] == ["state"]


def test_it_is_its_owners_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert BODY not in path.read_bytes()
    with pytest.raises(FormatError, match="not sealed to 'bob'"):
        read(path, BOB)


@pytest.mark.parametrize("other", [{"domain": "state of a run"}, {"context": b"agreement 2"}, {"context": b""}])
def test_it_is_of_no_use_for_anything_else(path: Path, other: dict) -> None:
    with pytest.raises(FormatError, match=r"^the state .* cannot be used: .* not sealed to 'alice'"):
        read(path, **other)


def test_what_another_sealed_to_the_owner_is_refused(path: Path) -> None:
    """Anybody can seal to a public key: what shows is that its owner did not sign it."""
    for signature in (BOB.sign(DOMAIN, CONTEXT + BODY), bytes(SIGNATURE_BYTES)):
        write_atomically(path, ALICE.public.seal(DOMAIN, signature + BODY, CONTEXT))
        with pytest.raises(FormatError, match="the signature of 'alice' on this state of a test is false"):
            read(path)


@pytest.mark.parametrize(
    ("domain", "signed"),
    [("state of a run", CONTEXT + BODY), (DOMAIN, b"agreement 2" + BODY), (DOMAIN, BODY), (DOMAIN, CONTEXT + b"other")],
)
def test_a_signature_of_something_else_is_refused(path: Path, domain: str, signed: bytes) -> None:
    write_atomically(path, ALICE.public.seal(DOMAIN, ALICE.sign(domain, signed) + BODY, CONTEXT))
    with pytest.raises(FormatError, match="is false"):
        read(path)


@pytest.mark.parametrize("place", [0, SEAL_OVERHEAD // 2, SEAL_OVERHEAD + SIGNATURE_BYTES, -1])
def test_a_damaged_file_is_refused(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="or it was altered"):
        read(path)


@pytest.mark.parametrize("length", [0, 1, SEAL_OVERHEAD - 1, SEAL_OVERHEAD, SEAL_OVERHEAD + SIGNATURE_BYTES, -1])
def test_a_file_that_was_cut_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(FormatError, match="or it was altered"):
        read(path)


@pytest.mark.parametrize("length", [0, 1, SIGNATURE_BYTES - 1])
def test_what_is_too_short_for_a_signature_is_refused(path: Path, length: int) -> None:
    write_atomically(path, ALICE.public.seal(DOMAIN, bytes(length), CONTEXT))
    with pytest.raises(FormatError, match="is false"):
        read(path)


def test_a_file_larger_than_it_can_be_is_not_read(path: Path) -> None:
    size = path.stat().st_size
    assert read_sealed(path, ALICE, DOMAIN, CONTEXT, size, "state") == BODY
    with pytest.raises(FormatError, match="state"):
        read_sealed(path, ALICE, DOMAIN, CONTEXT, size - 1, "state")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TacitError, match="check the folder"):
        write_sealed(tmp_path / "nowhere" / "state", ALICE, DOMAIN, CONTEXT, BODY)
    with pytest.raises(FormatError, match="nowhere"):
        read(tmp_path / "nowhere" / "state")

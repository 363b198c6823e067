"""A checkpoint is its owner's alone; one that cannot be used is refused, and says what to do."""

import pickle

import pytest

from tacit.errors import FormatError
from tacit.run.checkpoint import Checkpoint
from tacit.run.continuing import BEGINNING

from .breaking_off import MESSAGES_OF_A_STEP, Attempt


@pytest.fixture
def broken_off(make_study, identities, tables):
    study = make_study()
    Attempt(study, identities, tables).go(until=2 + 2 * MESSAGES_OF_A_STEP)
    return study


def test_a_checkpoint_is_for_its_owner_alone(broken_off, identities):
    path = broken_off.member_folder("north") / "checkpoint"
    assert path.stat().st_mode & 0o777 == 0o600
    kept = Checkpoint(broken_off, identities["north"])
    assert [mark.step for mark in kept.marks] == [1, 0]
    assert "hidden" in repr(kept)
    assert "hidden" in repr(kept.kept[0])
    other = broken_off.member_folder("east") / "checkpoint"
    other.write_bytes(path.read_bytes())
    with pytest.raises(FormatError, match="cannot be used"):
        Checkpoint(broken_off, identities["east"])


def test_a_checkpoint_that_another_wrote_is_refused(broken_off, identities):
    """Anyone can seal to a public key; only the owner can sign what is in it."""
    checkpoint = Checkpoint(broken_off, identities["north"])
    forged = Checkpoint.__new__(Checkpoint)
    forged.__dict__ = {**checkpoint.__dict__, "kept": ()}

    class Forger:
        public = identities["north"].public
        sign = staticmethod(identities["east"].sign)

    forged._identity = Forger()
    forged.keep(checkpoint.marks[0], b"a state of my choice")
    with pytest.raises(FormatError, match="is false"):
        Checkpoint(broken_off, identities["north"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data + b"\x00",
        lambda data: bytes([data[0] ^ 1]) + data[1:],
    ],
)
def test_a_damaged_checkpoint_says_what_to_do(broken_off, identities, spoil):
    path = broken_off.member_folder("north") / "checkpoint"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(FormatError, match="remove it to give up the run"):
        Checkpoint(broken_off, identities["north"])


def test_a_checkpoint_of_another_version_is_refused(broken_off, identities, monkeypatch):
    checkpoint = Checkpoint(broken_off, identities["north"])
    with monkeypatch.context() as patch:
        patch.setattr("tacit.run.checkpoint.FORMAT", "tacit-checkpoint/0")
        checkpoint.keep(checkpoint.marks[0], checkpoint.state(checkpoint.marks[0]))
    with pytest.raises(FormatError, match="another version"):
        Checkpoint(broken_off, identities["north"])


def test_a_checkpoint_that_cannot_be_removed_does_not_cost_the_bundle(broken_off, identities):
    checkpoint = Checkpoint(broken_off, identities["north"])
    path = broken_off.member_folder("north") / "checkpoint"
    path.unlink()
    path.mkdir()
    checkpoint.forget()
    assert checkpoint.marks == ()


def test_a_run_that_begins_anew_gives_up_all_steps(broken_off, identities):
    checkpoint = Checkpoint(broken_off, identities["north"])
    checkpoint.go_back_to(checkpoint.marks[1])
    assert [mark.step for mark in checkpoint.marks] == [0]
    checkpoint.go_back_to(BEGINNING)
    assert checkpoint.marks == ()


def test_a_checkpoint_is_not_pickled(broken_off, identities):
    with pytest.raises(TypeError, match="keeps the model"):
        pickle.dumps(Checkpoint(broken_off, identities["north"]))

"""The two files of a commitment: NAME.commitment, for everybody, and NAME.secret, which stays with its owner.

The secret is sealed to the owner's identity, and it counts the proofs that were made. Keep one copy: two would count
each by itself, and together show more than either may.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from tacit.errors import FormatError, ProofError, TacitError
from tacit.files import read_bounded, write_atomically
from tacit.keys import Identity
from tacit.proofs.commitment.long_lived import LongLived
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.model.secret import CommittedModel

SECRET, COMMITMENT = ".secret", ".commitment"
MAX_COMMITMENT = 2**26

T = TypeVar("T", CommittedModel, CommittedSet)


def save(secret: LongLived, name: Path, identity: Identity) -> tuple[Path, Path]:
    """Write NAME.secret and NAME.commitment; neither may be there before. Returns the two paths.

    Raises:
        TacitError: one of them is there, or the folder cannot be written to.
    """
    kept, shown = name.with_name(name.name + SECRET), name.with_name(name.name + COMMITMENT)
    for path in (kept, shown):
        if path.exists():
            raise TacitError(f"{path} is there already, and what it counts would be lost: choose another name")
    secret.save(kept, identity)
    write_atomically(shown, secret.commitment.to_bytes())
    return kept, shown


def load_model(path: Path, identity: Identity) -> CommittedModel:
    """The committed model in NAME.secret; FormatError where it is none of this identity's."""
    return _loaded(CommittedModel, path, identity)


def load_set(path: Path, identity: Identity) -> CommittedSet:
    """The committed set in NAME.secret; FormatError where it is none of this identity's."""
    return _loaded(CommittedSet, path, identity)


def load_commitment(path: Path) -> ModelCommitment | SetCommitment:
    """The commitment in NAME.commitment; FormatError where it is none."""
    data = read_bounded(path, MAX_COMMITMENT, "commitment")
    for kind in (ModelCommitment, SetCommitment):
        try:
            return kind.from_bytes(data)
        except (FormatError, ProofError):
            continue
    raise FormatError(f"{path} is no commitment: give the NAME{COMMITMENT} that `tacit commit` wrote")


def _loaded(kind: type[T], path: Path, identity: Identity) -> T:
    if path.suffix == COMMITMENT:
        raise FormatError(f"{path} is what everybody may see: give the NAME{SECRET} beside it")
    return kind.load(path, identity)

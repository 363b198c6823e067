"""What a party keeps of an unfinished run, so that a machine that stops does not cost the consortium its budget.

After each step a party writes down its training state with the mark of that step: which run, which step, and the head
of the run's log, which fixes every total so far. Two states are kept, since one party may have heard the last total
when another had not. The state is what all parties know of the model, so the file is sealed to its owner, signed by it
and bound to the agreement (`tacit.keys.sealed_file`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from tacit import canonical
from tacit.errors import FormatError
from tacit.keys import Identity
from tacit.keys.sealed_file import read_sealed, write_sealed
from tacit.run.continuing import BEGINNING, Mark
from tacit.study import Study

DOMAIN = "checkpoint of a run"
FORMAT = "tacit-checkpoint/2"
KEPT = 2
MAX_BYTES = 2**30


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A step that is done, and the training state after it (`FederatedTraining.state`)."""

    mark: Mark
    state: bytes

    def __repr__(self) -> str:
        return f"Kept({self.mark!r}, state hidden)"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    format: str
    kept: tuple[Kept, ...]


class Checkpoint:
    """The checkpoint of one member in one study's folder."""

    def __init__(self, study: Study, identity: Identity) -> None:
        """Read the file, if there is one.

        Raises:
            FormatError: it is damaged, or not this party's under this agreement.
        """
        self._identity = identity
        self._context = study.digest
        self._path = study.member_folder(identity.name) / "checkpoint"
        self.kept: tuple[Kept, ...] = self._read() if self._path.exists() else ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The steps that this party could continue after, the newest first."""
        return tuple(kept.mark for kept in self.kept)

    def state(self, mark: Mark) -> bytes:
        """Return the training state at `mark`, one of `marks`."""
        return next(kept.state for kept in self.kept if kept.mark == mark)

    def go_back_to(self, mark: Mark) -> None:
        """Give up, in memory, what came after `mark`, one of `marks` or the beginning: a run goes on from there.

        Otherwise two breaks, each after a total that only some heard, would leave no step that all hold.
        """
        self.kept = () if mark == BEGINNING else self.kept[self.marks.index(mark) :]

    def keep(self, mark: Mark, state: bytes) -> None:
        """Write down `state` after the step `mark`, whole or not at all; the oldest of three is forgotten."""
        self.kept = (Kept(mark, state), *self.kept)[:KEPT]
        body = msgspec.msgpack.encode(_File(FORMAT, self.kept))
        write_sealed(self._path, self._identity, DOMAIN, self._context, body)

    def forget(self) -> None:
        """Remove the file: the run is done. Where it cannot be removed, a later run has only the sealing to repeat."""
        self.kept = ()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _read(self) -> tuple[Kept, ...]:
        try:
            body = read_sealed(self._path, self._identity, DOMAIN, self._context, MAX_BYTES, "checkpoint")
            file = msgspec.msgpack.decode(body, type=_File)
        except FormatError as error:
            raise FormatError(f"{error}: {_REMEDY}") from None
        except msgspec.MsgspecError as error:
            reason = canonical.quote(str(error))
            raise FormatError(f"the checkpoint {self._path} cannot be read ({reason}): {_REMEDY}") from None
        if file.format != FORMAT:
            raise FormatError(f"the checkpoint {self._path} is of another version: {_REMEDY}")
        return file.kept

    def __repr__(self) -> str:
        return f"Checkpoint({self._identity.name!r}, {len(self.kept)} steps, states hidden)"

    def __reduce__(self) -> Any:
        raise TypeError("a Checkpoint is not pickled: it keeps the model")


_REMEDY = "remove it to give up the run that broke off"

"""What a party keeps of a computation on shares that is not done, and from which run it is.

Shares of one epoch from two runs do not fit together, even where the epoch is the same: each run draws its own
randomness. So each run has a file of its own, named by the run's id, and a run that goes on after another begins by
copying the shares of the epoch that all hold into its own. Only when an epoch of it is done, so that all have copied,
is the earlier file removed.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tacit.errors import FormatError
from tacit.keys import Identity
from tacit.mpc.storage import NOTHING, Storage
from tacit.run.continuing import BEGINNING, Claim, Mark
from tacit.run.messages import MAX_MARKS
from tacit.study import Study

PREFIX = "shares-"
ROOT = bytes(32)  # the run's id fixes who takes part; there are no totals that a head would have to fix


class KeptShares:
    """The files of shares of one member in one study's folder."""

    def __init__(self, study: Study, identity: Identity) -> None:
        """Read the files, if there are any; FormatError where one is damaged or another's."""
        self._study, self._identity = study, identity
        self._folder = study.member_folder(identity.name)
        self._files = {run: self._open(run) for run in self._runs()}

    @property
    def claim(self) -> Claim:
        """Where this party could begin: after each epoch that it holds, the newest first, or anew."""
        marks = [
            _mark(run, number) for run, file in self._files.items() for number in file.numbers if number != NOTHING
        ]
        marks.sort(key=lambda mark: (-mark.step, mark.run))
        return Claim((*marks[: MAX_MARKS - 1], BEGINNING), 0, 0)

    def go_on(self, run: bytes, after: Mark | None) -> Storage:
        """Return the storage of the new `run`; it holds the epoch of the mark `after`, where it goes on after one."""
        storage = self._open(run)
        if after is not None and after != BEGINNING:
            storage.keep(after.step, self._files[after.run].shares(after.step))
            self._remove({after.run, run})
        self._files[run] = storage
        return storage

    def settle(self, run: bytes) -> None:
        """Keep nothing but the file of `run`, in which an epoch was ended: so all three have theirs."""
        self._remove({run})

    def forget(self) -> None:
        """Remove all: the computation is done."""
        self._remove(set())

    def _remove(self, kept: set[bytes]) -> None:
        for run in set(self._files) - kept:
            self._files.pop(run).forget()

    def _runs(self) -> list[bytes]:
        found = []
        for path in sorted(self._folder.glob(f"{PREFIX}*")):
            with suppress(ValueError):
                found.append(bytes.fromhex(path.name.removeprefix(PREFIX)))
        return [run for run in found if len(run) == len(ROOT)]

    def _open(self, run: bytes) -> Storage:
        path = self._folder / f"{PREFIX}{run.hex()}"
        try:
            return Storage(path, self._identity, self._study.digest + run)
        except FormatError as error:
            raise FormatError(f"{error}; without {_shown(path)} the computation begins anew") from None

    def __repr__(self) -> str:
        return f"KeptShares({self._identity.name!r}, {len(self._files)} runs, secret)"


def _mark(run: bytes, number: int) -> Mark:
    return Mark(run, number, 0, ROOT)


def _shown(path: Path) -> str:
    return f"the file {path.name}"

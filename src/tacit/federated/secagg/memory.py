"""What a state machine knows between two steps: taken away by the next step before it looks at anything.

So each step is done once and in order, and whatever goes wrong in it leaves nothing to try again with: a second request
to unmask, or a second survivor set, finds no shares.
"""

from __future__ import annotations

import threading
from typing import NoReturn, TypeVar

from tacit.errors import ProtocolError

S = TypeVar("S")


class Memory:
    """One object, of another class for each step; empty while a step runs, after an error and at the end."""

    def __init__(self, first: object, coordinator: str) -> None:
        """Remember `first`; `coordinator` is who asks for steps that are not due."""
        self._known: object = first
        self._lock = threading.Lock()
        self._coordinator = coordinator

    def take(self, kind: type[S], step: str) -> S:
        """Forget what is known and return it, if it is of this `kind`; otherwise it is forgotten all the same.

        Raises:
            ProtocolError: `step` is over, not due, or comes after an error.
        """
        with self._lock:
            known, self._known = self._known, None
        if isinstance(known, kind):
            return known
        raise ProtocolError(
            "this step is over, or not due: each is done once and in order", culprit=self._coordinator, step=step
        )

    def keep(self, known: object) -> None:
        """Remember `known` for the next step: the last thing that a step does."""
        self._known = known

    def __repr__(self) -> str:
        return "Memory(contents hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a running aggregation is not pickled or copied: a second one could reveal what the first must not"
        )

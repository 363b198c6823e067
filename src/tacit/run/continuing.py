"""Where a run begins: at its first step, or after the last step that all of its participants hold in common.

A run that broke off is continued by a new run, which names the old one. Each party says in its signed join which steps
it could continue after, by their marks, and which step it has not yet been charged for. All work out the same start
from the same joins: the state after the newest common step, and the first step that *nobody* has been charged for. So
no step is ever charged twice, and a run that broke off costs at most the round that was under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tacit.errors import FormatError, ProtocolError
from tacit.federated.privacy.accountant import RELEASE
from tacit.study import Log
from tacit.study.log import Entry

SEALED = "sealed"
STEP = "join"
MAX_STEPS = 2**31


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A step that is done: of which run, and the head of the run's log after it, which fixes all totals so far."""

    run: bytes
    step: int
    size: int
    root: bytes


# By participant: the steps that it could continue after, and the first step that it has not been charged for.
Claims = Mapping[str, tuple[Sequence[Mark], int]]


@dataclass(frozen=True)
class Start:
    """Where a run begins: the first step to take, and the mark that it continues after, if it continues one."""

    step: int
    after: Mark | None


def first_uncharged(logs: Iterable[Log]) -> int:
    """Return the first step that a party has not been charged for in any unfinished run, by its logs."""
    charged = [0]
    for log in logs:
        entries = list(log)
        if not any(entry.kind == SEALED for entry in entries):
            charged += [_step(entry, log) + 1 for entry in entries if entry.kind == RELEASE]
    return max(charged)


def _step(entry: Entry, log: Log) -> int:
    step = entry.body.get("step")
    if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < MAX_STEPS:
        return step
    where = log.path or "the log in the store"
    raise FormatError(f"{where}: entry {entry.index} is a release of no step of any plan")


def start_of(joins: Claims) -> Start:
    """Return where a run of these participants begins.

    Raises:
        ProtocolError: some hold steps of an unfinished run and others none of the same; names the latter.
    """
    held = [set(marks) for marks, _ in joins.values()]
    if not any(held):
        return Start(0, None)
    common = set.intersection(*held)
    if not common:
        most = _most_held(joins)
        without = [name for name, (marks, _) in joins.items() if most not in marks]
        raise ProtocolError("holds no step of the run that the others continue", culprit=", ".join(without), step=STEP)
    after = max(common, key=_newest)
    return Start(max(after.step, *(step - 1 for _, step in joins.values())) + 1, after)


def who_can_start(joins: Claims) -> tuple[str, ...]:
    """Return the largest group among `joins` that can begin together, in their order: what a coordinator chooses."""
    most = _most_held(joins)
    fresh = tuple(name for name, (marks, _) in joins.items() if not marks)
    if most is None:
        return fresh
    holding = tuple(name for name, (marks, _) in joins.items() if most in marks)
    return holding if len(holding) >= len(fresh) else fresh


def _most_held(joins: Claims) -> Mark | None:
    """Return the mark that most participants hold, the newest of several."""
    every = [mark for marks, _ in joins.values() for mark in set(marks)]
    return max(every, key=lambda mark: (every.count(mark), _newest(mark)), default=None)


def _newest(mark: Mark) -> tuple[int, int, bytes, bytes]:
    return mark.step, mark.size, mark.run, mark.root

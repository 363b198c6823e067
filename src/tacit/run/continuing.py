"""Where a run begins: at its first step, or after the last step that all of its participants hold in common.

A run that broke off is continued by a new run, which names the old one. Each party says in its signed join which steps
it could continue after, by their marks, and which step it has not yet been charged for. All work out the same start
from the same joins: the state after the newest common step, and the first step that *nobody* has been charged for. So
no step is ever charged twice, and a run that broke off costs at most the round that was under way.

A claim that runs ahead of what the others know would end training early, so it needs backing. A step in which somebody
was charged had been begun by at least n - `dropping` of the n parties, `dropping` of whom at most are missing from the
next run; so `corrupt` + 1 or more of those who join know of it. They cannot all lie: a claim counts only where it is at
most one ahead of what `corrupt` + 1 of them say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tacit.errors import FormatError, ProtocolError
from tacit.federated.plan import Plan, Step
from tacit.federated.privacy.accountant import RELEASE
from tacit.study import Log
from tacit.study.log import Entry

if TYPE_CHECKING:
    from tacit.run.epochs import Epochs

BEGUN = "run"
SEALED = "sealed"
STEP = "join"
MAX_STEPS = 2**31
WITHOUT_MARK = "holds no step of the run that the others continue"
AHEAD = "claims to be charged for a step that too few of the others know to have been begun"


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A step that is done: of which run, and the head of the run's log after it, which fixes all totals so far.

    `lost` is how many sums of the statistics were lost before the one that this step goes on from.
    """

    run: bytes
    step: int
    size: int
    root: bytes
    lost: int = 0


# What can be continued after by whoever can still pay for all steps: before the first.
BEGINNING = Mark(bytes(32), -1, 0, bytes(32))


class Claim(NamedTuple):
    """What a party says of itself when it joins.

    Attributes:
        marks: the steps that it could continue after.
        step: the first step that nobody, as far as it knows, has been charged for.
        lost: how many sums of the statistics, as far as it knows, somebody has been charged for.
    """

    marks: tuple[Mark, ...]
    step: int
    lost: int


Claims = Mapping[str, Claim]


@dataclass(frozen=True)
class Start:
    """Where a run begins: the first step to take, and the mark that it continues after, if it continues one.

    `lost` sums of the statistics were lost before; each is paid for with the first of the rounds.
    """

    step: int
    after: Mark | None
    lost: int = 0

    def steps(self, plan: Plan) -> tuple[Step, ...]:
        """Return the steps of `plan` that are left to take."""
        if self.after is None:
            return (plan.steps[0], *plan.steps[1 + self.given_up(plan) :])
        return plan.steps[self.step :]

    def given_up(self, plan: Plan | Epochs) -> int:
        """Return how many rounds are given up for the statistics that were lost."""
        return self.lost * plan.statistics_in_rounds


def own_claim(logs: Iterable[Log], marks: tuple[Mark, ...]) -> Claim:
    """Return what a party with these logs can say, that holds a state for each of `marks` (the newest first)."""
    step, lost = 0, 0
    for log in logs:
        entries = list(log)
        if any(entry.kind == SEALED for entry in entries):
            continue
        charged = [_step(entry, log) for entry in entries if entry.kind == RELEASE]
        step = max([step, *(each + 1 for each in charged)])
        begun = next((entry.body for entry in entries if entry.kind == BEGUN), {})
        if begun.get("continues"):
            step = max(step, _number(begun.get("start"), log, 0))
        else:
            lost = max(lost, _number(begun.get("lost", 0), log, 0) + (0 in charged))
    return Claim(marks, max(step, marks[0].step + 1) if marks else 0, lost)


def start_of(joins: Claims, corrupt: int) -> Start:
    """Return where a run of these participants, up to `corrupt` of whom may lie, begins.

    Raises:
        ProtocolError: some hold steps of an unfinished run and others none of the same, or claim to have been charged
            for what nobody else knows; names the latter.
    """
    common = set.intersection(*(set(claim.marks) for claim in joins.values()))
    if not common:
        most = _most_held(joins, len(joins))
        without = [name for name, claim in joins.items() if most not in claim.marks]
        raise ProtocolError(WITHOUT_MARK, culprit=", ".join(without), step=STEP)
    after = max(common, key=_newest)
    ahead = _ahead(joins, after, corrupt)
    if ahead:
        raise ProtocolError(AHEAD, culprit=", ".join(ahead), step=STEP)
    furthest = max(_reach(claim, after) for claim in joins.values())
    if after == BEGINNING:
        return Start(0, None, furthest)
    return Start(max(after.step + 1, furthest), after, after.lost)


def left_out(joins: Claims, enough: int, corrupt: int) -> dict[str, str]:
    """Return who of `joins` cannot begin with the largest group that can, and why: what a coordinator decides by.

    With `enough` parties a run can begin.
    """
    most = _most_held(joins, enough)
    without = {name: WITHOUT_MARK for name, claim in joins.items() if most not in claim.marks}
    together = {name: claim for name, claim in joins.items() if name not in without}
    if not together:
        return without
    # All of these hold it, but they may hold a newer one in common.
    after = max(set.intersection(*(set(claim.marks) for claim in together.values())), key=_newest)
    return without | dict.fromkeys(_ahead(together, after, corrupt), AHEAD)


def _ahead(joins: Claims, after: Mark, corrupt: int) -> list[str]:
    """Return who claims more than one step, or loss, beyond what `corrupt` + 1 of `joins` have heard of."""
    reach = {name: _reach(claim, after) for name, claim in joins.items()}
    ahead = []
    for name in sorted(reach, key=reach.__getitem__, reverse=True):
        told = sorted(reach.values(), reverse=True)
        if reach[name] <= told[min(corrupt, len(told) - 1)] + 1:
            break
        del reach[name]
        ahead.append(name)
    return ahead


def _reach(claim: Claim, after: Mark) -> int:
    return claim.lost if after == BEGINNING else claim.step


def _most_held(joins: Claims, enough: int) -> Mark | None:
    """Return the mark that most participants hold, the newest of several.

    To begin anew costs rounds, so that is for where nothing else is held by `enough`.
    """
    every = [mark for claim in joins.values() for mark in set(claim.marks)]
    return max(
        every,
        key=lambda mark: (mark != BEGINNING and every.count(mark) >= enough, every.count(mark), _newest(mark)),
        default=None,
    )


def _newest(mark: Mark) -> tuple[int, int, bytes, bytes, int]:
    return mark.step, mark.size, mark.run, mark.root, mark.lost


def _step(entry: Entry, log: Log) -> int:
    return _number(entry.body.get("step"), log, entry.index)


def _number(found: Any, log: Log, index: int) -> int:
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < MAX_STEPS:
        return found
    where = log.path or "the log in the store"
    raise FormatError(f"{where}: entry {index} has no step of any plan")

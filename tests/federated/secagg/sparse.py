"""Small sums on the sparse graph, for tests that cheat in them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tacit.errors import ProtocolError
from tacit.federated.secagg import AggregationParty, Setting

from .driver import Session, make_setting

VICTIM = "party-01"
N, CORRUPT, DROPPING = 20, 1, 2
DEGREE, THRESHOLD, COMMITTEE, QUORUM = 7, 5, 6, 4


def sparse_setting(n: int = N, corrupt: int = CORRUPT, dropping: int = DROPPING, **options: Any) -> Setting:
    return make_setting(n, corrupt, dropping, sparse=True, **options)


def drawn(last: str = "advertise", **options: Any) -> Session:
    """A session after the step `last`: the victim has a stranger, and one who picked it and whom it did not pick."""
    while True:
        session = Session(sparse_setting(), **options).go("advertise")
        if strangers_of(session, VICTIM) and set(pickers_of(session, VICTIM)) - set(picks_of(session, VICTIM)):
            return session.go(last)


def shared(last: str) -> Session:
    """One such session for all tests that ask nobody but the victim, which has forgotten whatever it was asked."""
    session, known = _kept(last)
    revive(session, VICTIM, known)
    return session


@cache
def _kept(last: str) -> tuple[Session, object]:
    session = drawn(last)
    return session, session.parties[VICTIM]._memory._known


def picks_of(session: Session, name: str) -> tuple[str, ...]:
    """Whom `name` picked, in the agreement's order."""
    return tuple(session.setting.names[position] for position in session.messages["advertise"][name].picks)


def pickers_of(session: Session, name: str) -> tuple[str, ...]:
    """Who picked `name`, in the agreement's order."""
    return tuple(other for other in session.messages["advertise"] if name in picks_of(session, other))


def strangers_of(session: Session, name: str) -> tuple[str, ...]:
    """Who is no neighbour of `name`, in the agreement's order."""
    near = {name, *picks_of(session, name), *pickers_of(session, name)}
    return tuple(other for other in session.setting.names if other not in near)


def revive(session: Session, name: str, known: object) -> AggregationParty:
    """`name` once more, knowing `known`: what no party can do for itself."""
    party = session.parties[name] = AggregationParty(session.setting, session.identities[name])
    party._memory._known = known
    return party


def refused(session: Session, step: str, *arguments: Any, by: str = VICTIM, culprit: str = "coordinator") -> str:
    """`by` refuses, blames `culprit`, and is dead."""
    with pytest.raises(ProtocolError) as caught:
        getattr(session.parties[by], step)(*arguments)
    assert (caught.value.culprit, caught.value.step) == (culprit, step)
    with pytest.raises(ProtocolError, match="over"):
        getattr(session.parties[by], step)(*arguments)
    return str(caught.value)

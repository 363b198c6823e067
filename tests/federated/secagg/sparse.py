"""Small sums on the sparse graph, for tests that cheat in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import AggregationParty, Setting, Survivors

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


def shown(change: Callable[[str, dict[str, bytes]], dict[str, bytes]], **options: Any) -> Session:
    """A session after the step mask, in which change(holder, tags by owner) is what each holder gets to see."""

    def alter(step: str, name: str, message: Any) -> Any:
        if step != "mask":
            return message
        return replace(message, tags=tuple(change(name, told(session, name, message)).values()))

    session = drawn("share", **options)
    session.down = alter
    return session.go("mask")


def told(session: Session, holder: str, message: Survivors) -> dict[str, bytes]:
    """The tags that `holder` is shown, by owner."""
    owners = [owner for owner in message.parties if owner in pickers_of(session, holder)]
    return dict(zip(owners, message.tags, strict=True))


def revealed(session: Session, owner: str) -> dict[str, bytes | None]:
    """What each holder of the seed of `owner` answered in its unmasking."""
    answers: dict[str, bytes | None] = {}
    for name, message in session.messages["unmask"].items():
        held = [o for o in session.server.surviving if o == name or name in picks_of(session, o)]
        if owner in held:
            assert len(held) == len(message.seed_shares)
            answers[name] = message.seed_shares[held.index(owner)]
    return answers


def flip(tag: bytes) -> bytes:
    return bytes([tag[0] ^ 1]) + tag[1:]


def finish(session: Session) -> ProtocolError | None:
    try:
        session.go()
    except ProtocolError as error:
        return error
    return None

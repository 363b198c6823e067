"""Asking and being answered: the few rules that both roles' generators share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from typing import Any, TypeVar

from tacit.canonical import quote
from tacit.errors import ProtocolError
from tacit.run.events import Event
from tacit.run.messages import CoordinatorMessage, PartyMessage, Stop
from tacit.study import Study

Emit = Callable[[Event], None]
T = TypeVar("T")


def ask(message: PartyMessage, kind: type[T], step: str, coordinator: str) -> Generator[Any, Any, T]:
    """Say `message` to the coordinator and return its answer.

    Raises:
        ProtocolError: it stopped the run, or sent something else than `kind`.
    """
    return expect((yield message), kind, step, coordinator)


def expect(answer: CoordinatorMessage, kind: type[T], step: str, coordinator: str) -> T:
    """Return the coordinator's `answer`, which is to be a `kind`; ProtocolError as in `ask`."""
    if isinstance(answer, Stop):
        raise ProtocolError(f"stopped the run: {quote(answer.reason)}", culprit=coordinator, step=step)
    if not isinstance(answer, kind):
        reason = f"sent {type(answer).__name__} where {kind.__name__} belongs"
        raise ProtocolError(reason, culprit=coordinator, step=step)
    return answer


def of_kind(answers: Mapping[str, PartyMessage], kind: type[T], emit: Emit) -> dict[str, T]:
    """Return the parties' answers of this kind; whoever said something else is left out, and that is told."""
    right: dict[str, T] = {}
    for name, answer in answers.items():
        if isinstance(answer, kind):
            right[name] = answer
        else:
            reason = f"sent {type(answer).__name__} where {kind.__name__} belongs"
            emit(Event("dropped", {"party": name, "reason": reason}))
    return right


def require_enough(study: Study, names: Collection[str], step: str) -> None:
    """Check that no more parties are missing than the agreement tolerates; ProtocolError names them."""
    agreement = study.agreement
    missing = [name for name in agreement.names if name not in names]
    if len(missing) > agreement.trust.dropping:
        reason = f"missing, where the agreement tolerates {agreement.trust.dropping}"
        raise ProtocolError(reason, culprit=", ".join(missing), step=step)

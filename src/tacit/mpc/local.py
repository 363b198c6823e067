"""Three parties in one process: for tests, for trying things out, and for simulations.

The parties are threads that talk over in-memory channels; what they say, and how many bytes it takes, is what it
would be between machines. Nothing is secret from whoever runs all three.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tacit.errors import ProtocolError
from tacit.keys import Identity, PublicIdentity
from tacit.mpc.party import PARTIES, Security
from tacit.mpc.session import DEFAULT_TIMEOUT, open_session
from tacit.wire import Channel, pair

T = TypeVar("T")

NAMES = ("first", "second", "third")


def run_locally(
    program: Callable[..., T],
    arguments: Sequence[Sequence[Any]] = ((), (), ()),
    *,
    security: Security,
    names: Sequence[str] = NAMES,
    timeout: float = DEFAULT_TIMEOUT,
) -> list[T]:
    """Run `program(session, *arguments[i])` for each party i in a thread of its own; the three results.

    Raises what the party raised that first noticed something.
    """
    results: list[Any] = [None] * PARTIES
    errors: list[tuple[int, BaseException]] = []
    name = f"local {secrets.token_hex(8)}"
    lines = _lines(names)

    def work(index: int) -> None:
        previous, following = lines[index]
        try:
            session = open_session(index, names, previous, following, security=security, session=name, timeout=timeout)
            results[index] = program(session, *arguments[index])
        except BaseException as error:
            errors.append((index, error))
            previous.close()
            following.close()

    threads = [threading.Thread(target=work, args=(index,), name=f"tacit mpc {index}") for index in range(PARTIES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise _first_cause([error for _, error in errors])
    return results


def _lines(names: Sequence[str]) -> list[tuple[Channel, Channel]]:
    """For each party its channels to the previous and to the next."""
    people = [_named(name) for name in names]
    forward = [pair(people[index], people[(index + 1) % PARTIES]) for index in range(PARTIES)]
    return [(forward[(index - 1) % PARTIES][1], forward[index][0]) for index in range(PARTIES)]


def _named(name: str) -> PublicIdentity:
    return Identity.new(name).public


def _first_cause(errors: Sequence[BaseException]) -> BaseException:
    """The error that is not just another party's hanging up."""
    for error in errors:
        if not (isinstance(error, ProtocolError) and "hung up" in str(error)):
            return error
    return errors[0]

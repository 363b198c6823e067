"""Three parties, and lines between the first two of every kind there is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tacit.keys import Identity
from tacit.wire import Channel, Listener, connect, pair

Line = Callable[..., tuple[Channel, Channel]]


@pytest.fixture(scope="session")
def alice() -> Identity:
    return Identity.new("alice")


@pytest.fixture(scope="session")
def bob() -> Identity:
    return Identity.new("bob")


@pytest.fixture(scope="session")
def carol() -> Identity:
    return Identity.new("carol")


@pytest.fixture
def tls_line(alice: Identity, bob: Identity) -> Iterator[Line]:
    """Give a function that returns Alice's and Bob's ends of a new TLS line on loopback."""
    with ExitStack() as held:

        def line(**options: float) -> tuple[Channel, Channel]:
            listener = held.enter_context(Listener("127.0.0.1", 0, bob, [alice.public], **options))  # type: ignore[arg-type]
            alices = held.enter_context(connect(*listener.address, alice, bob.public, **options))  # type: ignore[arg-type]
            return alices, held.enter_context(listener.accept(10))

        yield line


@pytest.fixture
def memory_line(alice: Identity, bob: Identity) -> Line:
    """Give a function that returns Alice's and Bob's ends of a new line within this process."""

    def line(**options: float) -> tuple[Channel, Channel]:
        return pair(alice.public, bob.public, **options)  # type: ignore[arg-type]

    return line


@pytest.fixture(params=["memory", "tls"])
def line(request: pytest.FixtureRequest) -> Line:
    """Give what `tls_line` and `memory_line` give, one after the other."""
    made: Line = request.getfixturevalue(f"{request.param}_line")
    return made

"""Three parties on three machines: each listens for the one before it and connects to the one after.

The channels are those of `tacit.wire`: TLS 1.3 with pinned certificates and, inside it, the post-quantum handshake,
between the identities that the study names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from tacit.errors import TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.mpc.party import PARTIES
from tacit.wire import Channel, Listener, connect

Address = tuple[str, int]


@contextmanager
def neighbours(
    me: Identity, people: Sequence[PublicIdentity], addresses: Sequence[Address], *, timeout: float
) -> Iterator[tuple[Channel, Channel]]:
    """Give the channels to the previous and to the next party, and hang up after the block.

    Args:
        me: this party, one of `people`.
        people: the three parties in order.
        addresses: host and port at which each listens.
        timeout: seconds to wait for both neighbours, and the channels' own.

    Raises:
        ProtocolError: a neighbour did not come, or is another; names it.
    """
    index = next(place for place, person in enumerate(people) if person == me.public)
    before, after = people[(index - 1) % PARTIES], people[(index + 1) % PARTIES]
    host, port = addresses[index]
    to_host, to_port = addresses[(index + 1) % PARTIES]
    with ThreadPoolExecutor(1) as pool, Listener(host, port, me, [before], default_timeout=timeout) as listener:
        coming = pool.submit(listener.accept, timeout)
        try:
            following = connect(to_host, to_port, me, after, retry_for=timeout, default_timeout=timeout)
        except BaseException:
            listener.close()
            with suppress(TacitError):  # whoever had come already is let go
                coming.result().close()
            raise
        with following, coming.result() as previous:
            yield previous, following

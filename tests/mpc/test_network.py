"""Three parties over TLS."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity
from tacit.mpc.inputs import share
from tacit.mpc.network import neighbours
from tacit.mpc.opening import open_to_all
from tacit.mpc.products import matmul
from tacit.mpc.session import open_session

NAMES = ("ada", "bob", "cyd")
WORDS = np.arange(6, dtype=np.uint64).reshape(2, 3)


@pytest.fixture(scope="module")
def identities():
    return [Identity.new(name) for name in NAMES]


def free_addresses():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in NAMES]
    addresses = [("127.0.0.1", each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def run(me, identities, addresses, timeout=20.0):
    people = [identity.public for identity in identities]
    try:
        with neighbours(me, people, addresses, timeout=timeout) as lines:
            session = open_session(NAMES.index(me.name), NAMES, *lines, security="passive", session="s")
            party = session.party
            x = session.run(share(party, 0, WORDS if party.index == 0 else None, WORDS.shape))
            product = session.run(matmul(party, x, x.map(np.transpose)))
            return session.run(open_to_all(party, product))
    except TacitError as error:
        return error


def test_three_parties_compute_over_tls(identities):
    addresses = free_addresses()
    with ThreadPoolExecutor(3) as pool:
        for result in pool.map(lambda me: run(me, identities, addresses), identities):
            np.testing.assert_array_equal(result, WORDS @ WORDS.T)


def test_a_party_that_does_not_come_is_named_in_time(identities):
    addresses, started = free_addresses(), time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda me: run(me, identities, addresses, 1.5), identities[:2])
    assert time.monotonic() - started < 15
    assert isinstance(first, ProtocolError)
    assert isinstance(second, ProtocolError)
    assert "cyd" in {first.culprit, second.culprit}


def test_an_impostor_is_kept_out(identities):
    addresses = free_addresses()
    impostor = Identity.new("cyd")
    with ThreadPoolExecutor(3) as pool:
        false = [*identities[:2], impostor]
        jobs = [pool.submit(run, me, identities, addresses, 3.0) for me in identities[:2]]
        jobs.append(pool.submit(run, impostor, false, addresses, 3.0))
        assert all(isinstance(job.result(), TacitError) for job in jobs)

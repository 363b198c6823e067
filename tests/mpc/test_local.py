"""Three parties in one process."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.inputs import share
from tacit.mpc.local import run_locally
from tacit.mpc.opening import open_to_all


def test_each_party_runs_the_program_with_its_own_arguments():
    def program(session, words):
        party = session.party
        shares = [session.run(share(party, o, words if o == party.index else None, (2,))) for o in range(3)]
        return session.run(open_to_all(party, shares[0] + shares[1] - shares[2]))

    arguments = [(np.array([n, 10 * n], np.uint64),) for n in (1, 2, 3)]
    for security in ("passive", "active"):
        for result in run_locally(program, arguments, security=security):
            np.testing.assert_array_equal(result, np.zeros(2, np.uint64))


def test_the_first_cause_is_what_is_raised():
    def program(session):
        if session.party.index == 1:
            raise ZeroDivisionError("one of three")
        return session.run(open_to_all(session.party, share_of_nothing(session)))

    def share_of_nothing(session):
        return session.run(share(session.party, 1, None, (1,)))

    with pytest.raises(ZeroDivisionError, match="one of three"):
        run_locally(program, security="passive", timeout=5.0)


def test_security_has_no_default():
    with pytest.raises(TypeError, match="security"):
        run_locally(lambda session: None)
    with pytest.raises(ValueError, match='"passive" or "active"'):
        run_locally(lambda session: None, security="none", timeout=5.0)

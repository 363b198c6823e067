"""Three parties tell one another how many rows they have, and nobody can tell two stories."""

import numpy as np
import pytest

from tacit.errors import ProtocolError
from tacit.run.row_counts import row_counts

from ..mpc.lockstep import NAMES, lockstep, parties


def counted(counts, tamper=None, most=100):
    return lockstep(
        [row_counts(party, count, most) for party, count in zip(parties("passive"), counts, strict=True)], tamper
    )


def test_all_know_all_counts_in_order():
    assert counted((3, 1, 100)) == [(3, 1, 100)] * 3


@pytest.mark.parametrize("count", [0, 101])
def test_who_has_none_or_too_many_is_named_by_everybody(count):
    for error in counted((3, count, 5)):
        assert isinstance(error, ProtocolError)
        assert error.culprit == "bob"
        assert f"has {count} rows, where 1 to 100 were agreed on" in str(error)


@pytest.mark.parametrize("victim", [0, 2])
def test_who_tells_two_stories_is_among_those_named(victim):
    def tamper(message):
        if (message.round, message.sender, message.receiver) == (0, 1, victim):
            return np.array([7], np.uint64)
        return message.array

    results = counted((3, 4, 5), tamper)
    for honest in (0, 2):
        assert isinstance(results[honest], ProtocolError)
        assert "bob" in results[honest].culprit
        assert "one of them lies" in str(results[honest])


def test_who_repeats_a_story_wrongly_is_among_those_named():
    def tamper(message):
        if (message.round, message.sender) == (1, 2):
            return message.array + np.array([1, 0, 0], np.uint64)
        return message.array

    results = counted((3, 4, 5), tamper)
    for honest in (0, 1):
        assert isinstance(results[honest], ProtocolError)
        assert NAMES[2] in results[honest].culprit

"""How many rows each of three parties has: said by each to both others, and by those to one another."""

from __future__ import annotations

import numpy as np

from tacit.errors import ProtocolError
from tacit.mpc.exchange import Exchange, Protocol, Wanted
from tacit.mpc.party import PARTIES, Party

STEP = "row counts"


def row_counts(party: Party, own: int, most: int) -> Protocol[tuple[int, ...]]:
    """Return the number of rows of each party, in order; 2 rounds, 32 bytes to either neighbour.

    Raises:
        ProtocolError: a party has none or more than `most`, or told its neighbours different numbers; names it.
    """
    said, one = (np.array([own], np.uint64),), (Wanted((1,)),)
    answer = yield Exchange(said, said, one, one)
    counts = np.zeros(PARTIES, np.uint64)
    counts[party.index] = own
    counts[(party.index - 1) % PARTIES] = answer.from_previous[0][0]
    counts[(party.index + 1) % PARTIES] = answer.from_next[0][0]
    for name, count in zip(party.names, counts.tolist(), strict=True):
        if not 1 <= count <= most:
            raise ProtocolError(f"has {count} rows, where 1 to {most} were agreed on", culprit=name, step=STEP)
    all_three = (Wanted((PARTIES,)),)
    answer = yield Exchange((counts,), (counts,), all_three, all_three)
    for teller, (heard,) in ((party.previous, answer.from_previous), (party.next, answer.from_next)):
        for name, here, there in zip(party.names, counts.tolist(), heard.tolist(), strict=True):
            if here != there:
                raise ProtocolError(
                    f"{name} has {here} rows, as was said here, and {there}, as {teller} was told: one of them lies",
                    culprit=name if name == teller else f"{name}, {teller}",
                    step=STEP,
                )
    return tuple(counts.tolist())

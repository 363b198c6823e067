"""The order in which local steps take a party's rows.

No privacy rests on it (nothing is claimed for sampling), so it follows from the agreement, the party and the round:
a run that is repeated, or continued by another process, takes the same batches.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]


def batches(rows: int, size: int, seed: bytes) -> Iterator[Places]:
    """Yield without end the places of the next `size` of `rows` rows (all where `size` is 0), each once in a pass.

    The last batch of a pass may be smaller. Every pass has an order of its own, from numpy's RandomState, whose
    stream is frozen.
    """
    if not 0 < size < rows:
        yield from itertools.repeat(np.arange(rows))
    for number in itertools.count():
        digest = hashlib.sha256(b"tacit batches/1\x00" + seed + number.to_bytes(8, "big")).digest()
        order = np.random.RandomState(np.frombuffer(digest, "<u4").tolist()).permutation(rows)
        for start in range(0, rows, size):
            yield order[start : start + size]

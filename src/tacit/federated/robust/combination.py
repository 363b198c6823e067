"""One sum out of the groups' sums, which no minority of them can carry off.

Each group's mean is shortened to the norm that honest members can reach, then the trimmed mean is taken coordinate by
coordinate (Yin, Chen, Ramchandran and Bartlett 2018, definition 2): of 2f + 1 groups, the median. It is
post-processing of released sums, and the same at every party, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tacit.federated.encoding import Encoding

FloatArray = npt.NDArray[np.float64]

TAIL_PROBABILITY = 2.0**-40
NOISE_INFLATION = math.pi / 2
"""How much more variance the median of Gaussians has than their mean, at most (any number of them, large: pi/2)."""


def combine(totals: FloatArray, parties: Sequence[int], limits: Sequence[float], poisoning: int) -> FloatArray:
    """Return what the sum over all parties would be, going by the trimmed mean of the groups.

    Args:
        totals: each group's sum, (groups, length): of whatever words, far below 1e150.
        parties: how many parties are in each of them.
        limits: the largest norm of each group's mean over its parties if all of them are honest.
        poisoning: how many groups may be worthless; as many are trimmed from either end.

    Returns:
        (length,): the combined mean times the number of all parties. Of a single group it is the total itself.
    """
    if len(totals) == 1 and not poisoning:
        return np.asarray(totals[0])
    means = [shortened(total / count, limit) for total, count, limit in zip(totals, parties, limits, strict=True)]
    return trimmed_mean(np.array(means), poisoning) * sum(parties)


def trimmed_mean(rows: FloatArray, trim: int) -> FloatArray:
    """Return for each column of (rows, columns) the mean of what is left without its `trim` least and largest.

    With no more than `trim` arbitrary rows it lies within the range of the others.
    """
    kept = len(rows) - 2 * trim
    if trim < 0 or kept < 1:
        raise ValueError(f"{len(rows)} rows leave nothing once {trim} are trimmed from either end")
    return np.asarray(np.sort(rows, axis=0)[trim : trim + kept].sum(axis=0) / kept)


def shortened(vector: FloatArray, limit: float) -> FloatArray:
    """Return `vector`, whose squares must be finite, shortened to the norm `limit` if it is longer."""
    # Summed exactly, so that all parties round alike on whatever processor.
    norm = math.sqrt(math.fsum(np.square(vector).tolist()))
    return vector * (limit / norm) if norm > limit else vector


def honest_norm(encoding: Encoding, contributions: int, parties: int, groups: int) -> float:
    """Return a norm that the mean of an honest group exceeds with probability 2^-40 at most, over all `groups`.

    Each of its `parties` adds at most `contributions` of norm `norm_bound`, and its share of the noise. A vector of
    independent coordinates that are sub-Gaussian with parameter s, as discrete Gaussians are (Canonne, Kamath and
    Steinke 2020), is longer than s (sqrt(length) + sqrt(2 t)) with probability exp(-t) at most (Hsu,
    Kakade and Zhang 2012, theorem 1).
    """
    unit = encoding.norm_bound / encoding.units
    spread = encoding.noise_scale * unit * math.sqrt(parties)
    noise = spread * (math.sqrt(encoding.length) + math.sqrt(2 * math.log(groups / TAIL_PROBABILITY)))
    # Rounding to integers never lengthens; rounding of floats is far below this.
    return (contributions * encoding.norm_bound + noise / parties) * (1 + 1e-9)

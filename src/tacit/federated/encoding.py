"""Real vectors as integers modulo 2^w, with w no wider than needed, and a sensitivity that is exact.

Every contribution (a record's clipped gradient, or a party's clipped update) of Euclidean norm at most
`norm_bound` becomes integers of norm at most `units`, by truncation *towards zero*: it never lengthens a vector, so
the integer sensitivity is `units` exactly and no correction for rounding is needed (stochastic rounding, as in
Kairouz, Liu, Steinke 2021, section 4, inflates it). The modulus has room for every contribution of every party and
for the noise, except with probability 2^-40.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit.errors import AgreementError
from tacit.kernels.packing import container

PRIVATE_UNITS = 2**16
EXACT_UNITS = 2**24
WRAP_PROBABILITY = 2.0**-40
MIN_WORD_BITS, MAX_WORD_BITS = 8, 64


@dataclass(frozen=True)
class Encoding:
    """How vectors of one step travel.

    `length` numbers; a contribution's norm is at most `norm_bound`, or `units` as integers; words of `word_bits`;
    each party adds discrete Gaussian noise of parameter `noise_scale` (in units).
    """

    length: int
    norm_bound: float
    units: int
    noise_scale: float
    word_bits: int

    @classmethod
    def fit(
        cls, *, length: int, norm_bound: float, units: int, noise_scale: float, contributions: int, parties: int
    ) -> Encoding:
        """Choose the narrowest words that `contributions` in all and the noise of `parties` fit in."""
        tail = noise_scale * math.sqrt(2 * parties * math.log(2 * length / WRAP_PROBABILITY))
        largest = contributions * units + math.ceil(tail)
        bits = max(largest.bit_length() + 1, MIN_WORD_BITS)
        if bits <= MAX_WORD_BITS:
            return cls(length, norm_bound, units, noise_scale, bits)
        raise AgreementError(
            f"sums could reach 2^{math.log2(largest):.0f} and would wrap: lower data.max_rows, or raise privacy.epsilon"
        )

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The unsigned word that sums are taken in: of 16, 32 or 64 bits."""
        return container(self.word_bits)

    def quantise(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return each row of the (contributions, length) array as integers of norm at most `units`."""
        rows = np.asarray(rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.length or not np.isfinite(rows).all():
            raise ValueError(f"contributions must be finite, of shape (any, {self.length})")
        # No coordinate is longer than the bound; beyond it, a product or a square could overflow.
        within = np.clip(rows, -self.norm_bound, self.norm_bound)
        units = np.trunc(within * (self.units / self.norm_bound))
        norms = np.sqrt((units * units).sum(axis=1))
        # Float clipping may leave a norm a hair above the bound; what is above is shortened, whatever the cause, and by
        # more than rounding here could add. (A sum of squares near units^2 is below 2^53, and so exact.)
        long = norms > self.units
        units[long] *= (self.units * (1 - 1e-9) / norms[long])[:, None]
        return np.trunc(units).astype(np.int64)

    def total(self, chunks: Iterable[npt.NDArray[np.float64]]) -> npt.NDArray[np.int64]:
        """Return the integer sum of all contributions in `chunks`, shape (length,)."""
        total = np.zeros(self.length, np.int64)
        for rows in chunks:
            total += self.quantise(rows).sum(axis=0)
        return total

    def to_words(self, integers: npt.NDArray[np.int64]) -> npt.NDArray[np.unsignedinteger]:
        """Return `integers` modulo 2^word_bits or more, which is the same once they are packed."""
        return integers.view(np.uint64).astype(self.dtype)

    def to_reals(self, words: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.float64]:
        """Return the real vector that a sum of words stands for, float64."""
        kind = self.dtype
        above = 8 * kind.itemsize - self.word_bits
        # Up and down again: the word's own sign takes the place of whatever is above it.
        signed = (words.astype(kind, copy=False) << kind.type(above)).view(f"i{kind.itemsize}") >> above
        return np.asarray(signed, np.float64) * (self.norm_bound / self.units)

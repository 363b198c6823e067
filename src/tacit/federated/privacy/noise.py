"""Where the noise comes from: OpenDP's exact discrete Gaussian, or, for tests alone, a seed.

The discrete Gaussian with parameter s gives the integer x with probability proportional to exp(-x^2 / (2 s^2))
(Canonne, Kamath, Steinke 2020). OpenDP samples it exactly, from the operating system's randomness, so that no
floating-point artefact shows through the noise (Mironov 2012).
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
import numpy.typing as npt


class NoiseSource(Protocol):
    """Something that gives discrete Gaussian noise."""

    def sample(self, scale: float, length: int) -> npt.NDArray[np.int64]:
        """Return `length` independent samples of parameter `scale`, int64."""


class ExactNoise:
    """OpenDP's exact sampler. The only source of noise under which privacy is claimed."""

    def sample(self, scale: float, length: int) -> npt.NDArray[np.int64]:
        """Return `length` independent samples of parameter `scale`, int64."""
        import opendp.prelude as dp

        dp.enable_features("contrib")
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="i64")
        return np.asarray(dp.m.make_gaussian(*space, scale=scale)([0] * length), dtype=np.int64)


class SeededNoise:
    """Noise that a seed determines, for tests that must repeat. Whoever knows the seed can take it off again."""

    def __init__(self, seed: int, label: str) -> None:
        """Start a stream for `label` (a party's name): parties with one seed draw different noise."""
        entropy = int.from_bytes(hashlib.sha256(f"{seed} {label}".encode()).digest()[:16], "big")
        self._generator = np.random.Generator(np.random.Philox(entropy))

    def sample(self, scale: float, length: int) -> npt.NDArray[np.int64]:
        """Return `length` samples of a rounded Gaussian of this scale, int64."""
        return np.rint(self._generator.normal(0.0, scale, length)).astype(np.int64)

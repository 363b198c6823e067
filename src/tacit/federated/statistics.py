"""Scaling statistics from one secure, noisy sum: mean and spread of every feature, over all parties.

A record contributes (count, u, 2u^2 - 1), with u in [-1, 1] its features scaled by the schema's public bounds, so
the contribution's norm is bounded without looking at data. Noise hurts most where features are many, therefore the
estimates are shrunk towards their common mean by as much as the noise explains (James and Stein 1961, positive
part; Efron and Morris 1973), which costs no privacy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit.federated.plan import Step, count_weight

FloatArray = npt.NDArray[np.float64]

MIN_VARIANCE = 0.004
MIN_COUNT = 8.0


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each feature, (features,) in the features' own units, and the row count."""

    mean: FloatArray
    deviation: FloatArray
    count: float

    def apply(self, features: FloatArray) -> FloatArray:
        """Return standardised features."""
        return np.asarray((features - self.mean) / self.deviation)


def statistics_rows(features: FloatArray, low: FloatArray, high: FloatArray, unit: str) -> FloatArray:
    """Return the contributions to the statistics: one per record, or their mean where a whole party is the unit."""
    # Within the bounds first: beyond them, the product could overflow.
    scaled = 2 * ((np.clip(features, low, high) - low) / (high - low)) - 1
    count = np.full((len(features), 1), count_weight(features.shape[1]))
    rows = np.hstack([count, scaled, 2 * scaled**2 - 1])
    return rows.mean(axis=0, keepdims=True) if unit == "party" else rows


def scaling_from(total: FloatArray, step: Step, low: FloatArray, high: FloatArray, parties: float) -> Scaling:
    """Return the scaling that the noisy `total` of (count, u, 2u^2 - 1) stands for.

    `parties` is the number of those whose noise is in the sum, or of as many as would give it the noise that it has.
    """
    features = len(low)
    encoding = step.encoding
    noise = encoding.noise_scale * np.sqrt(parties) * encoding.norm_bound / encoding.units
    count = max(float(total[0] / count_weight(features)), MIN_COUNT)
    variance_of_mean = (noise / count) ** 2
    mean = np.clip(_shrink(total[1 : 1 + features] / count, variance_of_mean), -1, 1)
    square = (total[1 + features :] / count + 1) / 2
    variance = _shrink(square - mean**2, variance_of_mean * (0.25 + 4 * float(np.mean(mean**2))))
    deviation = np.sqrt(np.clip(variance, MIN_VARIANCE, 1.0))
    half = (high - low) / 2
    return Scaling(low + (mean + 1) * half, deviation * half, count)


def _shrink(estimates: FloatArray, noise_variance: float) -> FloatArray:
    """Return `estimates` moved towards their mean, as far as noise of this variance accounts for their spread."""
    centre = float(np.mean(estimates))
    spread = float(np.sum((estimates - centre) ** 2))
    keep = max(0.0, 1 - max(len(estimates) - 3, 0) * noise_variance / spread) if spread > 0 else 0.0
    return centre + keep * (estimates - centre)

"""Noise: OpenDP's is the discrete Gaussian; the seeded one repeats, and differs by party and by seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tacit.federated.privacy import ExactNoise, NoiseSource, SeededNoise

# A chance below 1e-10 that a right sampler fails in any of these tests.
UNLIKELY_DEVIATIONS = 7.0


def discrete_gaussian(scale: float, values: np.ndarray) -> np.ndarray:
    """Probabilities of `values`: proportional to exp(-x^2 / 2 s^2) over all integers."""
    reach = np.arange(-math.ceil(40 * scale), math.ceil(40 * scale) + 1)
    return np.exp(-(values**2) / (2 * scale**2)) / np.exp(-(reach**2) / (2 * scale**2)).sum()


@pytest.mark.parametrize("scale", [0.7, 3.0])
def test_exact_noise_is_the_discrete_gaussian(scale: float) -> None:
    count = 20_000
    samples = ExactNoise().sample(scale, count)
    values = np.arange(-math.floor(3 * scale), math.floor(3 * scale) + 1)
    expected = count * discrete_gaussian(scale, values)
    observed = np.array([(samples == value).sum() for value in values])
    rest = count - observed.sum(), count - expected.sum()
    chi_square = ((observed - expected) ** 2 / expected).sum() + (rest[0] - rest[1]) ** 2 / rest[1]
    freedom = len(values)
    # Wilson and Hilferty 1931: the cube root of chi-square over its degrees of freedom is nearly normal.
    deviations = ((chi_square / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    assert deviations < UNLIKELY_DEVIATIONS


@pytest.mark.parametrize("scale", [64.0, 123_456.75])
def test_exact_noise_has_the_variance_that_is_accounted_for(scale: float) -> None:
    samples = ExactNoise().sample(scale, 10_000).astype(float)
    assert abs(samples.mean()) < UNLIKELY_DEVIATIONS * scale / 100
    assert abs(samples.var() / scale**2 - 1) < UNLIKELY_DEVIATIONS * math.sqrt(2) / 100


@pytest.mark.parametrize("source", [ExactNoise(), SeededNoise(7, "ash")])
def test_samples_are_whole_numbers_of_the_length_asked_for(source: NoiseSource) -> None:
    samples = source.sample(5.0, 33)
    assert (samples.dtype, samples.shape) == (np.int64, (33,))
    assert len(set(samples.tolist())) > 3


def test_exact_noise_does_not_repeat() -> None:
    assert ExactNoise().sample(1e6, 8).tolist() != ExactNoise().sample(1e6, 8).tolist()


def test_seeded_noise_repeats() -> None:
    first, second = SeededNoise(7, "ash"), SeededNoise(7, "ash")
    for length in (5, 9):
        assert first.sample(1000.0, length).tolist() == second.sample(1000.0, length).tolist()


@pytest.mark.parametrize(("seed", "party"), [(7, "birch"), (8, "ash"), (77, "ash")])
def test_seeded_noise_differs_by_party_and_by_seed(seed: int, party: str) -> None:
    ours, other = SeededNoise(7, "ash").sample(1000.0, 50), SeededNoise(seed, party).sample(1000.0, 50)
    assert (ours != other).sum() > 40
    assert abs(np.corrcoef(ours, other)[0, 1]) < 0.7


def test_seeded_noise_goes_on_where_it_was() -> None:
    source = SeededNoise(7, "ash")
    assert source.sample(1000.0, 9).tolist() != source.sample(1000.0, 9).tolist()


def test_seeded_noise_has_the_scale_asked_for() -> None:
    samples = SeededNoise(7, "ash").sample(300.0, 20_000)
    assert samples.std() == pytest.approx(300, rel=0.03)
    assert abs(samples.mean()) < 10

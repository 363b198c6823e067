"""Differential privacy: how much noise a study needs, where it comes from, and what has been spent."""

from tacit.federated.privacy.accountant import Accountant
from tacit.federated.privacy.budget import Multipliers, calibrate, effective_multiplier, rounds_for_statistics
from tacit.federated.privacy.noise import ExactNoise, NoiseSource, SeededNoise

__all__ = [
    "Accountant",
    "ExactNoise",
    "Multipliers",
    "NoiseSource",
    "SeededNoise",
    "calibrate",
    "effective_multiplier",
    "rounds_for_statistics",
]

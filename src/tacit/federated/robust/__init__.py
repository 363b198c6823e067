"""Robustness against parties that poison: the sum by groups, and the combination of the groups' sums."""

from tacit.federated.robust.combination import NOISE_INFLATION, combine, honest_norm, trimmed_mean
from tacit.federated.robust.groups import assign, group_count, group_sizes
from tacit.federated.robust.server import GroupedServer

__all__ = [
    "NOISE_INFLATION",
    "GroupedServer",
    "assign",
    "combine",
    "group_count",
    "group_sizes",
    "honest_norm",
    "trimmed_mean",
]

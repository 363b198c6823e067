"""Kernels: arrays in, arrays out, one compiled loop each.

| module | what it computes |
|---|---|
| `ring` | matrix products modulo 2^64 |
| `elementwise` | fused passes over ring vectors: replicated products, fixed-point rescaling |
| `masks` | mask expansion by AES-128-CTR, added to or taken from a vector in place |
| `packing` | words of any width, packed for the wire |
| `merkle` | BLAKE3 of many equal leaves at once, the nodes above them, the root |
| `goldilocks` | the prime field of 2^64 - 2^32 + 1 |
| `goldilocks_extension` | its quadratic extension by a root of X^2 - 7 |
| `ntt` | number-theoretic transforms over the field, and Reed-Solomon encoding |
| `sumcheck` | round polynomials and folds of tables over both fields, trees of fractions |
| `combinations` | rows of a matrix over the field, weighted by elements of the extension |

Every function takes and gives `numpy` arrays, checks dtype and shape, and raises `TypeError` or `ValueError` when
they do not fit. A module is imported, and Numba with it, when it is first named: `import tacit.kernels` is free.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tacit.kernels import (
        combinations,
        elementwise,
        goldilocks,
        goldilocks_extension,
        masks,
        merkle,
        ntt,
        packing,
        ring,
        sumcheck,
    )

__all__ = [
    "combinations",
    "elementwise",
    "goldilocks",
    "goldilocks_extension",
    "masks",
    "merkle",
    "ntt",
    "packing",
    "ring",
    "sumcheck",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"tacit.kernels.{name}")
    raise AttributeError(f"module 'tacit.kernels' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

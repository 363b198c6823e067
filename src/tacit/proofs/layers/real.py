"""Sumchecks over the real entries of a tensor alone, where what stands in the filling must not count.

With E(z) = eq(tau, z) at real entries and 0 in the filling, the sum of E(z) F(z) at a random tau is zero only if F is
zero at all real entries. E is a product over axes, and so is its extension, of

    sum over j < n of eq(tau, j) eq(at, j),

which takes time linear in the variables of the axis.
"""

from __future__ import annotations

import numpy as np

from tacit.proofs.argument.claims import Point
from tacit.proofs.field import ONE, ZERO, Element, Words
from tacit.proofs.tensors import Axes


def equality(axes: Axes, tau: Point, at: Point) -> Element:
    """The extension of E at a point."""
    result = ONE
    for size, p, q in zip(axes.sizes, axes.split(tau), axes.split(at), strict=True):
        result = result * below(size, p, q)
    return result


def table(axes: Axes, weights: Words) -> Words:
    """E as a table (2^variables, 2), from eq(tau, z)."""
    return np.where(axes.ones()[:, None] == 1, weights, np.uint64(0))


def below(count: int, p: Point, q: Point) -> Element:
    """The sum over j < count of eq(p, j) eq(q, j), count from 1 to 2^variables."""
    both = [(a * b, (1 - a) * (1 - b)) for a, b in zip(p, q, strict=True)]
    rests = [ONE]  # of the last variables, whatever they are
    for one, zero in reversed(both):
        rests.append(rests[-1] * (one + zero))
    if count == 1 << len(p):
        return rests[-1]
    result, prefix = ZERO, ONE  # prefix: that j agrees with `count` in all bits so far
    for place, (one, zero) in zip(reversed(range(len(p))), both, strict=True):
        if count >> place & 1:
            result = result + prefix * zero * rests[place]
            prefix = prefix * one
        else:
            prefix = prefix * zero
    return result

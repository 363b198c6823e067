"""Multilinear extensions: a table of 2^m values as a polynomial of degree one in each of m variables.

x_1 is the most significant bit of the index: the first half of a table is x_1 = 0, and a point is a list of m elements
in the order of the variables. A table read as an array of shape (2, ..., 2) is so indexed by its variables in order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.proofs import field
from tacit.proofs.field import ONE, ZERO, Element, Words

SMALL = 6  # variables of a table that single elements make sooner than arrays do


def equality_table(point: Sequence[Element]) -> Words:
    """eq(point, x) for every x in {0, 1}^m, `(2^m, 2)`: the product of p_i where x_i is 1, and of 1 - p_i where not."""
    cut = max(0, len(point) - SMALL)
    weights = [ONE]
    for coordinate in reversed(point[cut:]):
        high = [weight * coordinate for weight in weights]
        weights = [weight - part for weight, part in zip(weights, high, strict=True)] + high
    table = field.from_elements(weights)
    for coordinate in reversed(point[:cut]):
        part = field.multiply_extension(table, field.from_elements([coordinate]))
        table = np.concatenate([field.subtract(table, part), part])
    return table


def equality(p: Sequence[Element], q: Sequence[Element]) -> Element:
    """eq(p, q) = prod (p_i q_i + (1 - p_i)(1 - q_i)), for points of one length."""
    result = ONE
    for a, b in zip(p, q, strict=True):
        both = a * b
        result = result * (both + both - a - b + 1)
    return result


def evaluate(values: Words, point: Sequence[Element]) -> Element:
    """The extension of a table at a point: `values` `(2^m,)` over the base field, or `(2^m, 2)`."""
    if len(values) != 1 << len(point):
        raise ValueError(f"a table of {len(values)} values is not one of {len(point)} variables")
    weights = equality_table(point)
    return field.dot(values, weights) if values.ndim == 1 else field.dot_extension(values, weights)


def fold(values: Words, coordinate: Element) -> Words:
    """The table of the remaining variables when x_1 is `coordinate`: `(2^m,)` or `(2^m, 2)` to `(2^(m-1), 2)`."""
    low, high = np.split(values, 2)
    step = field.from_elements([coordinate])
    if values.ndim == 1:
        return field.add(field.extend(low), field.scale_extension(step, field.subtract(high, low)))
    return field.add(low, field.multiply_extension(field.subtract(high, low), step))


def indicator(count: int, point: Sequence[Element]) -> Element:
    """The extension of the table that is 1 at indices below `count` and 0 from there on; `count` up to 2^m."""
    if not 0 <= count <= 1 << len(point):
        raise ValueError(f"{count} indices do not fit {len(point)} variables")
    if count == 1 << len(point):
        return ONE
    result, prefix = ZERO, ONE  # prefix: that the index agrees with `count` in all bits so far
    for place, coordinate in zip(reversed(range(len(point))), point, strict=True):
        if count >> place & 1:
            result = result + prefix * (1 - coordinate)
            prefix = prefix * coordinate
        else:
            prefix = prefix * (1 - coordinate)
    return result


def identity(point: Sequence[Element]) -> Element:
    """The extension of the table whose value is its index."""
    result = ZERO
    for coordinate in point:
        result = result + result + coordinate
    return result

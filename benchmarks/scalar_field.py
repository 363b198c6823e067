"""The Goldilocks field as one would write it for Numba, a word at a time: the peer of the vector kernels."""

import numba
import numpy as np

P = np.uint64(2**64 - 2**32 + 1)
HALF = np.uint64(2**32 - 1)
SHIFT = np.uint64(32)


@numba.njit(inline="always")
def product(a, b):
    """a * b by 32-bit limbs, canonical."""
    al, ah, bl, bh = a & HALF, a >> SHIFT, b & HALF, b >> SHIFT
    ll, hl, lh, hh = al * bl, ah * bl, al * bh, ah * bh
    middle = hl + (ll >> SHIFT)
    second = lh + (middle & HALF)
    lo = (second << SHIFT) | (ll & HALF)
    hi = hh + (middle >> SHIFT) + (second >> SHIFT)
    h1, h0 = hi >> SHIFT, hi & HALF
    t = lo - h1
    if lo < h1:
        t -= HALF
    u = (h0 << SHIFT) - h0
    r = t + u
    if r < u:
        r += HALF
    return r - P if r >= P else r


@numba.njit(inline="always")
def total(a, b):
    """a + b for canonical words."""
    s = a + b
    return s - P if s < a or s >= P else s


@numba.njit(inline="always")
def difference(a, b):
    """a - b for canonical words."""
    return a - b if a >= b else a + (P - b)


@numba.njit
def multiply(x, y, out):
    for i in range(x.size):
        out[i] = product(x[i], y[i])
    return out


@numba.njit
def add(x, y, out):
    for i in range(x.size):
        out[i] = total(x[i], y[i])
    return out


@numba.njit
def dot(x, y):
    result = np.uint64(0)
    for i in range(x.size):
        result = total(result, product(x[i], y[i]))
    return result


@numba.njit
def inverse(a):
    """a^(p - 2)."""
    result, exponent = np.uint64(1), P - np.uint64(2)
    while exponent:
        if exponent & np.uint64(1):
            result = product(result, a)
        a = product(a, a)
        exponent >>= np.uint64(1)
    return result


@numba.njit
def invert(x):
    """Montgomery's trick in one chain."""
    out = np.empty_like(x)
    running = np.uint64(1)
    for i in range(x.size):
        out[i] = running
        running = product(running, x[i])
    running = inverse(running)
    for i in range(x.size - 1, -1, -1):
        out[i] = product(out[i], running)
        running = product(running, x[i])
    return out


@numba.njit
def extend(x, y, out):
    """Products in the quadratic extension by a root of X^2 - 7: four of the field, and one by 7."""
    for i in range(len(x)):
        seven = product(np.uint64(7), product(x[i, 1], y[i, 1]))
        out[i, 0] = total(product(x[i, 0], y[i, 0]), seven)
        out[i, 1] = total(product(x[i, 0], y[i, 1]), product(x[i, 1], y[i, 0]))
    return out


@numba.njit
def transform(values, roots, scratch):
    """A plain radix-2 transform (Stockham); `roots` are the first half of the n-th roots of unity."""
    half = values.size // 2
    x, y = values, scratch
    stride = 1
    while stride <= half:
        for start in range(0, half, stride):
            w = roots[start]
            for j in range(stride):
                a, b = x[start + j], x[start + j + half]
                y[2 * start + j] = total(a, b)
                y[2 * start + j + stride] = product(difference(a, b), w)
        x, y = y, x
        stride *= 2
    return x


@numba.njit(inline="always")
def extended_product(x0, x1, y0, y1):
    """One product in the extension."""
    seven = product(np.uint64(7), product(x1, y1))
    return total(product(x0, y0), seven), total(product(x0, y1), product(x1, y0))


@numba.njit
def extended(x):
    """Base words as elements of the extension."""
    out = np.zeros((x.size, 2), dtype=np.uint64)
    out[:, 0] = x
    return out


@numba.njit
def fold(x, factor, out):
    """low + factor * (high - low) for each pair."""
    half = len(x) // 2
    for i in range(half):
        d0, d1 = difference(x[half + i, 0], x[i, 0]), difference(x[half + i, 1], x[i, 1])
        p0, p1 = extended_product(d0, d1, factor[0], factor[1])
        out[i, 0], out[i, 1] = total(p0, x[i, 0]), total(p1, x[i, 1])
    return out


@numba.njit
def round_values(x, y):
    """The sum of products of two lines, at 0 and at 2."""
    sums, half = np.zeros((2, 2), dtype=np.uint64), len(x) // 2
    for i in range(half):
        p0, p1 = extended_product(x[i, 0], x[i, 1], y[i, 0], y[i, 1])
        sums[0, 0], sums[0, 1] = total(sums[0, 0], p0), total(sums[0, 1], p1)
        x0, x1 = total(x[half + i, 0], x[half + i, 0]), total(x[half + i, 1], x[half + i, 1])
        y0, y1 = total(y[half + i, 0], y[half + i, 0]), total(y[half + i, 1], y[half + i, 1])
        x0, x1 = difference(x0, x[i, 0]), difference(x1, x[i, 1])
        y0, y1 = difference(y0, y[i, 0]), difference(y1, y[i, 1])
        p0, p1 = extended_product(x0, x1, y0, y1)
        sums[1, 0], sums[1, 1] = total(sums[1, 0], p0), total(sums[1, 1], p1)
    return sums


@numba.njit
def weighted_round(weights, a, b, c, d):
    """The weighted sum of two products of lines: value at 0, and leading coefficient."""
    sums, half = np.zeros((2, 2), dtype=np.uint64), len(a) // 2
    for i in range(half):
        for place in range(2):
            p0, p1 = _line_product(a, b, i, half, place)
            q0, q1 = _line_product(c, d, i, half, place)
            p0, p1 = extended_product(total(p0, q0), total(p1, q1), weights[i, 0], weights[i, 1])
            sums[place, 0], sums[place, 1] = total(sums[place, 0], p0), total(sums[place, 1], p1)
    return sums


@numba.njit(inline="always")
def _line_product(x, y, i, half, place):
    if place == 0:
        return extended_product(x[i, 0], x[i, 1], y[i, 0], y[i, 1])
    x0, x1 = difference(x[half + i, 0], x[i, 0]), difference(x[half + i, 1], x[i, 1])
    y0, y1 = difference(y[half + i, 0], y[i, 0]), difference(y[half + i, 1], y[i, 1])
    return extended_product(x0, x1, y0, y1)


@numba.njit
def combine_rows(matrix, weights):
    """Rows weighted by elements of the extension."""
    out = np.zeros((matrix.shape[1], 2), dtype=np.uint64)
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            out[j, 0] = total(out[j, 0], product(matrix[i, j], weights[i, 0]))
            out[j, 1] = total(out[j, 1], product(matrix[i, j], weights[i, 1]))
    return out

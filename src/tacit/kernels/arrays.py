"""What a kernel demands of an array before it sees the array's address.

The compiled loops work on raw addresses: one compiled version then serves read-only, transposed and mapped arrays
alike, where Numba's own array types would compile one for each. The price is that nothing inside a loop checks
anything, so everything is checked here, once, and a kernel is only ever called on what these functions return.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def checked(name: str, array: object, dtype: npt.DTypeLike, dimensions: int | None = None) -> Array:
    """`array` itself, once it is a numpy array of `dtype` (in this machine's byte order) and of `dimensions` axes."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a numpy array of {np.dtype(dtype)}, not {type(array).__name__}")
    if array.dtype != dtype:
        raise TypeError(f"{name} must be an array of {np.dtype(dtype)}, not of {array.dtype}")
    if dimensions is not None and array.ndim != dimensions:
        raise ValueError(f"{name} must have {dimensions} dimensions, not {array.ndim} (its shape is {array.shape})")
    return np.asarray(array)


def readable(name: str, array: object, dtype: npt.DTypeLike, dimensions: int | None = None) -> Array:
    """`array`, checked, as aligned words in C order: a copy only where it was not so already."""
    given = checked(name, array, dtype, dimensions)
    flags = given.flags
    return given if flags.c_contiguous and flags.aligned else given.copy(order="C")


def writable(name: str, array: object, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Array:
    """`array` itself, once a kernel may write every word of it in place: never a copy."""
    checked(name, array, dtype)
    assert isinstance(array, np.ndarray)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, not {array.shape}")
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name} must be aligned and contiguous in C order; pass a fresh array or none")
    return np.asarray(array)


def apart(source: Array, out: Array) -> Array:
    """`source`, or a copy where writing `out` word by word would change words of `source` not yet read.

    The same words in the same order are no danger: each is read before it is written.
    """
    start, written = address(source), address(out)
    overlap = start < written + out.nbytes and written < start + source.nbytes
    return source.copy() if overlap and (start, source.size) != (written, out.size) else source


def address(array: Array) -> int:
    """Where the array's first word lies; good for as long as the caller holds the array."""
    where: int = array.__array_interface__["data"][0]
    return where

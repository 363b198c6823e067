"""Replicated secret sharing among three parties (Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016, section 2).

A value is the sum of three components modulo 2^64 (`Arithmetic`), or the exclusive or of three (`Binary`, 64 packed
bits to a word); party i holds components i and i + 1 modulo 3. Any two parties have all three; one has two uniformly
random numbers. Sums, and products with what is public, cost no message and are the operators of these types.

A share never tells its words: not in `repr`, not as a truth value, not as an index. Public arrays are numpy's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]


class SecretAsPublicError(TypeError):
    """A program used a secret where only a public value can stand, such as a condition or an index."""


class Share:
    """Two of the three components, uint64 arrays of one shape; nobody writes to either."""

    __slots__ = ("next", "own")

    def __init__(self, own: Words, next: Words) -> None:  # the papers' and the field's name
        """Of component i, `own`, and component i + 1, `next`; raises ValueError where their shapes differ."""
        if own.shape != next.shape:
            raise ValueError(f"components have shapes {own.shape} and {next.shape}")
        # A scalar as an array of no axes: numpy warns where a scalar's sum wraps, and a share's always may.
        self.own, self.next = np.asarray(own), np.asarray(next)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which is public."""
        return self.own.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.own.ndim

    @property
    def size(self) -> int:
        """The number of words."""
        return self.own.size

    def map(self, local: Callable[[Words], Words]) -> Self:
        """The share whose components are `local` of these: for what is linear in each component."""
        return type(self)(local(self.own), local(self.next))

    def reshape(self, *shape: int) -> Self:
        """As numpy's."""
        return type(self)(self.own.reshape(shape), self.next.reshape(shape))

    def __getitem__(self, index: Any) -> Self:
        """A part, by a public index."""
        if isinstance(index, Share) or (isinstance(index, tuple) and any(isinstance(part, Share) for part in index)):
            raise SecretAsPublicError("a secret cannot be an index: which place is read would tell it")
        return type(self)(self.own[index], self.next[index])

    def __len__(self) -> int:
        return len(self.own)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(secret, shape={self.shape})"

    def __bool__(self) -> bool:
        raise SecretAsPublicError("a secret has no truth value: compare on shares and choose with `where`")

    __index__ = __int__ = __float__ = __bool__

    def __reduce__(self) -> Any:
        raise SecretAsPublicError("shares are not pickled: they are kept by tacit.mpc.storage, encrypted")

    __array__ = None  # numpy does not take the components apart
    __array_ufunc__ = None


class Arithmetic(Share):
    """A share modulo 2^64."""

    def __add__(self, other: Arithmetic) -> Arithmetic:
        return Arithmetic(self.own + other.own, self.next + other.next)

    def __sub__(self, other: Arithmetic) -> Arithmetic:
        return Arithmetic(self.own - other.own, self.next - other.next)

    def __neg__(self) -> Arithmetic:
        return self.map(np.negative)

    def times(self, public: npt.ArrayLike) -> Arithmetic:
        """The product with public integers, element by element."""
        factor = ring(public)
        return self.map(lambda component: component * factor)


class Binary(Share):
    """A share by exclusive or: words of 64 bits."""

    def __xor__(self, other: Binary) -> Binary:
        return Binary(self.own ^ other.own, self.next ^ other.next)

    def masked(self, public: npt.ArrayLike) -> Binary:
        """The conjunction with public words."""
        mask = ring(public)
        return self.map(lambda component: component & mask)


def ring(public: npt.ArrayLike) -> Words:
    """Public integers, of either sign, as words modulo 2^64."""
    array = np.asarray(public)
    if array.dtype.kind not in "iub":
        raise TypeError(f"words are integers, not {array.dtype}")
    return array.astype(np.int64).view(np.uint64) if array.dtype.kind == "i" else array.astype(np.uint64)

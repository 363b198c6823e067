"""`Shared`: an array that nobody sees, used like one of numpy's.

    with ... as session:
        x = Shared.input(session, owner=0, values=mine, shape=(100, 30))
        scores = (x @ weights + bias).sigmoid()
        labels = scores.argmax(axis=-1)
        print(labels.open())

Every party runs the same program; what is public (shapes, owners, plain numbers) is the same at all. Numbers are
fixed point with f fractional bits, and every product of two is rescaled within one unit in the last place. Each call
runs its protocol to the end; to let independent work share its rounds, write protocols and use `exchange.together`.

A secret is never a condition, an index or text: compare, and choose with `where`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tacit.errors import DataError
from tacit.mpc.functions.equality import is_zero
from tacit.mpc.functions.exponential import exp
from tacit.mpc.functions.inner_products import inner_products
from tacit.mpc.functions.local import concatenate, plus
from tacit.mpc.functions.maximum import argmax, maximum, maximum_along
from tacit.mpc.functions.reciprocal import reciprocal
from tacit.mpc.functions.relu import below_zero, not_negative, relu
from tacit.mpc.functions.rsqrt import rsqrt
from tacit.mpc.functions.selection import absolute, where
from tacit.mpc.functions.sigmoid import sigmoid, tanh
from tacit.mpc.functions.softmax import softmax
from tacit.mpc.inputs import share
from tacit.mpc.opening import open_to, open_to_all
from tacit.mpc.products import matmul, multiply
from tacit.mpc.replicated import Arithmetic, SecretAsPublicError, Share, ring
from tacit.mpc.session import Session
from tacit.mpc.training.rows import decoded, encoded
from tacit.mpc.truncation import truncate
from tacit.mpc.truth import Truth
from tacit.mpc.verification import verify

DEFAULT_FRACTION_BITS = 16
BOUND_BITS = 48  # of every number, as an integer in fixed point: |x| < 2^47, or 2^31 at 16 fractional bits

Public = npt.ArrayLike
Floats = npt.NDArray[np.float64]


class Shared:
    """A secret array in fixed point, held in shares by the three parties of a session.

    Numbers stay below 2^(47 - f) in magnitude: results beyond that are wrong, and no party can see that they are.
    """

    __array_ufunc__ = None

    def __init__(self, session: Session, share: Arithmetic, fraction_bits: int = DEFAULT_FRACTION_BITS) -> None:
        """Of a share that stands for integers with `fraction_bits`; `Shared.input` makes one from plain numbers."""
        self._session, self._share, self._f = session, share, fraction_bits

    @classmethod
    def input(
        cls,
        session: Session,
        owner: int,
        values: Public | None,
        shape: tuple[int, ...],
        fraction_bits: int = DEFAULT_FRACTION_BITS,
    ) -> Shared:
        """What party `owner` knows: numbers of `shape` at the owner, None at the others; 1 round."""
        words = None if values is None else encoded(_numbers(values), fraction_bits, "an input")
        return cls(session, session.run(share(session.party, owner, words, shape)), fraction_bits)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which is public."""
        return self._share.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._share.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._share.size

    @property
    def T(self) -> Self:  # noqa: N802  # as numpy has it
        """Transposed."""
        return self._local(np.transpose)

    @property
    def share(self) -> Arithmetic:
        """This party's share, for protocols."""
        return self._share

    def reshape(self, *shape: int) -> Self:
        """As numpy's."""
        return self._new(self._share.reshape(*shape))

    def __getitem__(self, index: Any) -> Self:
        if isinstance(index, Shared) or (isinstance(index, tuple) and any(isinstance(i, Shared) for i in index)):
            raise SecretAsPublicError("a secret cannot be an index: which place is read would tell it")
        return self._new(self._share[index])

    def __len__(self) -> int:
        return len(self._share)

    def __add__(self, other: Shared | Public) -> Self:
        if isinstance(other, Shared):
            return self._new(_broadcast(self._share, other._same(self)) + _broadcast(other._share, self._share))
        return self._new(plus(self._session.party, self._share, self._encoded(other)))

    def __sub__(self, other: Shared | Public) -> Self:
        return self + (-other if isinstance(other, Shared) else -np.asarray(other, dtype=np.float64))

    def __rsub__(self, other: Public) -> Self:
        return -self + other

    def __neg__(self) -> Self:
        return self._new(-self._share)

    def __mul__(self, other: Shared | Public) -> Self:
        if isinstance(other, Shared):
            return self._rescaled(self._session.run(multiply(self._session.party, self._share, other._same(self))))
        public = np.asarray(other)
        if public.dtype.kind in "iub":
            return self._new(self._share.times(public))
        product = self._share.times(self._encoded(public).view(np.int64))
        return self._rescaled(product)

    def __matmul__(self, other: Shared | Public) -> Self:
        if isinstance(other, Shared):
            return self._rescaled(self._session.run(matmul(self._session.party, self._share, other._same(self))))
        factor = ring(self._encoded(other).view(np.int64))
        return self._rescaled(self._share.map(lambda part: part @ factor))

    __radd__ = __add__
    __rmul__ = __mul__

    def __lt__(self, other: Shared | Public) -> Truth:
        return Truth(
            self._session, self._session.run(below_zero(self._session.party, (self - other)._share, BOUND_BITS))
        )

    def __ge__(self, other: Shared | Public) -> Truth:
        return Truth(
            self._session, self._session.run(not_negative(self._session.party, (self - other)._share, BOUND_BITS))
        )

    def __gt__(self, other: Shared | Public) -> Truth:
        return -self < (-other if isinstance(other, Shared) else -np.asarray(other, dtype=np.float64))

    def __le__(self, other: Shared | Public) -> Truth:
        return -self >= (-other if isinstance(other, Shared) else -np.asarray(other, dtype=np.float64))

    def equals(self, other: Shared | Public) -> Truth:
        """Where the two are the same number."""
        zero = is_zero(self._session.party, (self - other)._share, BOUND_BITS)
        return Truth(self._session, self._session.run(zero))

    def sum(self, axis: int | None = None) -> Self:
        """The sum, over all or along one axis; no message."""
        return self._local(lambda part: np.asarray(part.sum(axis=axis, dtype=np.uint64)))

    def mean(self, axis: int | None = None) -> Self:
        """The mean, over all or along one axis."""
        total = self.sum(axis)
        return total * (total.size / self.size)

    def dot(self, other: Shared) -> Self:
        """The inner products along the first axis: of a word for each on the wire, however long they are."""
        return self._rescaled(self._session.run(inner_products(self._session.party, self._share, other._same(self))))

    def relu(self) -> Self:
        """max(x, 0), exactly."""
        return self._run(relu(self._session.party, self._share, BOUND_BITS))

    def abs(self) -> Self:
        """|x|, exactly."""
        return self._run(absolute(self._session.party, self._share, BOUND_BITS))

    def maximum(self, other: Shared) -> Self:
        """The greater of two, element by element, exactly."""
        return self._run(maximum(self._session.party, self._share, other._same(self), BOUND_BITS))

    def max(self, axis: int = -1) -> Self:
        """The greatest along an axis, exactly."""
        return self._run(maximum_along(self._session.party, self._first(axis), BOUND_BITS))

    def argmax(self, axis: int = -1) -> Shared:
        """The place of the first greatest along an axis, as numbers without fractional bits."""
        return Shared(self._session, self._session.run(argmax(self._session.party, self._first(axis), BOUND_BITS)), 0)

    def sigmoid(self) -> Self:
        """1 / (1 + exp(-x)); error: that of `tacit.graph.layers.Sigmoid` and one unit in the last place."""
        return self._run(sigmoid(self._session.party, self._share, self._f, BOUND_BITS))

    def tanh(self) -> Self:
        """The hyperbolic tangent; error as for `sigmoid`."""
        return self._run(tanh(self._session.party, self._share, self._f, BOUND_BITS))

    def exp(self) -> Self:
        """The exponential; domain and error are those of `functions.exponential.exp`."""
        return self._run(exp(self._session.party, self._share, self._f, BOUND_BITS))

    def reciprocal(self) -> Self:
        """1 / x for x > 0 below 2^(31 - f); error of `functions.reciprocal`."""
        return self._run(reciprocal(self._session.party, self._share, self._f))

    def rsqrt(self) -> Self:
        """1 / sqrt(x) for x > 0 below 2^(31 - f); error of `functions.rsqrt`."""
        return self._run(rsqrt(self._session.party, self._share, self._f))

    def softmax(self, axis: int = -1) -> Self:
        """exp(x) over its sum along an axis; error of `functions.softmax`."""
        found = self._session.run(softmax(self._session.party, self._first(axis), self._f, BOUND_BITS))
        return self._new(found.map(lambda part: np.moveaxis(part, 0, axis)))

    def chosen(self, condition: Arithmetic, otherwise: Shared) -> Self:
        """This where the shared `condition` is 1, and `otherwise` where it is 0: see `Truth.where`."""
        return self._run(where(self._session.party, condition, self._share, otherwise._same(self)))

    def verify(self) -> None:
        """In active mode: look whether anybody cheated in a product so far; `open` does so by itself."""
        if self._session.party.active:
            self._session.run(verify(self._session.party))

    def open(self) -> Floats:
        """The numbers, to all parties, once every product is verified; raises ProtocolError where one cheated."""
        self.verify()
        return decoded(self._session.run(open_to_all(self._session.party, self._share)), self._f)

    def open_to(self, receiver: int) -> Floats | None:
        """The numbers, to party `receiver` alone; None at the others."""
        self.verify()
        words = self._session.run(open_to(self._session.party, self._share, receiver))
        return None if words is None else decoded(words, self._f)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(secret, shape={self.shape})"

    def __bool__(self) -> bool:
        raise SecretAsPublicError("a secret has no truth value: compare, and choose with `where`")

    __float__ = __int__ = __index__ = __bool__
    __hash__ = None  # type: ignore[assignment]  # nor can it be looked up

    def __eq__(self, other: object) -> Any:
        raise SecretAsPublicError("equality of secrets is not a Python condition: use x.equals(y)")

    def _first(self, axis: int) -> Arithmetic:
        """The share with this axis as the first one."""
        return self._share.map(lambda part: np.ascontiguousarray(np.moveaxis(part, axis, 0)))

    def _same(self, other: Shared) -> Arithmetic:
        if self._session is not other._session or self._f != other._f:
            raise ValueError("shares of two sessions, or with other fractional bits, do not go together")
        return self._share

    def _encoded(self, public: Public) -> npt.NDArray[np.uint64]:
        return encoded(np.asarray(public, dtype=np.float64), self._f, "a public number")

    def _new(self, share: Arithmetic) -> Self:
        return type(self)(self._session, share, self._f)

    def _local(self, local: Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.uint64]]) -> Self:
        return self._new(self._share.map(local))

    def _run(self, protocol: Any) -> Self:
        return self._new(self._session.run(protocol))

    def _rescaled(self, product: Arithmetic) -> Self:
        return self._run(truncate(self._session.party, product, self._f)) if self._f else self._new(product)


def stacked(parts: Sequence[Shared], axis: int = 0) -> Shared:
    """Shared arrays one after another along an axis."""
    first = parts[0]
    return first._new(concatenate([part._same(first) for part in parts], axis))


def _numbers(values: Public) -> Floats:
    """As floats; DataError where one is no number, which does not show it as numpy's error would."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("an input: a value is not a number, or the rows differ in length") from None


def _broadcast(share: Arithmetic, other: Share) -> Arithmetic:
    shape = np.broadcast_shapes(share.shape, other.shape)
    return share.map(lambda part: np.broadcast_to(part, shape))

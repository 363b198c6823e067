"""`Truth`: a secret yes or no for each element of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.mpc.functions.local import minus
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic, SecretAsPublicError
from tacit.mpc.session import Session

if TYPE_CHECKING:
    from tacit.mpc.shared import Shared


class Truth:
    """A secret yes or no for each element: what a comparison gives, and `where` takes."""

    __array_ufunc__ = None

    def __init__(self, session: Session, share: Arithmetic) -> None:
        """Of a share of 0 and 1."""
        self._session, self._share = session, share

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which is public."""
        return self._share.shape

    def where(self, yes: Shared, no: Shared) -> Shared:
        """`yes` where true and `no` elsewhere, without telling which."""
        return yes.chosen(self._share, no)

    def __invert__(self) -> Truth:
        return Truth(self._session, minus(self._session.party, 1, self._share))

    def __and__(self, other: Truth) -> Truth:
        return Truth(self._session, self._session.run(multiply(self._session.party, self._share, other._share)))

    def __or__(self, other: Truth) -> Truth:
        return ~(~self & ~other)

    def count(self) -> Shared:
        """How many are true, as a number without fractional bits."""
        from tacit.mpc.shared import Shared

        return Shared(self._session, self._share.map(lambda part: np.asarray(part.sum(dtype=np.uint64))), 0)

    def numbers(self) -> Shared:
        """1 for true and 0 for false, without fractional bits."""
        from tacit.mpc.shared import Shared

        return Shared(self._session, self._share, 0)

    def __bool__(self) -> bool:
        raise SecretAsPublicError("a secret has no truth value: choose with `where`")

    def __repr__(self) -> str:
        return f"Truth(secret, shape={self.shape})"

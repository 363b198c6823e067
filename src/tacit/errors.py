"""The errors that tacit raises; each says who or what is at fault.

A message says what happened, where, and what to do next. No secret is ever part of one. It may hold names of files and
hosts that a stranger chose, so what could steer a terminal or pass for another line (control characters, marks of
direction) is escaped in it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar


class TacitError(Exception):
    """Any error that a user of the library can act on; its message is one line."""

    _kept: ClassVar[str] = ""

    def __init__(self, message: str) -> None:
        super().__init__(_printable(message, self._kept))


class FormatError(TacitError):
    """Bytes that are not what they should be: truncated, altered, oversized, of another version."""


class IdentityError(TacitError):
    """A key: missing, unreadable by this passphrase, with loose permissions, or not the one needed."""


class AgreementError(TacitError):
    """The study's agreement: unsigned, falsely signed, changed, or asking for what cannot be met."""


class DataError(TacitError):
    """A table: names file, row and column; one line for each fault."""

    _kept = "\n"


class GraphError(TacitError):
    """A model that the fixed-point graph cannot express exactly: names layer, tensor, value and bound."""


class ProtocolError(TacitError):
    """A party or the coordinator broke the protocol: says who, and in which step.

    `culprit` is the name of the one at fault, as the agreement spells it; `step` the protocol's step; `reason` the
    message without these.
    """

    def __init__(self, message: str, *, culprit: str, step: str) -> None:
        super().__init__(f"{culprit}, in step {step}: {message}")
        self.culprit = _printable(culprit)
        self.step = _printable(step)
        self.reason = _printable(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), culprit=self.culprit, step=self.step), (self.reason,)


class ProofError(TacitError):
    """A check of evidence failed: says which."""


class BudgetError(TacitError):
    """The privacy budget would be passed."""


class PolicyError(TacitError):
    """Evidence of trusted hardware that the policy refuses."""


def _printable(text: str, kept: str = "") -> str:
    """Return `text` with all that does not print, but for the characters in `kept`, written as Python escapes it."""
    return "".join(each if each.isprintable() or each in kept else ascii(each)[1:-1] for each in text)

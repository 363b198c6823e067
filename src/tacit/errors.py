"""The errors that tacit raises; each says who or what is at fault.

A message says what happened, where, and what to do next. No secret is ever part of one.
"""

from __future__ import annotations


class TacitError(Exception):
    """Any error that a user of the library can act on."""


class FormatError(TacitError):
    """Bytes that are not what they should be: truncated, altered, oversized, of another version."""


class IdentityError(TacitError):
    """A key: missing, unreadable by this passphrase, with loose permissions, or not the one needed."""


class AgreementError(TacitError):
    """The study's agreement: unsigned, falsely signed, changed, or asking for what cannot be met."""


class DataError(TacitError):
    """A table: names file, row and column."""


class GraphError(TacitError):
    """A model that the fixed-point graph cannot express exactly: names layer, tensor, value and bound."""


class ProtocolError(TacitError):
    """A party or the coordinator broke the protocol: says who, and in which step.

    `culprit` is the name of the one at fault, as the agreement spells it; `step` the protocol's step.
    """

    def __init__(self, message: str, *, culprit: str, step: str) -> None:
        super().__init__(f"{culprit}, in step {step}: {message}")
        self.culprit = culprit
        self.step = step


class ProofError(TacitError):
    """A check of evidence failed: says which."""


class BudgetError(TacitError):
    """The privacy budget would be passed."""


class PolicyError(TacitError):
    """Evidence of trusted hardware that the policy refuses."""

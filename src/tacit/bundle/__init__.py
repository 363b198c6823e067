"""The bundle: the one file that leaves a study, made by all parties, verified by anyone, opened by its holders."""

from tacit.bundle.bundle import Bundle
from tacit.bundle.ledger import NoisyRelease, PrivacyLedger
from tacit.bundle.manifest import Evidence, Holder, Manifest, Rounds, SealedModel
from tacit.bundle.report import Report, Row
from tacit.bundle.sealing import Outcome, Proposal, check_proposal, propose, sign
from tacit.bundle.verification import verify

__all__ = [
    "Bundle",
    "Evidence",
    "Holder",
    "Manifest",
    "NoisyRelease",
    "Outcome",
    "PrivacyLedger",
    "Proposal",
    "Report",
    "Rounds",
    "Row",
    "SealedModel",
    "check_proposal",
    "propose",
    "sign",
    "verify",
]

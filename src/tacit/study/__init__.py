"""The study: what the parties agree on, in a file that all of them sign, and the log of what was done under it."""

from tacit.study.agreement import Agreement, Coordinator, Insecure, Party, Privacy, Release, Training, Trust
from tacit.study.computation import Computation
from tacit.study.log import Entry, Head, Log
from tacit.study.model import Convolution, Model
from tacit.study.signatures import AgreementSignature
from tacit.study.study import Study

__all__ = [
    "Agreement",
    "AgreementSignature",
    "Computation",
    "Convolution",
    "Coordinator",
    "Entry",
    "Head",
    "Insecure",
    "Log",
    "Model",
    "Party",
    "Privacy",
    "Release",
    "Study",
    "Training",
    "Trust",
]

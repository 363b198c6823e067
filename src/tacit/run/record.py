"""The record of one run, in the study's log: the same entries at every party and at the coordinator.

The digest of the entries so far goes into the next step's instance, which everyone signs: a coordinator that gave two parties
different totals is found out in the next step.
"""

from __future__ import annotations

import hashlib
from typing import Any

from tacit.federated.plan import Step
from tacit.study import Head, Log, Study


class Record:
    """The log of one run under one study."""

    def __init__(self, study: Study, run_id: bytes, participants: tuple[str, ...], histories: dict[str, bytes]) -> None:
        """Begin the log of the run with who takes part, under which agreement, after what."""
        self._run_id = run_id
        self.log: Log = study.run_log(run_id)
        self.log.append(
            "run",
            {
                "agreement": study.digest.hex(),
                "run": run_id.hex(),
                "participants": list(participants),
                "histories": {name: history.hex() for name, history in histories.items()},
            },
        )

    def instance(self, step: Step) -> bytes:
        """Return the 32 bytes that name this step of this run after this history."""
        head = self.head
        content = step.index.to_bytes(4, "big") + head.size.to_bytes(8, "big") + head.root
        return hashlib.sha256(b"tacit step/1\x00" + self._run_id + content).digest()

    def charge(self, step: Step) -> None:
        """Note, before it can leave, that a noisy sum is released."""
        self.log.append("release", {"step": step.index, "kind": step.kind, "multiplier": step.multiplier})

    def total(self, step: Step, survivors: tuple[str, ...], words: bytes) -> None:
        """Note whose vectors were summed, and the (blinded) sum's hash."""
        self.log.append(
            "total",
            {"step": step.index, "survivors": list(survivors), "sha256": hashlib.sha256(words).hexdigest()},
        )

    def sealed(self, bundle: bytes) -> None:
        """Note the bundle that the run ended with."""
        self.log.append("sealed", {"sha256": hashlib.sha256(bundle).hexdigest()})

    @property
    def head(self) -> Head:
        """The head of the run's log."""
        return self.log.head


def history_digest(study: Study) -> bytes:
    """Return the digest of the heads of all earlier runs in this member's folder: what it joins a run with."""
    heads = b"".join(log.head.size.to_bytes(8, "big") + log.head.root for log in study.run_logs())
    return hashlib.sha256(b"tacit history/1\x00" + heads).digest()

"""The record of one run, in the study's log: the same entries at every party and at the coordinator.

The digest of the entries so far goes into the next step's instance, which everyone signs: a coordinator that gave
two parties different totals is found out in the next step.
"""

from __future__ import annotations

import hashlib

from tacit.federated.plan import Step
from tacit.federated.secagg import Setting, thresholds
from tacit.run.continuing import SEALED, Mark, Start
from tacit.study import Head, Log, Study


class Record:
    """The log of one run under one study."""

    def __init__(
        self,
        study: Study,
        member: str,
        run_id: bytes,
        participants: tuple[str, ...],
        histories: dict[str, bytes],
        start: Start,
    ) -> None:
        """Begin `member`'s log of the run with who takes part, under which agreement, after what."""
        self._study = study
        self.run_id = run_id
        self.log: Log = study.run_log(member, run_id)
        self.log.append(
            "run",
            {
                "agreement": study.digest.hex(),
                "run": run_id.hex(),
                "participants": list(participants),
                "histories": {name: history.hex() for name, history in histories.items()},
                "start": start.step,
                "continues": _in_words(start.after),
            },
        )

    def setting(self, step: Step) -> Setting:
        """Return the setting of a step's secure sum: all of it from the agreement and the record so far."""
        head, agreement = self.head, self._study.agreement
        content = step.index.to_bytes(4, "big") + head.size.to_bytes(8, "big") + head.root
        return Setting(
            parties=self._study.parties,
            corrupt=agreement.trust.corrupt,
            dropping=agreement.trust.dropping,
            instance=hashlib.sha256(b"tacit step/1\x00" + self.run_id + content).digest(),
            length=step.encoding.length,
            word_bits=step.encoding.word_bits,
            coordinator=self._study.coordinator.name,
            sparse=thresholds.needs_sparse(len(self._study.parties)),
        )

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
        self.log.append(SEALED, {"sha256": hashlib.sha256(bundle).hexdigest()})

    def mark(self, step: Step) -> Mark:
        """Return the mark of `step`, whose total is the last entry."""
        return Mark(self.run_id, step.index, self.head.size, self.head.root)

    @property
    def head(self) -> Head:
        """The head of the run's log."""
        return self.log.head


def _in_words(mark: Mark | None) -> dict[str, str | int]:
    if mark is None:
        return {}
    return {"run": mark.run.hex(), "step": mark.step, "size": mark.size, "root": mark.root.hex()}


def history_digest(study: Study, member: str) -> bytes:
    """Return the digest of the heads of all earlier runs of `member`: what it joins a run with."""
    heads = b"".join(log.head.size.to_bytes(8, "big") + log.head.root for log in study.run_logs(member))
    return hashlib.sha256(b"tacit history/1\x00" + heads).digest()

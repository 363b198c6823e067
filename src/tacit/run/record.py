"""The record of one run, in the study's log: the same entries at every party and at the coordinator.

The digest of the entries so far goes into the next step's instance, which everyone signs: a coordinator that gave
two parties different totals is found out in the next step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tacit.federated.plan import Step
from tacit.federated.robust import assign
from tacit.federated.secagg import Setting, thresholds
from tacit.run.continuing import BEGUN, SEALED, Mark, Start
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
        self._lost = start.lost
        self.log: Log = study.run_log(member, run_id)
        self.log.append(
            BEGUN,
            {
                "agreement": study.digest.hex(),
                "run": run_id.hex(),
                "participants": list(participants),
                "histories": {name: history.hex() for name, history in histories.items()},
                "start": start.step,
                "lost": start.lost,
                "continues": _in_words(start.after),
            },
        )

    def settings(self, step: Step) -> tuple[Setting, ...]:
        """Return the settings of a step's secure sums: all of them from the agreement and the record so far.

        It is one sum over all parties, unless some of them may poison: then one for each group.
        """
        head, trust = self.head, self._study.agreement.trust
        content = step.index.to_bytes(4, "big") + head.size.to_bytes(8, "big") + head.root
        instance = hashlib.sha256(b"tacit step/1\x00" + self.run_id + content).digest()
        groups = assign(self._study.agreement.names, trust.poisoning, self._seed(instance))
        if len(groups) == 1:
            return (self._setting(step, groups[0], instance),)
        return tuple(
            self._setting(
                step, group, hashlib.sha256(b"tacit group/1\x00" + instance + place.to_bytes(4, "big")).digest()
            )
            for place, group in enumerate(groups)
        )

    def _seed(self, instance: bytes) -> bytes:
        """Return what shuffles the groups: another in each step, so that a group which is unlike the others is not
        always the one trimmed; without noise the same in all steps of all runs, since the sums of many groups that
        overlap would come near to what single parties put in.
        """
        return self._study.digest if self._study.agreement.privacy.unit == "none" else instance

    def _setting(self, step: Step, group: tuple[str, ...], instance: bytes) -> Setting:
        trust = self._study.agreement.trust
        return Setting(
            parties=tuple(party for party in self._study.parties if party.name in group),
            corrupt=trust.corrupt,
            dropping=trust.dropping,
            instance=instance,
            length=step.encoding.length,
            word_bits=step.encoding.word_bits,
            coordinator=self._study.coordinator.name,
            sparse=thresholds.needs_sparse(len(group)),
        )

    def charge(self, step: Step) -> None:
        """Note, before it can leave, that a noisy sum is released."""
        self.log.append("release", {"step": step.index, "kind": step.kind, "multiplier": step.multiplier})

    def total(self, step: Step, survivors: Sequence[tuple[str, ...]], words: Sequence[bytes]) -> None:
        """Note whose vectors were summed in each group, and the (blinded) sums' hashes."""
        sums = [
            {"survivors": list(names), "sha256": hashlib.sha256(each).hexdigest()}
            for names, each in zip(survivors, words, strict=True)
        ]
        self.log.append("total", {"step": step.index, "sums": sums})

    def sealed(self, bundle: bytes) -> None:
        """Note the bundle that the run ended with."""
        self.log.append(SEALED, {"sha256": hashlib.sha256(bundle).hexdigest()})

    def mark(self, step: Step) -> Mark:
        """Return the mark of `step`, whose total is the last entry."""
        return Mark(self.run_id, step.index, self.head.size, self.head.root, self._lost)

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

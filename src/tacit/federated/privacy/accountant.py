"""What has been spent, over all runs of a study, and the refusal to spend more than was agreed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tacit.errors import BudgetError
from tacit.federated.privacy.budget import epsilon_of
from tacit.study import Log, Privacy

RELEASE = "release"


class Accountant:
    """Counts releases against the budget of a study.

    A release is charged *before* its noisy sum can leave, so a run that breaks off has spent what it may have shown.
    """

    def __init__(self, privacy: Privacy, earlier: Iterable[Log] = ()) -> None:
        """Start from the releases that the logs of `earlier` runs hold.

        Raises:
            BudgetError: one of them had no noise that could be accounted for, so that nothing is left to promise.
        """
        self._privacy = privacy
        self._counts: Counter[float] = Counter()
        if privacy.unit != "none":
            self._counts.update(
                _multiplier(entry.body, log) for log in earlier for entry in log if entry.kind == RELEASE
            )

    @property
    def epsilon(self) -> float:
        """The epsilon spent so far at the study's delta; 0 where the study claims no privacy."""
        return self.after({})

    def fits(self, planned: dict[float, int]) -> bool:
        """Return whether `planned` releases, {multiplier: how many}, still fit."""
        return self._privacy.unit == "none" or self.after(planned) <= self._privacy.epsilon

    def require(self, planned: dict[float, int]) -> None:
        """Check that `planned` releases, {multiplier: how many}, still fit.

        Raises:
            BudgetError: says what is spent and what they would take it to.
        """
        if not self.fits(planned):
            after = self.after(planned)
            raise BudgetError(
                f"epsilon {self.epsilon:.4g} of {self._privacy.epsilon:g} is spent and this would make it {after:.4g} "
                f"(delta {self._privacy.delta:g}). Nothing was released: agree on a new study with a new budget"
            )

    def charge(self, multiplier: float) -> None:
        """Count one release; raises BudgetError, counting nothing, where it does not fit."""
        if self._privacy.unit == "none":
            return
        self.require({multiplier: 1})
        self._counts[multiplier] += 1

    def after(self, planned: dict[float, int]) -> float:
        """Return the epsilon spent once `planned` releases are made too; 0 where the study claims no privacy."""
        counts = self._counts + Counter(planned)
        return epsilon_of(dict(counts), self._privacy.delta) if counts else 0.0


def _multiplier(release: Mapping[str, Any], log: Log) -> float:
    multiplier = release.get("multiplier")
    if isinstance(multiplier, float) and multiplier > 0:
        return multiplier
    raise BudgetError(
        f"the log {log.path} has a release without noise: under this agreement that spends more than any budget. "
        "Nothing was released now: agree on a new study, on data that were not in that run"
    )

"""The report of a verification: one row for each check, and what no check can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Result = Literal["holds", "fails", "warning", "not checked"]

NOTES = (
    "Not shown: that the training data were true, or that a party used the rows it has.",
    "Not shown: how accurate the model is; measure it on rows of your own.",
    "Not shown: that the noise in the ledger was really drawn; each signer states that it computed the same ledger.",
    "Not shown: that the model in the payload is the committed one; only a holder sees that, when it opens the bundle.",
    "Not shown: that parties which are not holders have erased the model that they helped to train.",
)

_LONGEST_DETAIL = 16 * 1024


class Row(NamedTuple):
    """One check: its name, its result, and why, in one sentence."""

    check: str
    result: Result
    detail: str


@dataclass(frozen=True)
class Report:
    """The rows of a verification, and notes on what it does not show. Its `str` is plain text for a terminal."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = NOTES

    @property
    def holds(self) -> bool:
        """Whether every check was made and none failed. Warnings do not count: read them."""
        return all(row.result in ("holds", "warning") for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows for which the bundle does not hold: those that fail, and those that could not be checked."""
        return tuple(row for row in self.rows if row.result in ("fails", "not checked"))

    @property
    def warnings(self) -> tuple[Row, ...]:
        """The rows that somebody has to judge."""
        return tuple(row for row in self.rows if row.result == "warning")

    @property
    def verdict(self) -> str:
        """The whole in a sentence."""
        if not self.holds:
            return "The bundle does NOT hold."
        if self.warnings:
            return f"The bundle holds, but for what you have to judge: {', '.join(row.check for row in self.warnings)}."
        return "The bundle holds."

    @property
    def first_fault(self) -> str:
        """The first failure in words, or nothing."""
        return next((f"{row.check}: {row.detail}" for row in self.failures), "")

    def __str__(self) -> str:
        width = max((len(row.check) for row in self.rows), default=0)
        lines = [f"{row.result:<11}  {row.check:<{width}}  {row.detail}" for row in self.rows]
        return "\n".join([*lines, "", self.verdict, *self.notes])


def row(check: str, result: Result, detail: str) -> Row:
    """Return a row whose text shows on a terminal as it is: what a forger wrote cannot move the cursor."""
    return Row(_printable(check), result, _printable(detail))


def judged(check: str, faults: list[str], detail: str) -> Row:
    """Return a row that fails for these faults, or holds with `detail` when there are none."""
    return row(check, "fails" if faults else "holds", "; ".join(faults) or detail)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text[:_LONGEST_DETAIL])

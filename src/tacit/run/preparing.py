"""Before a run: writing a study that can be met, and checking that one can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tacit.data import Schema
from tacit.federated.plan import Plan, make_plan
from tacit.keys import PublicIdentity
from tacit.study import Agreement, Study
from tacit.study.drafting import Choices, compose


def new_study(
    folder: Path,
    choices: Choices,
    parties: Sequence[PublicIdentity],
    coordinator: PublicIdentity,
    schema: Schema | Path,
    label: str | None = None,
) -> Study:
    """Write a study folder for these choices and return the study; nothing is written where it could not be met.

    `schema` is a value, a TOML file of columns, or a table (CSV, Parquet) to draft the columns of `label` from.

    Raises:
        AgreementError, FormatError, DataError: something in it cannot be; says what would do.
    """
    content = compose(choices, parties, coordinator, schema, label)
    make_plan(Agreement.decode(content))
    return Study.new(folder, content, [*parties, coordinator])


def check_study(study: Study) -> Plan:
    """Check that the agreement can be met, and return its plan; raises AgreementError."""
    return make_plan(study.agreement)

"""Before a run: writing a study that can be met, and checking that one can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tacit.data import Schema
from tacit.federated import plan as federated
from tacit.federated.plan import Plan
from tacit.keys import PublicIdentity
from tacit.run.epochs import Epochs, make_epochs
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


def make_plan(agreement: Agreement) -> Plan | Epochs:
    """Return the plan of a run by the agreement's method; AgreementError where a setting cannot be met."""
    return make_epochs(agreement) if agreement.training.method == "mpc" else federated.make_plan(agreement)


def check_method(agreement: Agreement) -> None:
    """Check what of the agreement can be checked without working out the noise; raises AgreementError."""
    if agreement.training.method == "mpc":
        make_epochs(agreement)
    else:
        federated.check_method(agreement)


def check_party(study: Study) -> None:
    """Check that this machine has the study's own code for its model, if it has one: before others wait for it.

    Raises:
        AgreementError: there is no such file, it is another one than was signed, or its module cannot be trained here.
    """
    if study.agreement.model.kind == "torch":
        from tacit.federated.factory import load_module  # torch takes seconds to import

        load_module(study.agreement)


def check_study(study: Study) -> Plan | Epochs:
    """Check that the agreement can be met, and return its plan; raises AgreementError."""
    return make_plan(study.agreement)

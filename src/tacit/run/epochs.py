"""The plan of a run by multi-party computation: so many epochs of one training, worked out from the agreement alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from tacit import canonical
from tacit.errors import AgreementError, GraphError
from tacit.federated.export import to_graph
from tacit.federated.shapes import layer_widths, parameter_count
from tacit.federated.statistics import Scaling
from tacit.mpc.training.settings import Loss, Settings
from tacit.study import Agreement

LOSSES: dict[str, Loss] = {"regression": "squared", "binary": "binary", "multiclass": "classes"}


@dataclass(frozen=True)
class Epochs:
    """What a federated run's `Plan` is to it: the beginning (0), then the epochs; nothing in it is charged."""

    steps: range
    settings: Settings
    statistics_in_rounds: int = 0

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the plan, which parties compare."""
        return hashlib.sha256(b"tacit epochs/1\x00" + canonical.encode(msgspec.to_builtins(self.settings))).digest()


def make_epochs(agreement: Agreement) -> Epochs:
    """Return the plan of an agreement whose `training.method` is `mpc`.

    Raises:
        AgreementError: a setting cannot be met.
    """
    parameter_count(agreement)
    try:
        settings = training_settings(agreement, rows=agreement.data.max_rows)
    except ValueError as error:
        raise AgreementError(f"the agreement cannot be trained on shares: {error}") from None
    _check_export(agreement)
    return Epochs(range(settings.epochs + 1), settings)


def training_settings(agreement: Agreement, rows: int) -> Settings:
    """Return what is trained, and how, on so many `rows` in all, which are one batch where the agreement has none."""
    training, model = agreement.training, agreement.model
    return Settings(
        loss=LOSSES[agreement.data.task],
        outputs=layer_widths(agreement)[-1],
        hidden=model.hidden,
        epochs=training.rounds,
        batch_rows=training.batch_rows or rows,
        learning_rate=training.learning_rate,
        momentum=training.momentum,
        l2=training.l2,
        fraction_bits=model.fraction_bits,
        seed=model.seed,
    )


def schema_scaling(agreement: Agreement) -> Scaling:
    """Return the scaling to [-1, 1] by the schema's bounds: what the trained parameters are for."""
    low, high = agreement.data.feature_low, agreement.data.feature_high
    return Scaling((low + high) / 2, (high - low) / 2, 1.0)


def _check_export(agreement: Agreement) -> None:
    """Refuse, before anything is trained, what no graph can hold: bounds too wide for the fraction bits."""
    zeros = np.zeros(parameter_count(agreement))
    ends = (-1.0, 1.0) if agreement.data.task == "regression" else ()
    try:
        for last in (0.0, *ends):  # the bias of the only output
            to_graph(agreement, np.append(zeros[:-1], last), schema_scaling(agreement))
    except GraphError as error:
        raise AgreementError(f"the model of kind {agreement.model.kind!r} cannot be exported: {error}") from error

"""Federated training as one party holds it: what to contribute to each step, and what to do with each total.

Pure: no sockets, no clocks. The totals alone determine the model, so every party ends with the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from tacit.data import Table
from tacit.errors import AgreementError, DataError, GraphError
from tacit.federated.descent import Descent
from tacit.federated.personal import personalise
from tacit.federated.plan import Plan, Step, contributions_per_party
from tacit.federated.privacy import ExactNoise, NoiseSource, SeededNoise
from tacit.federated.robust import NOISE_INFLATION, combine, honest_norm
from tacit.federated.statistics import Scaling, scaling_from, statistics_rows
from tacit.federated.validation import split
from tacit.graph import Graph
from tacit.study import Agreement

Words = npt.NDArray[np.unsignedinteger]


class FederatedTraining:
    """The training of one party in one run."""

    def __init__(self, agreement: Agreement, plan: Plan, table: Table, party: str) -> None:
        """Take the party's `table`; noise comes from OpenDP unless the agreement itself names a test seed."""
        if table.schema != agreement.data:
            raise AgreementError("the table was checked against another schema than the agreement's")
        _check_rows(table)
        from tacit.federated.export import check_export

        check_export(agreement)
        self._agreement = agreement
        self._plan = plan
        self._table = table
        self._party = party
        self._rows, self._held = split(agreement, table, party)
        self._noise: NoiseSource = ExactNoise()
        if agreement.insecure is not None:
            self._noise = SeededNoise(agreement.insecure.test_seed, party)
        self._scaling: Scaling | None = None
        self._descent: Descent | None = None
        self._contributor_made: Any = None
        self._given_up = 0

    def contribution(self, step: Step) -> Words:
        """Return this party's words for `step`: quantised, with its share of the noise."""
        encoding = step.encoding
        if step.kind == "statistics":
            low, high = self._agreement.data.feature_low, self._agreement.data.feature_high
            rows = statistics_rows(self._rows.features, low, high, self._agreement.privacy.unit)
            integers = encoding.total([rows])
        else:
            descent = self._training
            integers = self._contributor().total(descent.parameters, encoding, descent.common, step.index)
        if encoding.noise_scale:
            integers = integers + self._noise.sample(encoding.noise_scale, encoding.length)
        return encoding.to_words(integers)

    def apply(self, step: Step, total: Words, parties: int) -> dict[str, Any]:
        """Take in the `total` over `parties` parties; return what may be shown of it."""
        return self.apply_groups(step, [total], [parties])

    def apply_groups(self, step: Step, totals: Sequence[Words], parties: Sequence[int]) -> dict[str, Any]:
        """Take in each group's total, over so many parties each; return what may be shown of them together.

        Raises:
            AgreementError: training diverged, at every party alike; names the round and the settings.
        """
        from tacit.federated.export import check_numbers

        reals, present = self._combined(step, totals, parties), sum(parties)
        if step.kind == "statistics":
            return self._start(reals, step, present)
        descent = self._training
        descent.apply(reals, present)
        check_numbers(self._agreement, descent.parameters, self._required_scaling(), step.index)
        if self._contributor_made is not None:
            self._contributor_made.settle()
        shown = {"loss": descent.loss}
        return {**shown, "validation": descent.validation_loss} if self._agreement.training.validation_share else shown

    @property
    def stopped(self) -> bool:
        """Whether training ends here, before the plan does: the same at all parties, from the same totals."""
        return self._descent is not None and self._descent.stopped

    @property
    def rounds_taken(self) -> int:
        """How many rounds' totals are in the model, those of earlier runs that this one goes on from among them."""
        return self._training.taken

    def give_up(self, rounds: int) -> None:
        """Count the first `rounds` rounds as over: their privacy pays for statistics that were lost."""
        self._given_up = rounds

    def state(self) -> bytes:
        """Return what another process needs to go on from here, as safetensors: as secret as the model."""
        scaling = self._required_scaling()
        arrays = {"mean": scaling.mean, "deviation": scaling.deviation, "count": np.array(scaling.count)}
        own = {} if self._contributor_made is None else self._contributor_made.own
        return bytes(save({**arrays, **self._training.state(), **own}))

    def restore(self, state: bytes, step: int) -> None:
        """Go on from another process's `state`, with the step of index `step` as the next one."""
        arrays = load(state)
        self._scaling = Scaling(arrays.pop("mean"), arrays.pop("deviation"), float(arrays.pop("count")))
        self._descent = self._new_descent(self._scaling)
        self._descent.restore(arrays, rounds=step - 1)
        contributor = self._contributor()
        contributor.own = {name: arrays.get(name, array) for name, array in contributor.own.items()}

    def graph(self) -> Graph:
        """Return the trained model as a fixed-point graph on the features' own units; AgreementError: none holds it."""
        from tacit.federated.export import final_graph

        return final_graph(self._agreement, self._training.result, self._required_scaling())

    def personal_graph(self) -> tuple[Graph, dict[str, Any]]:
        """Return the model with a last layer of this party's own, and how many steps that took (0: the common one).

        Private: it is fitted to the party's rows without noise.
        """
        from tacit.federated.export import to_graph
        from tacit.federated.models import make_module

        common = self._training.result
        parameters, steps = personalise(common, _last_layer(make_module(self._agreement)), self._contributor())
        try:
            return to_graph(self._agreement, parameters, self._required_scaling()), {"steps": steps}
        except GraphError:  # its weights have grown beyond what fixed point holds; those of the common model have not
            return self.graph(), {"steps": 0}

    def fixed_point_loss(self, graph: Graph) -> dict[str, Any]:
        """Return what fixed point changes on this party's own rows. Private: for the owner's eyes alone."""
        from tacit.federated.export import float_outputs, predictions

        exact = float_outputs(self._agreement, self._training.result, self._required_scaling(), self._table.features)
        fixed = graph.predict(self._table.features)
        task = self._agreement.data.task
        changed = int((predictions(task, exact) != predictions(task, fixed)).sum()) if task != "regression" else 0
        return {
            "rows": len(exact),
            "changed": changed,
            "largest_difference": float(np.max(np.abs(exact - fixed), initial=0.0)),
        }

    def _combined(self, step: Step, totals: Sequence[Words], parties: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the total over all parties as the groups' robust combination has it."""
        encoding, most = step.encoding, contributions_per_party(self._agreement)
        limits = [honest_norm(encoding, most, count, len(totals)) for count in parties]
        reals = np.array([encoding.to_reals(total) for total in totals])
        return combine(reals, parties, limits, self._agreement.trust.poisoning)

    @property
    def _training(self) -> Descent:
        if self._descent is None:
            raise RuntimeError("training starts with the statistics")
        return self._descent

    def _required_scaling(self) -> Scaling:
        if self._scaling is None:
            raise RuntimeError("training starts with the statistics")
        return self._scaling

    def _start(self, total: npt.NDArray[np.float64], step: Step, parties: int) -> dict[str, Any]:
        schema = self._agreement.data
        noisy = parties * (NOISE_INFLATION if self._agreement.trust.poisoning else 1)
        self._scaling = scaling_from(total, step, schema.feature_low, schema.feature_high, noisy)
        self._descent = self._new_descent(self._scaling)
        self._descent.skip_to(self._given_up)
        return {"count": round(self._scaling.count) if self._agreement.privacy.unit != "party" else parties}

    def _new_descent(self, scaling: Scaling) -> Descent:
        from tacit.federated.models import initial_parameters, weight_mask

        return Descent(
            self._agreement, initial_parameters(self._agreement), weight_mask(self._agreement), scaling.count
        )

    def _contributor(self) -> Any:
        from tacit.federated.contributions import Contributor

        if self._contributor_made is None:
            scaling = self._required_scaling()
            self._contributor_made = Contributor(self._agreement, self._rows, scaling, self._held, self._party)
        return self._contributor_made


def _last_layer(module: Any) -> int:
    """Return how many parameters the last layer that has any has: they are the last of the vector."""
    sizes = [sum(each.numel() for each in layer.parameters(recurse=False)) for layer in module.modules()]
    return int(next(size for size in reversed(sizes) if size))


def _check_rows(table: Table) -> None:
    """Refuse rows that the plan has no room for or the schema no meaning, whoever made the table."""
    rows, most = len(table.features), table.schema.max_rows
    if not 1 <= rows <= most:
        raise DataError(f"{table.source} has {rows} rows; the agreement's data.max_rows is {most}")
    if len(table.labels) != rows:
        raise DataError(f"{table.source} was read without its label {table.schema.label!r}, which training needs")
    low, high = table.schema.feature_low, table.schema.feature_high
    within = ((table.features >= low) & (table.features <= high)).all(axis=1) & _labels_fit(table)
    if not within.all():
        first = int(np.argmin(within))
        raise DataError(f"{table.source}, row {first} (from 0): a number is not within the schema's bounds")


def _labels_fit(table: Table) -> npt.NDArray[np.bool_]:
    schema = table.schema
    low, high = schema.label_bounds if schema.task == "regression" else (0, len(schema.classes) - 1)
    labels = table.labels.astype(np.float64)
    return (labels >= low) & (labels <= high)

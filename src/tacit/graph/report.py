"""What an import changed: the largest difference between the graph and the float model, on sample rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Floats, Ints, as_floats
from tacit.graph.graph import Graph

_ROWS = 1000
_VALUES = 2**20  # of a sample that is drawn, and of its outputs
_WORK = 2**31  # elementary operations of evaluating it


@dataclass(frozen=True)
class ImportReport:
    """How far a graph is from the float model that it was imported from.

    source: the model's class or file. rows: of the sample. drawn: the sample was drawn at random in [low, high].
    largest_difference: of any output element. changed_classes: rows whose class differs; None where the output
    does not say a class. classes: the model's names for the classes, if it has any. notes: what was folded into other
    layers or left out.
    """

    source: str
    rows: int
    drawn: bool
    largest_difference: float
    changed_classes: int | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        sample = f"{self.rows} {'random rows' if self.drawn else 'rows'}"
        lines = [f"{self.source}: largest difference {self.largest_difference:.3g} on {sample}"]
        if self.changed_classes is not None:
            lines.append(f"  rows whose class changed: {self.changed_classes}")
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def attach_report(
    graph: Graph,
    source: str,
    sample: npt.ArrayLike | None,
    reference: Callable[[Floats], Floats],
    *,
    decide: Callable[[Floats], Ints] | None,
    classes: Sequence[object] = (),
    notes: Sequence[str] = (),
) -> Graph:
    """The same graph, with the report of its comparison with `reference` on the sample.

    reference: the float model, rows to outputs. decide: the class of each row by the float model's outputs, or None
    for no classes. GraphError where the sample is outside the graph's range, or the reference has another shape.
    """
    x = _draw(graph) if sample is None else as_floats(sample, "sample")
    output = graph.evaluate(graph.encode(x))
    values = prod(graph.output_shape)
    expected = np.asarray(reference(x) if len(x) else np.empty((0, values)), dtype=np.float64)
    if expected.size != len(x) * values:
        raise GraphError(f"{source}: the float model gives values of shape {expected.shape}, not {graph.output_shape}")
    expected = expected.reshape(len(x), values)
    found = graph.decode(output).reshape(len(x), values)
    changed = None if decide is None else int(np.count_nonzero(graph.decide(output) != decide(expected)))
    graph._import_report = ImportReport(
        source=source,
        rows=len(x),
        drawn=sample is None,
        largest_difference=float(np.abs(found - expected).max(initial=0.0)),
        changed_classes=changed,
        classes=tuple(str(name) for name in classes),
        notes=tuple(notes),
    )
    return graph


def decide_by_output(graph: Graph) -> Callable[[Floats], Ints] | None:
    """How to tell the class by a float output, where the graph's last layers say that it means one."""
    if len(graph.output_shape) != 1:
        return None
    kind = graph.layers[-1].kind
    if kind == "argmax":
        return lambda y: y[:, 0].astype(np.int64)
    if graph.output_shape != (1,):
        return lambda y: y.argmax(axis=1).astype(np.int64)
    return (lambda y: (y[:, 0] > 0.5).astype(np.int64)) if kind == "sigmoid" else None


def _draw(graph: Graph) -> Floats:
    """Uniform rows in the graph's range. The seed is fixed: a sample is no secret, and reports can be compared."""
    work = sum(layer.work([graph.shapes[name] for name in layer.inputs]) for layer in graph.layers)
    values = max(prod(graph.input_shape), prod(graph.output_shape))
    rows = max(1, min(_ROWS, _VALUES // values, _WORK // work))
    share = np.random.default_rng(0).random((rows, *graph.input_shape))
    return np.clip(graph.low + share * (graph.high - graph.low), graph.low, graph.high)

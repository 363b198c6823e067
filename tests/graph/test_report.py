from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph import ArgMax, FloatLayer, Graph, Linear, ReLU, Sigmoid, Softmax
from tacit.graph.report import attach_report, decide_by_output

W = np.array([[1.0, 2.0], [0.5, -1.0]])


def graph(*layers: FloatLayer) -> Graph:
    return Graph.build([Linear.of(W), *layers], [-1.0, 0.0], [1.0, 3.0])


def test_the_largest_difference_and_the_changed_classes() -> None:
    sample = [[0.5, 1.0], [-0.5, 0.0], [1.0, 3.0]]
    wrong = np.array([[0.0, 0.0], [0.0, 9.0], [0.0, 0.0]])  # by this much is the float model off
    done = attach_report(
        graph(),
        "a test",
        sample,
        lambda x: x @ W.T + wrong,
        decide=lambda y: y.argmax(axis=1),
        classes=["no", 7],
        notes=["something was folded"],
    )
    report = done.import_report
    assert report is not None
    assert report.rows == 3
    assert not report.drawn
    assert report.largest_difference == 9.0
    assert report.changed_classes == 0  # -0.5 against -0.25 becomes -0.5 against 8.75: class 1 both times
    assert report.classes == ("no", "7")
    assert str(report).splitlines() == [
        "a test: largest difference 9 on 3 rows",
        "  rows whose class changed: 0",
        "  something was folded",
    ]


def test_classes_that_change_are_counted() -> None:
    done = attach_report(graph(), "x", [[0.5, 1.0]] * 4, lambda x: -(x @ W.T), decide=lambda y: y.argmax(axis=1))
    assert done.import_report is not None
    assert done.import_report.changed_classes == 4


def test_a_sample_is_drawn_in_the_range_and_always_the_same() -> None:
    seen = []

    def reference(x: np.ndarray) -> np.ndarray:
        seen.append(x)
        return x @ W.T

    for _ in range(2):
        report = attach_report(graph(), "x", None, reference, decide=None).import_report
        assert report is not None
        assert report.drawn
        assert report.rows == 1000
        assert report.changed_classes is None
        assert "random rows" in str(report)
    assert (seen[0] == seen[1]).all()
    assert (seen[0] >= [-1, 0]).all()
    assert (seen[0] <= [1, 3]).all()
    assert seen[0].max() > 2.9


def test_a_large_input_has_a_smaller_sample() -> None:
    wide = Graph.build([ReLU.of()], 0, 1, input_shape=(2**14,))
    assert attach_report(wide, "x", None, lambda x: x, decide=None).import_report.rows == 64  # type: ignore[union-attr]


def test_an_empty_sample() -> None:
    report = attach_report(graph(), "x", np.empty((0, 2)), lambda x: x @ W.T, decide=None).import_report
    assert report is not None
    assert (report.rows, report.largest_difference) == (0, 0.0)


def test_a_sample_outside_the_range() -> None:
    with pytest.raises(GraphError, match="row 0, index 1: 5.0 is outside"):
        attach_report(graph(), "x", [[0.0, 5.0]], lambda x: x @ W.T, decide=None)


def test_a_reference_of_another_shape() -> None:
    with pytest.raises(GraphError, match=r"the float model gives values of shape \(1, 3\)"):
        attach_report(graph(), "x", [[0.0, 1.0]], lambda x: np.zeros((1, 3)), decide=None)


def test_how_classes_are_read_off_the_output() -> None:
    y = np.array([[0.2, 0.7], [0.9, 0.1]])
    assert decide_by_output(graph(Softmax.of()))(y).tolist() == [1, 0]  # type: ignore[misc]
    assert decide_by_output(graph(ArgMax.of()))(y[:, :1] * 0 + 1).tolist() == [1, 1]  # type: ignore[misc]
    one = Graph.build([Linear.of([[1.0]]), Sigmoid.of()], -1, 1)
    assert decide_by_output(one)(y[:, 1:]).tolist() == [1, 0]  # type: ignore[misc]
    assert decide_by_output(Graph.build([Linear.of([[1.0]])], -1, 1)) is None
    assert decide_by_output(Graph.build([ReLU.of()], 0, 1, input_shape=(1, 2, 2))) is None

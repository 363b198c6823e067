"""Early stopping: when it stops, which model it returns, and that it goes on from its state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.federated.early_stopping import MEMORY, EarlyStopping
from tacit.federated.round_vector import Sums

from .agreements import make_agreement


def make_stopping(unit: str = "none", **training) -> EarlyStopping:
    settings = {"validation_share": 0.2, "patience": 2, **training}
    return EarlyStopping(make_agreement(unit=unit, **settings), np.zeros(2))


def show(stopping: EarlyStopping, loss: float, at: float = 0.0, rows: float = 10.0) -> None:
    """A round over `rows` rows of this mean loss, whose model has the number `at` for all its parameters."""
    stopping.observe(Sums(np.zeros((1, 2)), 0.0, None, loss * rows, rows), 3, np.full(2, at))


def rounds_until_stop(stopping: EarlyStopping, losses: list[float]) -> int | None:
    for number, loss in enumerate(losses, 1):
        show(stopping, loss, float(number))
        if stopping.stopped:
            return number
    return None


@pytest.mark.parametrize(
    ("losses", "patience", "improvement", "stop", "best"),
    [
        ([1.0, 0.9, 0.8, 0.7], 2, 0.0, None, 4),
        ([1.0, 0.5, 0.6, 0.7, 0.1], 2, 0.0, 4, 2),
        ([1.0, 0.5, 0.6, 0.4, 0.6], 2, 0.0, None, 4),
        ([1.0, 1.0, 1.0], 2, 0.0, 3, 1),
        ([1.0, 0.95, 0.91, 0.85], 2, 0.1, 3, 1),
        ([1.0, 1.1], 1, 0.0, 2, 1),
    ],
)
def test_stops_after_so_many_rounds_without_improvement(losses, patience, improvement, stop, best):
    stopping = make_stopping(patience=patience, min_improvement=improvement)
    assert rounds_until_stop(stopping, losses) == stop
    assert list(stopping.result) == [best, best]


def test_without_patience_it_only_shows_the_loss():
    stopping = make_stopping(patience=0)
    assert rounds_until_stop(stopping, [0.5, 0.6, 0.7, 0.8]) is None
    assert stopping.loss == pytest.approx(0.8)
    assert stopping.result is None


def test_where_nobody_holds_rows_back_it_never_stops():
    stopping = make_stopping()
    for _ in range(10):
        show(stopping, 1.0, rows=0.0)
    assert (stopping.loss, stopping.stopped, stopping.result) == (None, False, None)


def test_where_nothing_is_summed_for_it_there_is_no_loss():
    stopping = make_stopping(validation_share=0.0, patience=0)
    stopping.observe(Sums(np.zeros((1, 2)), 1.0, None, None, None), 3, np.zeros(2))
    assert stopping.loss is None


def test_of_whole_parties_the_loss_is_the_mean_over_those_in_the_sum():
    stopping = make_stopping("party")
    stopping.observe(Sums(np.zeros((1, 2)), 0.0, None, 1.5, None), 3, np.zeros(2))
    assert stopping.loss == pytest.approx(0.5)


def test_under_noise_the_loss_is_smoothed():
    stopping = make_stopping("record")
    for loss, shown in ((1.0, 1.0), (0.0, MEMORY), (0.0, MEMORY**2)):
        show(stopping, loss)
        assert stopping.loss == pytest.approx(shown)


@pytest.mark.parametrize(("loss", "shown"), [(-3.0, 0.0), (70.0, 2.0)])
def test_noise_takes_the_loss_no_further_than_it_can_be(loss, shown):
    stopping = make_stopping("record")
    show(stopping, loss)
    assert stopping.loss == shown


def test_under_noise_the_result_is_the_average_from_the_best_round_to_the_stop():
    stopping = make_stopping("record")
    assert rounds_until_stop(stopping, [1.0, 0.2, 1.9, 1.9, 0.0]) == 4
    assert list(stopping.result) == [3.0, 3.0]  # of rounds 2, 3 and 4


def test_under_noise_and_without_a_stop_the_result_is_the_ordinary_one():
    stopping = make_stopping("record")
    assert rounds_until_stop(stopping, [1.0, 0.9, 0.8]) is None
    assert stopping.result is None


@given(
    unit=st.sampled_from(("none", "record")),
    losses=st.lists(st.floats(0, 2), min_size=2, max_size=12),
    cut=st.integers(1, 11),
)
def test_goes_on_from_its_state_as_if_nothing_had_happened(unit, losses, cut):
    whole, first, second = (make_stopping(unit) for _ in range(3))
    for number, loss in enumerate(losses):
        show(whole, loss, float(number))
        show(first if number < cut else second, loss, float(number))
        if number == cut - 1:
            second.restore(first.state())
    last = second if len(losses) > cut else first
    assert (last.stopped, last.loss) == (whole.stopped, whole.loss)
    assert np.array_equal(last.state()["kept"], whole.state()["kept"])
    assert np.array_equal(last.state()["validation"], whole.state()["validation"], equal_nan=True)

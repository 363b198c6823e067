"""Gradients of single rows: those of finite differences, and to the last bit the same whatever is beside a row."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.data import Table
from tacit.federated import contributions, factory
from tacit.federated.contributions import Contributor
from tacit.federated.models import initial_parameters, losses, make_module, set_parameters, targets
from tacit.federated.plan import LOSS_CAP, make_plan, round_shape
from tacit.federated.row_gradients import one_thread, single_gradients
from tacit.federated.statistics import Scaling
from tacit.study import Agreement, Convolution, Model

from .agreements import make_agreement, make_table
from .own_code import torch_model, write_package

CNN = Model(
    "cnn",
    (5,),
    image=(2, 5, 6),
    convolutions=(Convolution(3, 3, 1, 2), Convolution(4, 2, pool=1), Convolution(3, 1, pool=1, pooling="max")),
)
POOLED = Model("cnn", image=(1, 6, 10), convolutions=(Convolution(4, 3, pool=2, pooling="max"),))
CODE = """
from torch import nn

def make():
    first = nn.Unflatten(1, (1, 60)), nn.Conv1d(1, 3, 5, stride=5)
    return nn.Sequential(*first, nn.Tanh(), nn.Flatten(), nn.Linear(36, 3))
"""
ROWS = 60


@pytest.fixture(scope="module")
def agreements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Agreement]:
    folder: Path = tmp_path_factory.mktemp("code")
    factory._function.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        code = torch_model(write_package(folder, CODE), parameters=18 + 37 * 3)
        made = {
            name: make_agreement("multiclass", features=60, model=model, unit="record", clip=50.0, max_rows=100)
            for name, model in (("cnn", CNN), ("max pool", POOLED), ("torch", code))
        }
        make_module(made["torch"])  # the file is read once, here
    return made


def contributor(agreement: Agreement, table: Table, held: Table | None = None) -> Contributor:
    return Contributor(agreement, table, Scaling(np.linspace(-0.5, 40, 60), np.linspace(0.5, 60, 60), 60.0), held)


def rows_of(table: Table, places: np.ndarray | list[int]) -> Table:
    return Table(table.features[places], table.labels[places], table.schema, "some rows")


def parameters_of(agreement: Agreement) -> np.ndarray:
    start = initial_parameters(agreement)
    return start + 0.05 * np.random.default_rng(4).standard_normal(len(start))


@pytest.mark.parametrize("name", ["cnn", "max pool", "torch"])
def test_gradients_are_those_of_finite_differences(agreements: dict[str, Agreement], name: str) -> None:
    """Central differences of each row's loss, in every parameter."""
    agreement = agreements[name]
    table, parameters = make_table(agreement.data, 3), parameters_of(agreement)
    made = contributor(agreement, table)
    rows = np.vstack(list(made._gradients(parameters)))[:, : len(parameters)]
    module, wanted = make_module(agreement), targets(agreement, table.labels)

    def loss_at(moved: np.ndarray) -> np.ndarray:
        set_parameters(module, moved)
        with torch.no_grad():
            return losses(agreement, module(made._features).numpy(), wanted)[0]

    step = 1e-6
    for place, direction in enumerate(np.eye(len(parameters)) * step):
        slope = (loss_at(parameters + direction) - loss_at(parameters - direction)) / (2 * step)
        assert rows[:, place] == pytest.approx(slope, rel=1e-4, abs=1e-7)
    assert (np.abs(rows) > 1e-3).mean() > 0.2


@pytest.mark.parametrize("name", ["cnn", "max pool", "torch"])
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, ROWS))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_has_the_same_numbers_whatever_rows_are_beside_it(
    agreements: dict[str, Agreement], whole: dict[str, tuple], name: str, seed: int, size: int
) -> None:
    agreement, (table, rows, held) = agreements[name], whole[name]
    places = np.random.default_rng(seed).permutation(ROWS)[:size]
    some = contributor(agreement, rows_of(table, places), rows_of(table, places))
    assert (np.vstack(list(some._gradients(parameters_of(agreement)))) == rows[places]).all()
    assert (some.held_loss(parameters_of(agreement)) == held[places]).all()


@pytest.fixture(scope="module")
def whole(agreements: dict[str, Agreement]) -> dict[str, tuple[Table, np.ndarray, np.ndarray]]:
    """What each row contributes, and its loss where it is held back, with all rows in the table."""
    found = {}
    for name, agreement in agreements.items():
        table = make_table(agreement.data, ROWS)
        everyone, parameters = contributor(agreement, table, table), parameters_of(agreement)
        found[name] = table, np.vstack(list(everyone._gradients(parameters))), everyone.held_loss(parameters)
    return found


@pytest.mark.parametrize("name", ["cnn", "torch"])
def test_without_a_row_the_sum_lacks_that_row_exactly(agreements: dict[str, Agreement], name: str) -> None:
    """Neighbouring tables: an equality of integers."""
    agreement, encoding = agreements[name], make_plan(agreements[name]).steps[1].encoding
    table, parameters = make_table(agreement.data, 12), parameters_of(agreement)
    everyone = contributor(agreement, table).total(parameters, encoding)
    for place in range(12):
        without = contributor(agreement, rows_of(table, [i for i in range(12) if i != place]))
        alone = contributor(agreement, rows_of(table, [place])).total(parameters, encoding)
        assert (everyone - without.total(parameters, encoding) == alone).all()


@pytest.mark.parametrize("name", ["cnn", "torch"])
@pytest.mark.parametrize("size", [1e3, 1e60])
def test_every_row_is_within_the_bound(agreements: dict[str, Agreement], name: str, size: float) -> None:
    agreement = agreements[name]
    with np.errstate(over="ignore", invalid="ignore"):
        made = contributor(agreement, make_table(agreement.data, 12))
        rows = np.vstack(list(made._gradients(size * parameters_of(agreement))))
    assert (np.linalg.norm(rows, axis=1) <= round_shape(agreement)[1] * (1 + 1e-12)).all()


@pytest.mark.parametrize("chunk", [1, 5, 12])
def test_chunks_do_not_change_the_rows(
    agreements: dict[str, Agreement], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement = agreements["cnn"]
    made, parameters = contributor(agreement, make_table(agreement.data, 12)), parameters_of(agreement)
    expected = np.vstack(list(made._gradients(parameters)))
    monkeypatch.setattr(contributions, "CHUNK_NUMBERS", chunk * len(parameters))
    chunks = list(made._gradients(parameters))
    assert len(chunks) == -(-12 // chunk)
    assert (np.vstack(chunks) == expected).all()


@pytest.mark.parametrize("at_once", [1, 5, 256])
def test_a_whole_partys_gradient_is_the_mean_of_its_rows(
    agreements: dict[str, Agreement], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as many batches as memory asks for; of some rows, as well as of all."""
    agreement, parameters = agreements["cnn"], parameters_of(agreements["cnn"])
    made = contributor(agreement, make_table(agreement.data, 12))
    rows = np.vstack(list(made._gradients(parameters)))[:, : len(parameters)]
    monkeypatch.setattr(contributions, "ROWS_AT_ONCE", at_once)
    for places in (np.arange(12), np.array([3, 1, 7])):
        assert made._gradient(parameters, places) == pytest.approx(rows[places].mean(axis=0), abs=1e-12)


def test_losses_come_with_the_gradients(agreements: dict[str, Agreement]) -> None:
    agreement, parameters = agreements["cnn"], parameters_of(agreements["cnn"])
    table = make_table(agreement.data, 6)
    made = contributor(agreement, table, table)
    module = made._module
    set_parameters(module, parameters)
    [(_, found)] = single_gradients(module, 6, 6, lambda module, chunk: made._backward(module, chunk, 1))
    assert np.minimum(found, LOSS_CAP) / LOSS_CAP == pytest.approx(made.held_loss(parameters))


def test_a_parameter_that_a_row_does_not_reach_has_no_slope() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Linear(2, 1))
    [(vectors, _)] = single_gradients(module, 1, 1, lambda module, chunk: _half(module))
    assert vectors.tolist() == [[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]


def _half(module: torch.nn.Sequential) -> np.ndarray:
    module[0](torch.ones(1, 2)).sum().backward()
    return np.zeros(1)


def test_rows_are_computed_by_one_thread_and_threads_are_put_back(agreements: dict[str, Agreement]) -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        made = contributor(
            agreements["cnn"], make_table(agreements["cnn"].data, 2), make_table(agreements["cnn"].data, 2)
        )
        made._module.register_forward_hook(lambda *arguments: seen.append(torch.get_num_threads()))
        list(made._gradients(parameters_of(agreements["cnn"])))
        made.held_loss(parameters_of(agreements["cnn"]))
        assert seen == [1, 1, 1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_who_wants_one_thread_waits_for_the_other() -> None:
    """The setting is the process's: to put it back while another computes would change that one's sums."""
    order, entered = [], threading.Event()

    def second() -> None:
        entered.set()
        with one_thread():
            order.append("second")

    with one_thread():
        other = threading.Thread(target=second)
        other.start()
        entered.wait()
        other.join(0.05)
        order.append("first")
    other.join()
    assert order == ["first", "second"]

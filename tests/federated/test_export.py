"""Export: the fixed-point graph says what the float model says, in the label's own units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tacit.errors import AgreementError, GraphError
from tacit.federated.export import (
    check_export,
    check_numbers,
    final_graph,
    float_outputs,
    layers_of,
    predictions,
    to_graph,
)
from tacit.federated.models import initial_parameters, losses, make_module, set_parameters, targets
from tacit.federated.plan import parameter_count
from tacit.federated.statistics import Scaling
from tacit.study import Agreement, Convolution, Model

from .agreements import make_agreement, make_table
from .own_code import torch_model, write_package
from .test_contributions import MODELS

SCALING = Scaling(np.array([0.4, 1.0, 2.5]), np.array([0.8, 1.7, 2.9]), 40.0)

CNN = Model("cnn", (4,), image=(2, 4, 3), convolutions=(Convolution(3, 2, 1, 2), Convolution(5, 2, 1, 2, "max")))
CODE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution, self.last = nn.Conv2d(2, 3, 2), nn.Linear(18, OUTPUTS)

    def forward(self, rows):
        middle = torch.relu(self.convolution(rows.unflatten(1, (2, 4, 3))))
        return self.last(middle.flatten(1))

def make():
    return Net()
"""


def parameters_of(agreement: Agreement) -> np.ndarray:
    return 0.8 * np.random.default_rng(8).standard_normal(parameter_count(agreement))


@pytest.mark.parametrize("model", MODELS)
def test_the_graph_predicts_what_the_float_model_does(model: str) -> None:
    agreement = make_agreement(**MODELS[model])
    parameters, table = parameters_of(agreement), make_table(agreement.data, 300)
    exact = float_outputs(agreement, parameters, SCALING, table.features)
    fixed = to_graph(agreement, parameters, SCALING).predict(table.features)
    assert fixed.shape == exact.shape
    size = 25.0 if agreement.data.task == "regression" else 1.0
    assert np.abs(fixed - exact).max() < 2e-3 * size
    assert np.ptp(exact) > 0.2


@pytest.mark.parametrize("model", MODELS)
def test_the_float_model_is_the_one_that_was_trained(model: str) -> None:
    """Its outputs, put through the definition of the loss, give the loss that training sees."""
    agreement = make_agreement(**MODELS[model])
    parameters, table = parameters_of(agreement), make_table(agreement.data, 50)
    module = make_module(agreement)
    set_parameters(module, parameters)
    wanted = targets(agreement, table.labels)
    raw = module(torch.from_numpy(SCALING.apply(table.features))).detach().numpy()
    trained, _ = losses(agreement, raw, wanted)
    outputs = float_outputs(agreement, parameters, SCALING, table.features)
    if agreement.data.task == "regression":
        low, high = agreement.data.label_bounds
        expected = ((outputs[:, 0] - table.labels) * 2 / (high - low)) ** 2 / 2
    elif agreement.data.task == "binary":
        expected = -np.log(np.where(table.labels == 1, outputs[:, 0], 1 - outputs[:, 0]))
    else:
        expected = -np.log(outputs[np.arange(50), table.labels])
    assert expected == pytest.approx(trained)


def test_numbers_come_in_the_units_of_the_label() -> None:
    """An output of -1 is the label's lower bound, +1 the upper, 0 the middle."""
    agreement = make_agreement("regression")
    middle = SCALING.mean[None, :]
    for bias, label in ((-1.0, -5.0), (0.0, 7.5), (1.0, 20.0)):
        parameters = np.array([0.3, -0.2, 0.1, bias])
        assert float_outputs(agreement, parameters, SCALING, middle)[0, 0] == pytest.approx(label)
        assert to_graph(agreement, parameters, SCALING).predict(middle)[0, 0] == pytest.approx(label, abs=0.01)


def test_features_come_in_their_own_units() -> None:
    agreement = make_agreement("regression")
    parameters = np.array([0.4, 0.0, 0.0, 0.0])
    one_deviation = SCALING.mean + np.array([SCALING.deviation[0], 0, 0])
    assert float_outputs(agreement, parameters, SCALING, one_deviation[None, :])[0, 0] == pytest.approx(
        7.5 + 0.4 * 12.5
    )


def test_outputs_of_classes_are_probabilities() -> None:
    for task, columns in (("binary", 1), ("multiclass", 3)):
        agreement = make_agreement(task)
        table = make_table(agreement.data, 20)
        outputs = float_outputs(agreement, parameters_of(agreement), SCALING, table.features)
        assert outputs.shape == (20, columns)
        assert ((outputs > 0) & (outputs < 1)).all()
        if task == "multiclass":
            assert outputs.sum(axis=1) == pytest.approx(np.ones(20))


def test_extreme_outputs_do_not_overflow() -> None:
    agreement = make_agreement("binary")
    outputs = float_outputs(agreement, np.array([1e200, 0, 0, 0]), SCALING, make_table(agreement.data, 9).features)
    assert np.isfinite(outputs).all()


def test_predictions_are_the_likeliest_classes() -> None:
    assert predictions("binary", np.array([[0.2], [0.5], [0.51]])).tolist() == [0, 0, 1]
    assert predictions("multiclass", np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])).tolist() == [1, 0]


def test_layers_are_read_in_the_order_of_the_parameters() -> None:
    agreement = make_agreement(hidden=(2,))
    pairs = layers_of(agreement, np.arange(11.0))
    assert [(weights.tolist(), biases.tolist()) for weights, biases in pairs] == [
        ([[0, 1, 2], [3, 4, 5]], [6, 7]),
        ([[8, 9]], [10]),
    ]


def test_the_agreement_says_how_finely() -> None:
    sizes = []
    for bits in (8, 16):
        agreement = make_agreement()
        fine = replace(agreement, model=replace(agreement.model, fraction_bits=bits))
        table = make_table(fine.data, 200)
        fixed = to_graph(fine, parameters_of(fine), SCALING).predict(table.features)
        sizes.append(np.abs(fixed - float_outputs(fine, parameters_of(fine), SCALING, table.features)).max())
    assert sizes[1] < sizes[0] / 10


def test_weights_that_do_not_fit_are_refused() -> None:
    agreement = make_agreement()
    with pytest.raises(GraphError):
        to_graph(agreement, np.full(4, 1e300), SCALING)


def test_a_trained_model_that_does_not_fit_is_an_error_that_names_the_settings() -> None:
    agreement = make_agreement(rounds=9, learning_rate=3.0)
    assert final_graph(agreement, np.ones(4), SCALING).fraction_bits == agreement.model.fraction_bits
    wanted = r"in round 9 of 9: .* model.fraction_bits = 16 \(layer .*\)\. Lower .* training.learning_rate = 3,"
    with pytest.raises(AgreementError, match=wanted):
        final_graph(agreement, np.full(4, 1e12), SCALING)


def test_numbers_a_little_beyond_may_come_back_and_far_beyond_stop_training() -> None:
    agreement, beyond = make_agreement(rounds=9), 1e9
    with pytest.raises(GraphError):
        to_graph(agreement, np.full(4, beyond), SCALING)
    check_numbers(agreement, np.full(4, beyond), SCALING, 2)
    with pytest.raises(AgreementError, match="in round 2 of 9: the model is far beyond"):
        check_numbers(agreement, np.full(4, 1000 * beyond), SCALING, 2)
    coarse = replace(agreement, model=replace(agreement.model, fraction_bits=8))
    check_numbers(coarse, np.full(4, beyond), SCALING, 2)


@pytest.mark.parametrize("low", [-1e11, 0.0])
def test_a_label_that_does_not_fit_is_found_before_training(low: float) -> None:
    """Also where its middle, with which the model begins, would."""
    agreement = make_agreement("regression")
    label = replace(agreement.data.columns[-1], low=low, high=1e11 if low else 2e9)
    wide = replace(agreement, data=replace(agreement.data, columns=(*agreement.data.columns[:-1], label)))
    with pytest.raises(
        AgreementError, match=r"kind 'linear' cannot be exported: .*fraction_bits is 16, and the largest"
    ):
        check_export(wide)


@pytest.fixture(params=["cnn", "torch"])
def model_of(request, tmp_path, monkeypatch):
    """A function from the task to an agreement on a model of 24 features."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(task: str) -> Agreement:
        if request.param == "cnn":
            return make_agreement(task, features=24, model=CNN)
        outputs = 3 if task == "multiclass" else 1
        path = write_package(tmp_path, CODE.replace("OUTPUTS", str(outputs)), f"exported{outputs}")
        return make_agreement(
            task, features=24, model=torch_model(path, 27 + 19 * outputs, f"exported{outputs}", seed=3)
        )

    return make


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_graphs_of_images_and_of_torch_code_predict_what_the_module_does(model_of, task: str) -> None:
    """In the label's own units, from the features' own."""
    agreement = model_of(task)
    table, parameters = make_table(agreement.data, 300), 1.7 * initial_parameters(agreement)
    scaling = Scaling(table.features.mean(axis=0), table.features.std(axis=0), 300.0)
    module = make_module(agreement)
    set_parameters(module, parameters)
    raw = module(torch.from_numpy(scaling.apply(table.features)))
    exact = {
        "binary": lambda: torch.sigmoid(raw),
        "multiclass": lambda: torch.softmax(raw, 1),
        "regression": lambda: -5 + 25 * (raw + 1) / 2,
    }[task]()
    assert float_outputs(agreement, parameters, scaling, table.features) == pytest.approx(exact.detach().numpy())
    graph = to_graph(agreement, parameters, scaling)
    size = 25.0 if task == "regression" else 1.0
    assert np.abs(graph.predict(table.features) - exact.detach().numpy()).max() < 2e-3 * size
    assert np.ptp(exact.detach().numpy()) > 0.2
    assert (graph.low == agreement.data.feature_low).all()
    assert graph.fraction_bits == agreement.model.fraction_bits


def test_two_parties_export_the_same_bytes(model_of) -> None:
    agreement = model_of("multiclass")
    scaling = Scaling(np.linspace(0, 1, 24), np.linspace(1, 2, 24), 40.0)
    first, second = (to_graph(agreement, initial_parameters(agreement), scaling).to_bytes() for _ in range(2))
    assert first == second


def test_models_that_can_be_exported_pass(model_of) -> None:
    check_export(model_of("multiclass"))


@pytest.mark.parametrize("layer", ["GELU", "Mish"])
def test_layers_that_a_graph_has_not_are_named_before_training(layer: str, tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = f"from torch import nn\ndef make():\n    return nn.Sequential(nn.Linear(3, 1), nn.{layer}())\n"
    agreement = make_agreement(model=torch_model(write_package(tmp_path, code, "unheard"), 4, "unheard"))
    with pytest.raises(AgreementError, match=f"kind 'torch' cannot be exported: .*{layer}"):
        check_export(agreement)


def test_images_that_cost_more_than_a_graph_may_are_refused_before_training() -> None:
    image = Model("cnn", image=(1, 50, 100), convolutions=(Convolution(4096, 1), Convolution(1, 1)))
    with pytest.raises(AgreementError, match="kind 'cnn' cannot be exported: "):
        check_export(make_agreement(features=5000, model=image))

"""Export: the fixed-point graph says what the float model says, in the label's own units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tacit.errors import GraphError
from tacit.federated.export import float_outputs, layers_of, predictions, to_graph
from tacit.federated.models import losses, make_module, set_parameters, targets
from tacit.federated.plan import parameter_count
from tacit.federated.statistics import Scaling
from tacit.study import Agreement

from .agreements import make_agreement, make_table
from .test_contributions import MODELS

SCALING = Scaling(np.array([0.4, 1.0, 2.5]), np.array([0.8, 1.7, 2.9]), 40.0)


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

"""From a fitted scikit-learn estimator or Pipeline: its arrays turned into float layers, and compared with itself.

What the graph gives: a regressor's prediction; a classifier's probabilities where it has them (of class 1 alone where
there are two classes), else its decision values. Estimators are known by their exact class: a subclass may do
something else. Nothing is unpickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import sklearn.linear_model as linear_model
import sklearn.neural_network as neural_network
import sklearn.pipeline as pipeline
import sklearn.preprocessing as preprocessing
import sklearn.svm as svm

from tacit.errors import GraphError
from tacit.graph.build import Draft, assemble, input_range
from tacit.graph.fixed import DEFAULT_FRACTION_BITS, Floats, Ints, as_floats
from tacit.graph.graph import Graph
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import FloatLayer, Linear, Normalise, ReLU, Sigmoid, Softmax, Tanh
from tacit.graph.report import attach_report


def from_sklearn(
    estimator: Any,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    sample: npt.ArrayLike | None = None,
    fraction_bits: int = DEFAULT_FRACTION_BITS,
    weight_bits: int | None = None,
) -> Graph:
    """The estimator as a graph; see Graph.from_sklearn."""
    steps = _steps(estimator)
    readers = [*(_reader(_TRANSFORMERS, step) for step in steps[:-1]), _reader(_MODELS, steps[-1])]
    features = _fitted(steps[0], "n_features_in_")
    names = getattr(steps[0], "feature_names_in_", None)
    for what, values in (("low", low), ("high", high), ("sample", sample)):
        _check_names(names, values, what)
    lows, highs = input_range(low, high, (int(features),))
    draft = Draft(lows.shape)
    outputs = [reader(draft, step) for reader, step in zip(readers, steps, strict=True)][-1]
    graph = assemble(draft, lows, highs, fraction_bits=fraction_bits, weight_bits=weight_bits)
    classes = getattr(steps[-1], "classes_", None)
    return attach_report(
        graph,
        f"scikit-learn {' | '.join(type(step).__name__ for step in steps)}",
        sample,
        lambda x: _run(estimator, outputs, x),
        decide=None if classes is None else _decider(outputs, len(classes)),
        classes=() if classes is None else tuple(classes),
        notes=draft.notes,
    )


def _steps(estimator: Any) -> list[Any]:
    """The estimator's transformers and its model, pipelines unrolled."""
    if type(estimator) is not pipeline.Pipeline:
        return [estimator]
    steps: list[Any] = []
    for _, step in estimator.steps:
        if step is not None and step != "passthrough":
            steps += _steps(step)
    if not steps:
        raise GraphError("Pipeline: it has no steps")
    return steps


def _reader(table: dict[type, Callable[..., Any]], step: Any) -> Callable[..., Any]:
    reader = table.get(type(step))
    if reader is None:
        other = _MODELS if table is _TRANSFORMERS else _TRANSFORMERS
        place = " in this place of the pipeline" if type(step) in other else ""
        known = ", ".join(sorted(cls.__name__ for cls in table))
        if place:
            raise unsupported("scikit-learn", type(step).__name__, f"is not supported{place}; use one of {known}")
        raise unsupported("scikit-learn", type(step).__name__)
    return reader


def _check_names(fitted: Any, values: Any, what: str) -> None:
    """GraphError where a data frame, or a series with a value for each feature, has other columns than at fitting."""
    given = getattr(values, "columns", getattr(values, "index", None) if np.ndim(values) == 1 else None)
    if fitted is None or given is None or callable(given):
        return
    given = list(given)
    if all(isinstance(name, str) for name in given) and given != list(fitted):
        wrong = next((i for i, pair in enumerate(zip(given, fitted, strict=False)) if pair[0] != pair[1]), None)
        place = f"{len(given)} of them" if wrong is None else f"{given[wrong]!r} where it had {fitted[wrong]!r}"
        raise GraphError(f"{what}: its columns are not those that the model was fitted on, in their order: {place}")


def _fitted(step: Any, attribute: str) -> Any:
    """An attribute that fitting sets; GraphError where it is missing."""
    if not hasattr(step, attribute):
        raise GraphError(f"scikit-learn {type(step).__name__} has no {attribute}: fit it first")
    return getattr(step, attribute)


def _refuse(step: Any, because: str) -> NoReturn:
    raise unsupported("scikit-learn", type(step).__name__, because)


def _standard_scaler(draft: Draft, step: Any) -> None:
    mean, scale = _fitted(step, "mean_"), _fitted(step, "scale_")
    zeros = np.zeros(step.n_features_in_)  # mean_ is there even where with_mean=False leaves it unused
    draft.add(Normalise.of(mean if step.with_mean else zeros, 1 / (scale if step.with_std else zeros + 1)))


def _min_max_scaler(draft: Draft, step: Any) -> None:
    if step.clip:
        _refuse(step, "has clip=True; use clip=False, and bounds on the input through low and high")
    draft.add(Normalise.affine(_fitted(step, "scale_"), _fitted(step, "min_")))


def _max_abs_scaler(draft: Draft, step: Any) -> None:
    if getattr(step, "clip", False):
        _refuse(step, "has clip=True; use clip=False, and bounds on the input through low and high")
    draft.add(Normalise.of(np.zeros(step.n_features_in_), 1 / _fitted(step, "scale_")))


def _robust_scaler(draft: Draft, step: Any) -> None:
    center, scale = _fitted(step, "center_"), _fitted(step, "scale_")
    zeros = np.zeros(step.n_features_in_)
    draft.add(Normalise.of(center if step.with_centering else zeros, 1 / (scale if step.with_scaling else zeros + 1)))


def _linear(draft: Draft, step: Any) -> None:
    """The layer that every linear model has: one output for each target or class, or one for two classes."""
    coefficients = _fitted(step, "coef_")
    dense = coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients
    weight = np.atleast_2d(as_floats(dense, f"{type(step).__name__}.coef_"))
    bias = as_floats(step.intercept_, f"{type(step).__name__}.intercept_").reshape(-1)
    draft.add(Linear.of(weight, np.broadcast_to(bias, (len(weight),))))


def _regressor(draft: Draft, step: Any) -> str:
    _linear(draft, step)
    return "predict"


def _decision(draft: Draft, step: Any) -> str:
    _one_label(step)
    _linear(draft, step)
    return "decision_function"


def _one_label(step: Any) -> None:
    """GraphError where the classifier was fitted on several labels for each row."""
    binarizer = getattr(step, "_label_binarizer", None)
    if np.ndim(_fitted(step, "classes_")) != 1 or getattr(binarizer, "y_type_", "").startswith("multilabel"):
        _refuse(step, "was fitted on several labels for each row; fit one model for each label")


def _logistic_regression(draft: Draft, step: Any) -> str:
    classes = len(_fitted(step, "classes_"))
    scheme = getattr(step, "multi_class", "deprecated")
    if (scheme == "ovr" and classes > 2) or (step.solver == "liblinear" and classes > 2):
        _refuse(step, "is one-vs-rest: its probabilities are normalised sigmoids; fit it with solver='lbfgs'")
    if scheme == "multinomial" and classes == 2:
        _refuse(step, "has multi_class='multinomial' with two classes; leave multi_class out")
    _linear(draft, step)
    draft.add(Sigmoid.of() if classes == 2 else Softmax.of())
    return "predict_proba"


def _sgd_classifier(draft: Draft, step: Any) -> str:
    outputs = _decision(draft, step)
    if step.loss != "log_loss" or len(step.classes_) > 2:
        draft.notes.append("the output is the decision values, not probabilities")
        return outputs
    draft.add(Sigmoid.of())
    return "predict_proba"


_ACTIVATIONS: dict[str, Callable[[], FloatLayer] | None] = {
    "identity": None,
    "relu": ReLU.of,
    "logistic": Sigmoid.of,
    "tanh": Tanh.of,
    "softmax": Softmax.of,
}


def _network(draft: Draft, step: Any) -> None:
    weights, biases = _fitted(step, "coefs_"), _fitted(step, "intercepts_")
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        draft.add(Linear.of(weight.T, bias))
        activation = step.out_activation_ if number == len(weights) else step.activation
        if activation not in _ACTIVATIONS:
            _refuse(step, f"has the activation {activation!r}; supported are {', '.join(_ACTIVATIONS)}")
        make = _ACTIVATIONS[activation]
        if make is not None:
            draft.add(make())


def _network_classifier(draft: Draft, step: Any) -> str:
    _one_label(step)
    _network(draft, step)
    return "predict_proba"


def _network_regressor(draft: Draft, step: Any) -> str:
    _network(draft, step)
    return "predict"


def _run(estimator: Any, outputs: str, x: Floats) -> Floats:
    """What the graph stands for, of the estimator itself: of two probabilities the second."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")  # fitted on a data frame
        values = np.asarray(getattr(estimator, outputs)(x), dtype=np.float64).reshape(len(x), -1)
    return values[:, 1:] if outputs == "predict_proba" and values.shape[1] == 2 else values


def _decider(outputs: str, classes: int) -> Callable[[Floats], Ints]:
    """The class by the float outputs, as scikit-learn's own predict has it."""
    if classes > 2:
        return lambda y: y.argmax(axis=1).astype(np.int64)
    threshold = 0.5 if outputs == "predict_proba" else 0.0
    return lambda y: (y[:, 0] > threshold).astype(np.int64)


_TRANSFORMERS: dict[type, Callable[[Draft, Any], None]] = {
    preprocessing.StandardScaler: _standard_scaler,
    preprocessing.MinMaxScaler: _min_max_scaler,
    preprocessing.MaxAbsScaler: _max_abs_scaler,
    preprocessing.RobustScaler: _robust_scaler,
}

# Each reader returns the method of the estimator that the graph's output stands for.
_MODELS: dict[type, Callable[[Draft, Any], str]] = {
    linear_model.LinearRegression: _regressor,
    linear_model.Ridge: _regressor,
    linear_model.RidgeCV: _regressor,
    linear_model.Lasso: _regressor,
    linear_model.LassoCV: _regressor,
    linear_model.ElasticNet: _regressor,
    linear_model.ElasticNetCV: _regressor,
    linear_model.BayesianRidge: _regressor,
    linear_model.HuberRegressor: _regressor,
    linear_model.SGDRegressor: _regressor,
    svm.LinearSVR: _regressor,
    linear_model.LogisticRegression: _logistic_regression,
    linear_model.LogisticRegressionCV: _logistic_regression,
    linear_model.RidgeClassifier: _decision,
    linear_model.RidgeClassifierCV: _decision,
    linear_model.Perceptron: _decision,
    linear_model.SGDClassifier: _sgd_classifier,
    svm.LinearSVC: _decision,
    neural_network.MLPClassifier: _network_classifier,
    neural_network.MLPRegressor: _network_regressor,
}

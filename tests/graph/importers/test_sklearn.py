from __future__ import annotations

import warnings
from copy import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model, neural_network, svm
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from tacit.errors import GraphError
from tacit.graph import Graph

rng = np.random.default_rng(0)
Z = rng.normal(size=(200, 4))
X = Z * [1.0, 30.0, 1e5, 2.0] + [0.0, 100.0, 1e5, -5.0]  # columns as tables have them
TWO = np.where(Z[:, 0] + Z[:, 1] > 0, "yes", "no")
THREE = (Z[:, 0] * 2).astype(int) % 3
REAL = Z @ [1.0, 2.0, 3.0, 4.0]


def fitted(model: Any, y: np.ndarray, scaler: Any = None) -> Any:
    if "random_state" in model.get_params():
        model = clone(model).set_params(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(scaler or StandardScaler(), model).fit(X, y)


def imported(model: Any, **options: Any) -> Graph:
    return Graph.from_sklearn(model, X.min(axis=0), X.max(axis=0), sample=X, **options)


@pytest.mark.parametrize(
    "model",
    [
        linear_model.LinearRegression(),
        linear_model.Ridge(),
        linear_model.RidgeCV(),
        linear_model.Lasso(0.01),
        linear_model.LassoCV(cv=3),
        linear_model.ElasticNet(0.01),
        linear_model.ElasticNetCV(cv=3),
        linear_model.BayesianRidge(),
        linear_model.HuberRegressor(),
        linear_model.SGDRegressor(),
        svm.LinearSVR(),
        linear_model.Ridge(fit_intercept=False),
        *(
            neural_network.MLPRegressor(hidden_layer_sizes=(5, 3), activation=a)
            for a in ("identity", "relu", "tanh", "logistic")
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_regressors(model: Any) -> None:
    pipeline = fitted(model, REAL)
    graph = imported(pipeline)
    assert np.abs(graph.predict(X)[:, 0] - pipeline.predict(X)).max() < 2e-3
    report = graph.import_report
    assert report is not None
    assert report.largest_difference < 2e-3
    assert report.changed_classes is None


def test_several_targets() -> None:
    model = linear_model.LinearRegression().fit(X, Z[:, :2])
    assert np.abs(imported(model).predict(X) - model.predict(X)).max() < 1e-3


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize(
    "model",
    [
        linear_model.LogisticRegression(),
        linear_model.LogisticRegressionCV(cv=3, l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False),
        *(neural_network.MLPClassifier((6,), activation=a) for a in ("identity", "relu", "tanh", "logistic")),
    ],
    ids=lambda model: type(model).__name__,
)
def test_probabilities(model: Any, y: np.ndarray) -> None:
    pipeline = fitted(model, y)
    graph = imported(pipeline)
    expected = pipeline.predict_proba(X)
    assert np.abs(graph.predict(X) - (expected[:, 1:] if expected.shape[1] == 2 else expected)).max() < 1e-3
    report = graph.import_report
    assert report is not None
    assert report.changed_classes == 0
    assert report.classes == tuple(str(c) for c in pipeline.classes_)
    assert (pipeline.classes_[graph.classify(X)] == pipeline.predict(X)).all()
    assert graph.layers[-1].kind == ("sigmoid" if len(set(y)) == 2 else "softmax")


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize(
    "model",
    [
        linear_model.RidgeClassifier(),
        linear_model.RidgeClassifierCV(),
        linear_model.Perceptron(),
        linear_model.SGDClassifier(),
        linear_model.SGDClassifier(loss="modified_huber"),
        svm.LinearSVC(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_decision_values(model: Any, y: np.ndarray) -> None:
    pipeline = fitted(model, y)
    graph = imported(pipeline)
    expected = pipeline.decision_function(X).reshape(len(X), -1)
    assert np.abs(graph.predict(X) - expected).max() < 5e-3
    assert (pipeline.classes_[graph.classify(X)] == pipeline.predict(X)).mean() > 0.99


def test_logistic_loss_by_sgd() -> None:
    two = fitted(linear_model.SGDClassifier(loss="log_loss"), TWO)
    assert np.abs(imported(two).predict(X) - two.predict_proba(X)[:, 1:]).max() < 1e-3
    three = fitted(linear_model.SGDClassifier(loss="log_loss"), THREE)
    graph = imported(three)
    assert np.abs(graph.predict(X) - three.decision_function(X)).max() < 5e-3
    assert "the output is the decision values, not probabilities" in str(graph.import_report)


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler((-1, 1)),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
        make_pipeline(StandardScaler(), MinMaxScaler()),
    ],
    ids=str,
)
def test_scalers_are_folded(scaler: Any) -> None:
    model = make_pipeline(scaler, linear_model.LinearRegression()).fit(X, REAL)
    graph = imported(model)
    assert [layer.kind for layer in graph.layers] == ["linear"]
    assert np.abs(graph.predict(X)[:, 0] - model.predict(X)).max() < 1e-3


def test_a_constant_column_and_steps_that_pass_through() -> None:
    x = np.column_stack([X, np.full(len(X), 3.0)])
    steps = [("none", None), ("pass", "passthrough"), ("s", StandardScaler()), ("m", linear_model.LogisticRegression())]
    model = Pipeline(steps[1:]).fit(x, TWO)
    graph = Graph.from_sklearn(model, x.min(axis=0), x.max(axis=0), sample=x)
    assert graph.import_report is not None
    assert graph.import_report.changed_classes == 0


def test_a_drawn_sample_and_scalar_bounds() -> None:
    model = linear_model.LinearRegression().fit(Z, REAL)
    report = Graph.from_sklearn(model, -3, 3).import_report
    assert report is not None
    assert (report.rows, report.drawn) == (1000, True)
    assert report.source == "scikit-learn LinearRegression"


def test_one_feature_and_a_data_frame() -> None:
    frame = pd.DataFrame({"age": X[:, 1]})
    model = linear_model.LogisticRegression().fit(frame, TWO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = Graph.from_sklearn(model, frame.min(), frame.max(), sample=frame)
    assert graph.input_shape == (1,)
    assert np.abs(graph.predict(frame)[:, 0] - model.predict_proba(frame)[:, 1]).max() < 1e-3


def test_sparse_coefficients() -> None:
    model = linear_model.SGDClassifier(penalty="l1").fit(Z, TWO).sparsify()
    assert np.abs(Graph.from_sklearn(model, -5, 5, sample=Z).predict(Z)[:, 0] - model.decision_function(Z)).max() < 5e-3


class Mine(linear_model.LinearRegression):
    """A subclass may predict something else."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (RandomForestClassifier(2).fit(Z, TWO), "RandomForestClassifier is not supported; use a linear model"),
        (svm.SVC().fit(Z, TWO), "SVC is not supported; use LinearSVC"),
        (Mine().fit(Z, REAL), "Mine is not supported"),
        (StandardScaler().fit(Z), "StandardScaler is not supported in this place"),
        (make_pipeline(PCA(2), linear_model.Ridge()).fit(Z, REAL), "PCA is not supported"),
        (make_pipeline(Normalizer(), linear_model.Ridge()).fit(Z, REAL), "Normalizer is not supported; use a scaler"),
        (make_pipeline(MinMaxScaler(clip=True), linear_model.Ridge()).fit(Z, REAL), "MinMaxScaler has clip=True"),
        (GridSearchCV(linear_model.Ridge(), {"alpha": [1.0]}).fit(Z, REAL), "use its best_estimator_"),
        (linear_model.RidgeClassifier().fit(Z, Z[:, :2] > 0), "fitted on several labels"),
        (neural_network.MLPClassifier((2,), max_iter=1), "has no n_features_in_: fit it first"),
        (linear_model.LogisticRegression(), "has no n_features_in_: fit it first"),
        (RandomForestClassifier(2), "RandomForestClassifier is not supported"),  # fitting it would not help
        (linear_model.PoissonRegressor().fit(Z, np.abs(REAL)), "PoissonRegressor is not supported"),
        (make_pipeline(StandardScaler(), MinMaxScaler()).fit(Z), "MinMaxScaler is not supported in this place of the"),
        (make_pipeline(linear_model.Ridge()).fit(Z, REAL).set_params(ridge="passthrough"), "Pipeline: it has no steps"),
        (make_pipeline(StandardScaler(), linear_model.Ridge()), "has no n_features_in_: fit it first"),
        (make_pipeline(StandardScaler().fit(Z), linear_model.Ridge()), "Ridge has no coef_: fit it first"),
        (make_pipeline(StandardScaler().fit(Z), svm.LinearSVC()), "LinearSVC has no classes_: fit it first"),
        (make_pipeline(StandardScaler().fit(Z), linear_model.RidgeClassifier()), "RidgeClassifier has no classes_"),
        (make_pipeline(StandardScaler().fit(Z), neural_network.MLPClassifier()), "MLPClassifier has no classes_"),
        (make_pipeline(MaxAbsScaler(clip=True), linear_model.Ridge()).fit(Z, REAL), "MaxAbsScaler has clip=True"),
        (object(), "object is not supported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_is_named(model: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Graph.from_sklearn(model, -5, 5)


def agree(graph: Graph, model: Any, x: np.ndarray) -> None:
    """The graph's class is what the model predicts, but where the model is undecided by less than the report says."""
    report = graph.import_report
    assert report is not None
    if hasattr(model, "predict_proba") and graph.layers[-1].kind in ("sigmoid", "softmax"):
        scores = model.predict_proba(x)
    else:
        scores = model.decision_function(x)
        scores = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    best = np.sort(scores, axis=1)
    undecided = best[:, -1] - best[:, -2] <= 2 * report.largest_difference
    assert undecided.mean() < 0.1
    assert ((model.classes_[graph.classify(x)] == model.predict(x)) | undecided).all()
    assert report.classes == tuple(str(name) for name in model.classes_)


CLASSIFIERS = [
    linear_model.LogisticRegression(),
    linear_model.LogisticRegression(C=0.1, solver="saga", max_iter=50),
    linear_model.LogisticRegression(fit_intercept=False),
    linear_model.RidgeClassifier(),
    linear_model.RidgeClassifier(fit_intercept=False),
    svm.LinearSVC(),
    svm.LinearSVC(fit_intercept=False, loss="hinge"),
    *(linear_model.SGDClassifier(loss=loss) for loss in ("hinge", "log_loss", "perceptron", "huber")),
    linear_model.SGDClassifier(loss="squared_hinge", learning_rate="constant", eta0=1e-4),
    linear_model.SGDClassifier(loss="log_loss", average=True),
    linear_model.Perceptron(),
    neural_network.MLPClassifier((6,), activation="relu"),
    neural_network.MLPClassifier((4, 3), activation="tanh"),
    neural_network.MLPClassifier((), activation="relu"),
]
LABELS = {
    "two words": TWO,
    "two truths": Z[:, 0] > 0,
    "two numbers": np.where(Z[:, 1] > 0.5, 7, -3),
    "three numbers": THREE * 10 - 5,
    "four words": np.array(["a", "b", "c", "d"])[(Z[:, 0] > 0) * 2 + (Z[:, 1] > 0)],
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
def test_the_class_is_what_the_model_predicts(classifier: Any, labels: str) -> None:
    model = fitted(classifier, LABELS[labels])
    graph = imported(model)
    agree(graph, model, X)
    report = graph.import_report
    assert report is not None
    assert report.largest_difference < 2e-3 * max(1.0, np.abs(graph.predict(X)).max())


def test_decision_values_too_small_to_tell_apart_are_counted() -> None:
    """Coefficients of 1e-8, which 16 bits do not hold: the report says how many rows change their class."""
    model = fitted(linear_model.RidgeClassifier(), THREE)
    model[-1].coef_ *= 1e-7
    model[-1].intercept_ *= 1e-7
    graph = imported(model)
    changed = int((model.classes_[graph.classify(X)] != model.predict(X)).sum())
    assert graph.import_report is not None
    assert graph.import_report.changed_classes == changed > 20


def test_a_logistic_regression_of_liblinear_with_two_classes() -> None:
    model = fitted(linear_model.LogisticRegression(solver="liblinear"), TWO)
    agree(imported(model), model, X)


def test_the_report_is_the_largest_difference_from_the_estimator() -> None:
    for model in (
        fitted(linear_model.Ridge(), REAL),
        fitted(neural_network.MLPRegressor(hidden_layer_sizes=(4,)), Z[:, :2]),
    ):
        graph = imported(model)
        difference = np.abs(graph.predict(X) - model.predict(X).reshape(len(X), -1)).max()
        assert graph.import_report is not None
        assert graph.import_report.largest_difference == difference
    model = fitted(linear_model.LogisticRegression(), THREE)
    graph = imported(model)
    assert graph.import_report is not None
    assert graph.import_report.largest_difference == np.abs(graph.predict(X) - model.predict_proba(X)).max()


@pytest.mark.parametrize(
    "model",
    [
        linear_model.LinearRegression(),
        linear_model.Ridge(fit_intercept=False),
        linear_model.Lasso(0.001),
        linear_model.ElasticNet(0.001),
        neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=30),
    ],
    ids=lambda model: type(model).__name__,
)
def test_several_targets_behind_a_scaler(model: Any) -> None:
    pipeline = fitted(model, Z[:, :3], MinMaxScaler((-2, 3)))
    graph = imported(pipeline)
    assert graph.output_shape == (3,)
    assert np.abs(graph.predict(X) - pipeline.predict(X)).max() < 2e-3


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["standard", "mean", "std", "none", "range", "max", "robust"]), max_size=3),
    st.integers(1, 6),
    st.integers(0, 2**32),
)
def test_any_pipeline_of_scalers(names: list[str], features: int, seed: int) -> None:
    scalers = {
        "standard": StandardScaler(),
        "mean": StandardScaler(with_std=False),
        "std": StandardScaler(with_mean=False),
        "none": StandardScaler(with_mean=False, with_std=False),
        "range": MinMaxScaler((-1, 0.5)),
        "max": MaxAbsScaler(),
        "robust": RobustScaler(quantile_range=(10, 90)),
    }
    r = np.random.default_rng(seed)
    x = r.normal(size=(40, features)) * r.uniform(0.1, 100, features) + r.normal(size=features)
    x[:, 0] = 3.5  # a column that is always the same
    y = r.normal(size=40)
    model = make_pipeline(*(clone(scalers[name]) for name in names), linear_model.Ridge()).fit(x, y)
    graph = Graph.from_sklearn(model, x.min(axis=0), x.max(axis=0), sample=x)
    assert [layer.kind for layer in graph.layers] == ["linear"]
    assert np.abs(graph.predict(x)[:, 0] - model.predict(x)).max() < 1e-3


def test_models_fitted_on_float32_and_with_weights() -> None:
    model = make_pipeline(StandardScaler(), linear_model.LogisticRegression())
    model.fit(X.astype(np.float32), TWO, logisticregression__sample_weight=np.linspace(0, 1, len(X)))
    agree(imported(model), model, X)


def test_columns_of_data_frames_must_be_in_the_order_of_fitting() -> None:
    frame = pd.DataFrame(X, columns=["age", "bmi", "income", "score"])
    model = make_pipeline(StandardScaler(), linear_model.LogisticRegression()).fit(frame, TWO)
    low, high = frame.min(), frame.max()
    agree(Graph.from_sklearn(model, low, high, sample=frame), model, frame)
    agree(Graph.from_sklearn(model, low.to_numpy(), list(high), sample=X), model, frame)
    agree(Graph.from_sklearn(model, low, high, sample=pd.DataFrame(X)), model, frame)  # of no names
    turned = frame[["bmi", "age", "income", "score"]]
    why = "its columns are not those that the model was fitted on, in their order: 'bmi' where it had 'age'"
    with pytest.raises(GraphError, match=f"sample: {why}"):
        Graph.from_sklearn(model, low, high, sample=turned)
    with pytest.raises(GraphError, match=f"low: {why}"):
        Graph.from_sklearn(model, turned.min(), high)
    with pytest.raises(GraphError, match=f"high: {why}"):
        Graph.from_sklearn(model, low, turned.max())
    with pytest.raises(GraphError, match="sample: its columns are not .*: 3 of them"):
        Graph.from_sklearn(model, low, high, sample=frame[["age", "bmi", "income"]])


def test_coefficients_that_are_no_numbers() -> None:
    model = linear_model.LinearRegression().fit(Z, REAL)
    model.coef_[2] = np.nan
    with pytest.raises(GraphError, match=r"layer 'linear_1' \(linear\), weight: the value at \(0, 2\) is not a finite"):
        Graph.from_sklearn(model, -5, 5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_networks_that_are_refused() -> None:
    several = neural_network.MLPClassifier((2,), max_iter=1).fit(Z, (Z[:, :2] > 0).astype(int))
    with pytest.raises(GraphError, match="fitted on several labels"):
        Graph.from_sklearn(several, -5, 5)
    poisson = neural_network.MLPRegressor("poisson", (2,), max_iter=1).fit(Z, np.abs(REAL))
    with pytest.raises(GraphError, match="has the activation 'exp'; supported are identity, relu"):
        Graph.from_sklearn(poisson, -5, 5)


def test_one_against_the_rest_is_refused() -> None:
    model = linear_model.LogisticRegression().fit(Z, THREE)
    for name, value in (("multi_class", "ovr"), ("solver", "liblinear")):  # as older versions of scikit-learn have it
        older = copy(model)
        setattr(older, name, value)
        with pytest.raises(GraphError, match="one-vs-rest"):
            Graph.from_sklearn(older, -5, 5)
    two = linear_model.LogisticRegression().fit(Z, TWO)
    two.multi_class = "multinomial"
    with pytest.raises(GraphError, match="has multi_class='multinomial' with two classes; leave multi_class out"):
        Graph.from_sklearn(two, -5, 5)


def test_bounds_of_another_number_of_features() -> None:
    model = linear_model.LinearRegression().fit(Z, REAL)
    with pytest.raises(GraphError, match=r"do not fit an input of shape \(4,\)"):
        Graph.from_sklearn(model, np.zeros(3), np.ones(3))
    with pytest.raises(GraphError, match="row 0, index 0"):
        Graph.from_sklearn(model, 0, 1, sample=np.full((1, 4), 2.0))

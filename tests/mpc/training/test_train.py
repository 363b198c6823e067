"""Training on shares: as good as in the clear, on rows or columns, and on from where it stopped."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from tacit.errors import DataError, ProtocolError
from tacit.keys import Identity
from tacit.mpc.local import run_locally
from tacit.mpc.storage import Storage
from tacit.mpc.training.settings import Settings
from tacit.mpc.training.train import Part, Split, train


def bounded(features):
    low, high = features.min(axis=0), features.max(axis=0)
    return 2 * (features - low) / (high - low) - 1


def by_rows(x, y, shares=(0.5, 0.3, 0.2)):
    cuts = np.cumsum(np.array(shares[:2]) * len(x)).astype(int)
    parts = [Part(a, b) for a, b in zip(np.split(x, cuts), np.split(y, cuts), strict=True)]
    return parts, Split("horizontal", tuple(len(part.features) for part in parts), (x.shape[1],) * 3)


def by_columns(x, y, labels=1, counts=None):
    cuts = np.cumsum(counts or [x.shape[1] // 3, x.shape[1] // 3]).astype(int)[:2]
    parts = [Part(a, y if i == labels else None) for i, a in enumerate(np.split(x, cuts, axis=1))]
    return parts, Split("vertical", (len(x),) * 3, tuple(part.features.shape[1] for part in parts), labels)


def trained(parts, split, settings, security="passive", **options):
    def program(session, part):
        return train(session, part, split, settings, **options)

    models = run_locally(program, [(part,) for part in parts], security=security)
    for model in models[1:]:
        for (weight, bias), (first_weight, first_bias) in zip(model.layers, models[0].layers, strict=True):
            np.testing.assert_array_equal(weight, first_weight)
            np.testing.assert_array_equal(bias, first_bias)
    return models[0]


def scores(model, x):
    for weight, bias in model.layers[:-1]:
        x = np.maximum(x @ weight + bias, 0)
    weight, bias = model.layers[-1]
    return x @ weight + bias


def in_the_clear(x, y, settings):
    """The same steps in floats."""
    mean, deviation = x.mean(axis=0), np.sqrt(x.var(axis=0) + 2.0**-10)
    z = (x - mean) / deviation
    widths = settings.widths(x.shape[1])
    layers = []
    for number, shape in enumerate(pairwise(widths)):
        source, bound = np.random.default_rng((settings.seed, number, 1)), 1 / np.sqrt(shape[0])
        first = [source.uniform(-bound, bound, shape), source.uniform(-bound, bound, shape[1])]
        layers.append(first if settings.hidden else [np.zeros(shape), np.zeros(shape[1])])
    velocities = [[np.zeros_like(w), np.zeros_like(b)] for w, b in layers]
    for epoch in range(settings.epochs):
        order = np.random.default_rng((settings.seed, epoch)).permutation(len(x))
        for start in range(0, len(order), settings.batch_rows):
            rows = order[start : start + settings.batch_rows]
            given = [z[rows]]
            for weight, bias in layers[:-1]:
                given.append(np.maximum(given[-1] @ weight + bias, 0))
            out = given[-1] @ layers[-1][0] + layers[-1][1]
            if settings.loss == "binary":
                out = 1 / (1 + np.exp(-out))
            elif settings.loss == "classes":
                powers = np.exp(out - out.max(axis=1, keepdims=True))
                out = powers / powers.sum(axis=1, keepdims=True)
            error = (out - y[rows]) / len(rows)
            slopes = []
            for number in reversed(range(len(layers))):
                weight = layers[number][0]
                slopes.append((given[number].T @ error + settings.l2 * weight, error.sum(axis=0)))
                error = (error @ weight.T) * (given[number] > 0)
            for layer, velocity, slope in zip(layers, velocities, reversed(slopes), strict=True):
                for place in range(2):
                    velocity[place] = settings.momentum * velocity[place] + settings.learning_rate * slope[place]
                    layer[place] = layer[place] - velocity[place]
    weight, bias = layers[0]
    layers[0] = [weight / deviation[:, None], bias - (mean / deviation) @ weight]
    return layers


def shuffled(x, y, seed=0):
    order = np.random.default_rng(seed).permutation(len(x))
    return bounded(x)[order], y[order]


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    return shuffled(x, y[:, None].astype(float))


LOGISTIC = Settings("binary", epochs=3, batch_rows=64, learning_rate=0.5, momentum=0.5, l2=0.01)


@pytest.mark.parametrize("split", [by_rows, by_columns])
def test_logistic_regression_is_that_of_the_clear_however_the_data_lie(cancer, split):
    x, y = cancer
    model = trained(*split(x[:455], y[:455]), LOGISTIC)
    weight, bias = in_the_clear(x[:455], y[:455], LOGISTIC)[0]
    exact = ((x[455:] @ weight + bias > 0) == y[455:]).mean()
    found = ((scores(model, x[455:]) > 0) == y[455:]).mean()
    assert abs(found - exact) < 0.01
    assert found > 0.94
    assert np.abs(model.layers[0][0] - weight).max() < 0.05


def test_linear_and_ridge_regression_are_those_of_the_clear():
    x, y = load_diabetes(return_X_y=True)
    x, y = shuffled(x, bounded(y[:, None]))
    settings = Settings("squared", epochs=8, batch_rows=64, learning_rate=0.05, l2=0.1)
    model = trained(*by_rows(x, y), settings)
    weight, bias = in_the_clear(x, y, settings)[0]
    assert np.abs(model.layers[0][0] - weight).max() < 0.02
    assert np.abs(model.layers[0][1] - bias).max() < 0.02
    assert np.mean((scores(model, x) - y) ** 2) < 0.6 * y.var()


@pytest.mark.parametrize("security", ["passive", "active"])
def test_a_network_learns_classes(security):
    x, labels = load_iris(return_X_y=True)
    x, labels = shuffled(x, labels)
    settings = Settings("classes", 3, (8,), epochs=12, batch_rows=30, learning_rate=0.3, momentum=0.5)
    model = trained(*by_rows(x, np.eye(3)[labels]), settings, security)
    exact = in_the_clear(x, np.eye(3)[labels], settings)
    assert (scores(model, x).argmax(axis=1) == labels).mean() > 0.9
    assert max(np.abs(model.layers[1][0] - exact[1][0]).max(), np.abs(model.layers[0][0] - exact[0][0]).max()) < 0.3


def test_a_party_may_have_labels_alone(cancer):
    x, y = cancer
    parts, split = by_columns(x[:200, :4], y[:200], labels=2, counts=[2, 2])
    assert split.columns == (2, 2, 0)
    settings = Settings("binary", epochs=1, batch_rows=50, learning_rate=0.5)
    assert ((scores(trained(parts, split, settings), x[:200, :4]) > 0) == y[:200]).mean() > 0.8


def test_training_goes_on_after_the_last_epoch_that_all_have_kept(cancer, tmp_path):
    x, y = cancer
    parts, split = by_rows(x[:120], y[:120])
    people = [Identity.new(f"party-{i}") for i in range(3)]

    class StoppedError(Exception):
        pass

    def program(session, part, stop):
        me = people[session.party.index]
        storage = Storage(tmp_path / me.name, me, b"a study")
        seen = []

        def progress(done, epochs):
            seen.append(done)
            if done == stop:
                raise StoppedError

        settings = Settings("binary", epochs=3, batch_rows=60, learning_rate=0.5)
        train(session, part, split, settings, storage=storage, progress=progress)
        return seen

    with pytest.raises((StoppedError, ProtocolError)):
        run_locally(program, [(part, 2 if i == 1 else None) for i, part in enumerate(parts)], security="passive")
    # One machine stopped after its second epoch; the others have kept that one too, or the first at least.
    results = run_locally(program, [(part, None) for part in parts], security="passive")
    assert results[0] == results[1] == results[2]
    assert results[0] in ([3], [2, 3])


def test_an_epoch_in_which_somebody_cheated_is_not_kept(cancer, tmp_path):
    """Its claims end with the session, so a session that went on after it would never find the error."""
    x, y = cancer
    parts, split = by_rows(x[:60, :4], y[:60])
    people = [Identity.new(f"party-{i}") for i in range(3)]
    settings = Settings("binary", epochs=2, batch_rows=60, learning_rate=0.5)

    def program(session, part, cheats):
        me = people[session.party.index]
        storage = Storage(tmp_path / me.name, me, b"a study")
        if cheats:
            session._exchange = cheating(session._exchange)

        def stopped(done, epochs):
            raise InterruptedError

        train(session, part, split, settings, storage=storage, progress=stopped)

    def cheating(exchange):
        """Add to the first product's part that is sent: to the variance of a column."""
        honest = True

        def exchanged(said):
            nonlocal honest
            if honest and len(said.to_previous) == 1 and said.to_previous[0].shape == (4,):
                said, honest = replace(said, to_previous=(said.to_previous[0] + np.uint64(2**40),)), False
            return exchange(said)

        return exchanged

    with pytest.raises(ProtocolError, match="cheats"):
        run_locally(program, [(part, i == 1) for i, part in enumerate(parts)], security="active")
    for me in people:
        assert Storage(tmp_path / me.name, me, b"a study").numbers == (0,)


def test_shares_that_two_sessions_kept_of_one_epoch_are_not_mixed(cancer, tmp_path):
    x, y = cancer
    parts, split = by_rows(x[:60, :4], y[:60])
    people = [Identity.new(f"party-{i}") for i in range(3)]

    def program(session, part, kept):
        me = people[session.party.index]
        storage = Storage(tmp_path / f"{me.name}-{kept}", me, b"a study")
        epochs = 3 if len(set(used)) > 1 else 1
        train(session, part, split, Settings("binary", epochs=epochs, batch_rows=60), storage=storage)

    for used in ("aaa", "bbb"):
        run_locally(program, list(zip(parts, used, strict=True)), security="passive")
    used = "aba"
    with pytest.raises(ProtocolError, match="another session"):
        run_locally(program, list(zip(parts, used, strict=True)), security="passive")


def test_a_part_that_was_not_agreed_on_is_refused(cancer):
    x, y = cancer
    parts, split = by_rows(x[:90], y[:90])
    wrong = [
        Part(parts[0].features[:, :5], parts[0].targets),
        Part(parts[0].features, None),
        Part(parts[0].features, parts[0].targets[:1]),
        Part(np.full_like(parts[0].features, np.nan), parts[0].targets),
    ]
    for part in wrong:
        with pytest.raises(DataError):
            trained([part, *parts[1:]], split, LOGISTIC)


@pytest.mark.parametrize(
    ("kind", "rows", "columns", "labels"),
    [
        ("horizontal", (1, 2, 3), (1, 1, 2), 0),
        ("vertical", (1, 2, 2), (1, 1, 2), 0),
        ("vertical", (1, 1, 1), (1, 1, 2), 3),
    ],
)
def test_impossible_splits_are_refused(kind, rows, columns, labels):
    with pytest.raises(ValueError, match="split|labels"):
        Split(kind, rows, columns, labels)

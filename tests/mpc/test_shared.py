"""`Shared` is used like numpy's arrays, gives what they give, and tells nothing on the way."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import DataError
from tacit.mpc.local import run_locally
from tacit.mpc.replicated import SecretAsPublicError
from tacit.mpc.shared import Shared, stacked

RNG = np.random.default_rng(9)
X, Y = RNG.uniform(-3, 3, (3, 4)), RNG.uniform(-3, 3, (3, 4))
X[0, 0] = Y[0, 0]
UNIT = 2.0**-16


def computed(program, security="passive"):
    """What `program(x, y)` opens, the same at all parties."""

    def run(session):
        index = session.party.index
        x = Shared.input(session, 0, X if index == 0 else None, X.shape)
        y = Shared.input(session, 2, Y if index == 2 else None, Y.shape)
        return program(x, y)

    results = run_locally(run, security=security)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    return results[0]


def softmax(x, axis):
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


EXPECTED = {
    "sum": (lambda x, y: x + y, X + Y),
    "difference": (lambda x, y: x - y, X - Y),
    "public on either side": (lambda x, y: 1 - (2 * x + 1.5) * 0.25 - x, 1 - (2 * X + 1.5) * 0.25 - X),
    "negative": (lambda x, y: -x, -X),
    "product": (lambda x, y: x * y, X * Y),
    "broadcast": (lambda x, y: x * y[0] + y[:, :1], X * Y[0] + Y[:, :1]),
    "matrix product": (lambda x, y: x @ y.T, X @ Y.T),
    "public matrix": (lambda x, y: x @ Y.T, X @ Y.T),
    "dot": (lambda x, y: x.dot(y), (X * Y).sum(axis=0)),
    "slices": (lambda x, y: x[1:, ::2].reshape(4), X[1:, ::2].reshape(4)),
    "sums": (lambda x, y: x.sum(axis=1), X.sum(axis=1)),
    "mean": (lambda x, y: x.mean(), X.mean()),
    "means": (lambda x, y: x.mean(axis=0), X.mean(axis=0)),
    "relu": (lambda x, y: x.relu(), np.maximum(X, 0)),
    "abs": (lambda x, y: x.abs(), np.abs(X)),
    "maximum": (lambda x, y: x.maximum(y), np.maximum(X, Y)),
    "max": (lambda x, y: x.max(axis=0), X.max(axis=0)),
    "argmax": (lambda x, y: x.argmax(), X.argmax(axis=-1)),
    "argmax of columns": (lambda x, y: x.argmax(axis=0), X.argmax(axis=0)),
    "sigmoid": (lambda x, y: x.sigmoid(), 1 / (1 + np.exp(-X))),
    "tanh": (lambda x, y: x.tanh(), np.tanh(X)),
    "softmax": (lambda x, y: x.softmax(), softmax(X, -1)),
    "softmax of columns": (lambda x, y: x.softmax(axis=0), softmax(X, 0)),
    "reciprocal": (lambda x, y: (x.abs() + 0.5).reciprocal(), 1 / (np.abs(X) + 0.5)),
    "rsqrt": (lambda x, y: (x.abs() + 0.5).rsqrt(), 1 / np.sqrt(np.abs(X) + 0.5)),
    "exp": (lambda x, y: (-x.abs()).exp(), np.exp(-np.abs(X))),
    "less": (lambda x, y: (x < y).numbers(), X < Y),
    "less or equal": (lambda x, y: (x <= y).numbers(), X <= Y),
    "greater": (lambda x, y: (x > 1.0).numbers(), X > 1.0),
    "greater or equal": (lambda x, y: (x >= y).numbers(), X >= Y),
    "equal": (lambda x, y: x.equals(y).numbers(), X == Y),
    "where": (lambda x, y: (x < y).where(x, y), np.minimum(X, Y)),
    "and or not": (
        lambda x, y: (((x < y) & (x > 0)) | ~(x < 1)).numbers(),
        ((X < Y) & (X > 0)) | ~(X < 1),
    ),
    "count": (lambda x, y: (x < y).count(), (X < Y).sum()),
    "stacked": (lambda x, y: stacked([x, y], axis=1), np.concatenate([X, Y], axis=1)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_gives_what_numpy_gives(name):
    program, expected = EXPECTED[name]
    np.testing.assert_allclose(computed(lambda x, y: program(x, y).open()), expected, atol=12 * UNIT, rtol=1e-4)


@pytest.mark.parametrize("name", ["product", "matrix product", "sigmoid", "where", "rsqrt"])
def test_gives_the_same_in_active_mode(name):
    program, expected = EXPECTED[name]
    found = computed(lambda x, y: program(x, y).open(), "active")
    np.testing.assert_allclose(found, expected, atol=12 * UNIT, rtol=1e-4)


def test_only_the_receiver_learns_what_is_opened_to_it():
    def run(session):
        x = Shared.input(session, 0, X if session.party.index == 0 else None, X.shape)
        return (x * x).open_to(1)

    first, second, third = run_locally(run, security="active")
    assert first is third is None
    np.testing.assert_allclose(second, X * X, atol=4 * UNIT)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda x, y: bool(x),
        lambda x, y: bool(x < y),
        lambda x, y: x == y,
        lambda x, y: int(x[0, 0]),
        lambda x, y: [1, 2][x[0, 0]],
        lambda x, y: x[y],
        lambda x, y: x[0, y],
        lambda x, y: "yes" if x > y else "no",
    ],
)
def test_a_secret_never_decides_what_the_program_does(misuse):
    with pytest.raises(SecretAsPublicError, match="secret"):
        computed(lambda x, y: misuse(x, y))


def test_nothing_printed_tells_a_number():
    shown = computed(lambda x, y: f"{x!r} {(x < y)!r} {x} {[x]}")
    assert shown.count("secret, shape=(3, 4)") == 4
    assert not any(f"{value:.2f}" in shown for value in X.ravel())


def test_what_does_not_go_together_is_refused():
    def other_bits(session):
        x = Shared.input(session, 0, X if session.party.index == 0 else None, X.shape)
        y = Shared.input(session, 0, X if session.party.index == 0 else None, X.shape, fraction_bits=8)
        return x + y

    with pytest.raises(ValueError, match="fractional bits"):
        run_locally(other_bits, security="passive")
    with pytest.raises(DataError, match="not finite"):
        computed(lambda x, y: x + np.inf)


@pytest.mark.parametrize("security", ["passive", "active"])
@pytest.mark.filterwarnings("error")
def test_single_numbers_wrap_without_a_warning(security):
    """Of numpy's own, which would depend on the shares."""

    def program(session):
        x = Shared.input(session, 0, np.full(4, 1.5) if session.party.index == 0 else None, (4,))
        total = x.sum()
        found = [total * total, x.dot(x), total + total, x[0] - x[1], (x[0] > total).where(x[0], total)]
        return [float(each.open()) for each in found]

    for result in run_locally(program, security=security)[:1]:
        np.testing.assert_allclose(result, [36, 9, 12, 0, 6], atol=1e-3)


def test_an_input_that_is_no_number_is_not_shown():
    def program(session):
        Shared.input(session, 0, ["a diagnosis"] if session.party.index == 0 else None, (1,))

    with pytest.raises(DataError, match="not a number") as caught:
        run_locally(program, security="passive", timeout=5.0)
    assert "diagnosis" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__

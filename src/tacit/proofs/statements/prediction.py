"""What a model predicts for each row of a set, as `graph.Graph.decide` has it: one tensor (n,), inside a statement.

*Classes* of a vector are those of ArgMax, the first greatest: the graph's own last layer, or one put behind it. The
class of a single number x is 1 where x >= t, else 0. Behind a Sigmoid, which never falls and depends on f alone, t is
the least argument for which it gives more than one half, so the Sigmoid itself need not be proved; else t = 1. With a
bit q for each row, committed,

    (2 q - 1) (x - t) = w - q + 1,      w >= 0 (digits),

which is x - t = w where q is 1 and x - t = -1 - w where it is 0, so q is the class. *Numbers*: the output itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tacit import canonical
from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.graph.layers import Sigmoid
from tacit.proofs.architecture import Architecture, Step
from tacit.proofs.argument.claims import Point
from tacit.proofs.forward import Forward
from tacit.proofs.layers.argmax import ArgMax
from tacit.proofs.layers.committed import MOST_BITS
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.plan import MOST_DIGIT_BITS
from tacit.proofs.tensors import Axes, Form, Part, Tensor, bits_of

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

PREDICTION = "the prediction"
CHECK = "the predicted class"


class Prediction(ABC):
    """classes: how many, 0 for numbers; tensor: class numbers, or encoded numbers (n,)."""

    classes: int
    tensor: Tensor

    def __init__(self, forward: Forward) -> None:
        self.forward = forward
        self.rows = Axes(forward.output.axes.sizes[:1])

    def verify(self, verifying: Verifying) -> None:
        """Check the layers, and what is between their output and the prediction."""
        self.forward.verify(verifying)
        self._verify(verifying)

    def evaluate(self, values: Values) -> Ints:
        """The prediction (n,), from the input's tensor."""
        self.forward.evaluate(values)
        return self._evaluate(values)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        self.forward.prove(proving)
        self._prove(proving)

    def unsound(self) -> int:
        """The layers' lookups, in values of a challenge."""
        return self.forward.unsound()

    def _last(self, values: Values) -> Ints:
        return values.tensors[self.forward.layers[-1].step.name]

    @abstractmethod
    def _verify(self, verifying: Verifying) -> None: ...
    @abstractmethod
    def _evaluate(self, values: Values) -> Ints: ...
    @abstractmethod
    def _prove(self, proving: Proving) -> None: ...


def predict(architecture: Architecture, planner: Planner, rows: Tensor, *, classes: bool) -> Prediction:
    """The prediction of a model on rows: of classes, or of numbers. ProofError where it gives none such."""
    last = architecture.steps[-1]
    if not classes:
        return Number(Forward(architecture, planner, rows))
    if last.kind == Sigmoid.kind and len(architecture.steps) > 1:
        trunk = _without_last(architecture)
        return Threshold(Forward(trunk, planner, rows), planner, _least_over_half(architecture.fraction_bits))
    forward = Forward(architecture, planner, rows)
    if last.kind == ArgMax.kind:
        return Greatest(forward, forward.layers[-1])
    if prod(forward.output.shape) == 1:
        half = 1 << (architecture.fraction_bits - 1) if last.kind == Sigmoid.kind else 0
        return Threshold(forward, planner, half + 1)
    names = {step.name for step in architecture.steps}
    name = next(PREDICTION + "'" * i for i in range(len(names) + 1) if PREDICTION + "'" * i not in names)
    step = Step(ArgMax.kind, name, (last.name,), options={}, parameters={}, parameter_bits={}, bits=0)
    return Greatest(forward, ArgMax(step, [forward.output], planner))


class Number(Prediction):
    """A single output, as it is."""

    def __init__(self, forward: Forward) -> None:
        super().__init__(forward)
        self.classes = 0
        self.tensor = _single(forward.output, self.rows)

    def _verify(self, verifying: Verifying) -> None:
        """Nothing more."""

    def _evaluate(self, values: Values) -> Ints:
        return self._last(values).reshape(-1)

    def _prove(self, proving: Proving) -> None:
        """Nothing more."""


class Greatest(Prediction):
    """The place of the first greatest output."""

    def __init__(self, forward: Forward, layer: object) -> None:
        super().__init__(forward)
        assert isinstance(layer, ArgMax)
        self._layer = layer
        self._appended = layer is not forward.layers[-1]
        (self.classes,) = layer.classes.sizes
        parts = tuple(
            Part(part.factor * i, part.block, bits_of(i, layer.classes.variables))
            for part in layer.selected.parts
            for i in range(1, self.classes)
        )
        self.tensor = Tensor((), self.rows, parts)

    def _verify(self, verifying: Verifying) -> None:
        if self._appended:
            self._layer.verify(verifying)

    def _evaluate(self, values: Values) -> Ints:
        if self._appended:
            self._layer.evaluate(values)
        return values.tensors[self._layer.step.name].reshape(-1) >> values.fraction_bits

    def _prove(self, proving: Proving) -> None:
        if self._appended:
            self._layer.prove(proving)


class Threshold(Prediction):
    """Whether a single number is at least t."""

    def __init__(self, forward: Forward, planner: Planner, least: int) -> None:
        super().__init__(forward)
        self.classes = 2
        self._least = least
        self._score = _single(forward.output, self.rows)
        bits = max(planner.bits(forward.layers[-1].step.name), least.bit_length()) + 1
        exact = bits + MOST_DIGIT_BITS > MOST_BITS
        self.tensor = Tensor((), self.rows, planner.limbs(f"{PREDICTION}/class", self.rows, 1, exact=True))
        self._distance = Tensor((), self.rows, planner.limbs(f"{PREDICTION}/distance", self.rows, bits, exact=exact))

    def _verify(self, verifying: Verifying) -> None:
        tau = verifying.point(self.rows.variables)
        total = verifying.evaluation(self._side(tau), CHECK)
        at, value = verifying.weighted(total, tau)
        sign = verifying.evaluation(self._sign.at(at), CHECK)
        over = verifying.evaluation(self._over.at(at), CHECK)
        verifying.receiver.require_zero(verifying.product(sign, over) - value, CHECK)

    def _evaluate(self, values: Values) -> Ints:
        over = self._last(values).reshape(-1) - self._least
        chosen = (over >= 0).astype(np.int64)
        values.put(f"{PREDICTION}/class", chosen)
        values.put(f"{PREDICTION}/distance", np.where(chosen == 1, over, -1 - over))
        return chosen

    def _prove(self, proving: Proving) -> None:
        tau = proving.point(self.rows.variables)
        side = self._side(tau)
        proving.evaluation(side)
        pair = proving.table(self._sign), proving.table(self._over)
        at, _ = proving.weighted(proving.value(side), tau, [pair])
        proving.evaluation(self._sign.at(at))
        proving.evaluation(self._over.at(at))

    @property
    def _sign(self) -> Tensor:
        """2 q - 1."""
        parts = tuple(Part(2 * part.factor, part.block, part.tail) for part in self.tensor.parts)
        return Tensor((), self.rows, parts, constant=-1)

    @property
    def _over(self) -> Tensor:
        """x - t."""
        return self._score + Tensor((), self.rows, constant=-self._least)

    def _side(self, tau: Point) -> Form:
        """w - q + 1 at a point."""
        ones = Form(constant=self.rows.indicator(tau))
        return self._distance.at(tau) - self.tensor.at(tau) + ones


def _single(output: Tensor, rows: Axes) -> Tensor:
    """A tensor of one number for each row, as (n,)."""
    if prod(output.axes.sizes[1:]) != 1:
        raise ProofError(f"the model gives outputs of shape {output.shape}, and a single number is needed")
    given = tuple((factor, values.reshape(-1)) for factor, values in output.public)
    return Tensor((), rows, output.parts, output.constant, given)


def _without_last(architecture: Architecture) -> Architecture:
    described = msgspec.json.decode(architecture.data)
    described["steps"].pop()
    return Architecture.from_bytes(canonical.encode(described))


def _least_over_half(fraction_bits: int) -> int:
    """The least argument for which the Sigmoid gives more than one half: by bisection, as it never falls."""
    layer, half = Sigmoid("sigmoid", ("input",)), 1 << (fraction_bits - 1)
    low, high = -(1 << (fraction_bits + 5)), 1 << (fraction_bits + 5)  # half or less at low, more at high
    while high - low > 1:
        middle = (low + high) // 2
        (value,) = layer.evaluate([np.array([middle])], fraction_bits).tolist()
        low, high = (low, middle) if value > half else (middle, high)
    return high

"""MaxPool: y is no less than any element that its window reads, and equal to one of them.

For each place j of the window, below_j = y - x_j is committed, in [0, 2^(bits+1)), where x_j is what the windows read
there, and -2^bits, which is less than any value, where that is padding. The product of all below_j is zero at every
window: then y is the greatest, and only the greatest.

The differences, at a random point and mixed by powers of two challenges (one for each axis of the window), are a sum
of x with weights that the verifier computes (`sliding`); the products are a sumcheck of eq(tau, z) prod_j below_j(z),
of which the prover says the partial products at the end, so that each check has one multiplication.

Messages: 1, 2 for each variable of (h, w), and 1; then as many as places for each variable of the windows, and twice
as many less 2.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.layers.windows import windows
from tacit.proofs import field
from tacit.proofs.argument.claims import Point
from tacit.proofs.field import ONE, ZERO, Element, Words
from tacit.proofs.layers import committed, sliding
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.plan import MOST_DIGIT_BITS
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

MOST_PLACES = 64


@provable("max_pool")
class MaxPool(ProvableLayer):
    """No parameters."""

    def plan(self, planner: Planner) -> None:
        """y, and what each place is below it."""
        step, (x,) = self.step, self.inputs
        if len(x.shape) != 3 or x.axes.sizes[1:] != x.shape:
            raise self.unfit(f"an input of axes {x.axes.sizes[1:]} is no image")
        self.size, self.stride, self.padding = (step.pair(name) for name in ("size", "stride", "padding"))
        if prod(self.size) > MOST_PLACES:
            raise self.unfit(f"a window of {self.size} has more than {MOST_PLACES} places")
        self.over = sliding.of_layer(self, x.shape, self.size, self.stride, self.padding)
        self.bits = planner.bits(step.inputs[0])
        if any(self.padding):  # which stands for less than any value that is proved to be possible
            self.bits = max(self.bits, (-x.ends[0] - 1).bit_length())
        if max(self.bits, step.bits) + 1 > committed.MOST_BITS:
            raise self.unfit(f"differences of {self.bits} bits are over {committed.MOST_BITS}")
        shape = (x.shape[0], self.over[0].windows, self.over[1].windows)
        self.axes = Axes((x.axes.sizes[0], *shape))
        self.output = committed.signed(planner, step.name, shape, self.axes, step.bits)
        exact = self.bits + 1 + MOST_DIGIT_BITS > committed.MOST_BITS
        self.below = [
            Tensor(shape, self.axes, planner.limbs(self._named(place), self.axes, self.bits + 1, exact=exact))
            for place in range(prod(self.size))
        ]

    def verify(self, verifying: Verifying) -> None:
        """The differences at a random point, and that one of them is zero at each window."""
        check = f"layer {self.step.name!r}: greatest"
        tau = verifying.point(self.axes.variables)
        mixing = verifying.point(2)
        rows, channels, *places = self.axes.split(tau)
        total = verifying.receive()
        verifying.equal(self._read(tau, mixing), total, check)

        def weight(height: Point, width: Point) -> Element:
            mixed = [
                _mixed(each.values(place, at), challenge)
                for each, place, at, challenge in zip(self.over, places, (height, width), mixing, strict=True)
            ]
            return mixed[0] * mixed[1]

        sliding.verify_sum(verifying, self.inputs[0], rows + channels, total, weight, check)
        self._verify_product(verifying, check)
        committed.verify_split(verifying, self.output, self.step.name)

    def unsound(self) -> int:
        """Bad values of its challenges: the sumcheck's degree is the number of places, as is that of the mixing."""
        return len(self.below) * self.axes.variables + sum(self.size)

    def evaluate(self, values: Values) -> None:
        """The greatest, and the differences."""
        x = values.tensors[self.step.inputs[0]]
        view = windows(x, self.size, self.stride, self.padding, -(1 << self.bits))
        y = view.max(axis=(-2, -1))
        values.tensors[self.step.name] = y
        committed.put(values, self.step.name, self.output, y, self.step.bits)
        for place, each in enumerate(np.moveaxis(view.reshape(*y.shape, prod(self.size)), -1, 0)):
            values.put(self._named(place), y - each)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(self.axes.variables)
        mixing = proving.point(2)
        rows, channels, *places = self.axes.split(tau)
        proving.send(proving.value(self._read(tau, mixing)))
        proving.equal(self._read(tau, mixing))
        down, across = (
            _mix(each.table(place, variables), challenge)
            for each, place, variables, challenge in zip(self.over, places, x.axes.each[-2:], mixing, strict=True)
        )
        sliding.prove_sum(proving, x, rows + channels, sliding.outer(down, across, proving.multiply))
        self._prove_product(proving)
        committed.prove_split(proving, self.output)

    def _read(self, tau: Point, mixing: Point) -> Form:
        """The sum over places of x_j at a point without its padding, mixed: of y, what is below it, and the padding."""
        inside = [each.inside(place) for each, place in zip(self.over, self.axes.split(tau)[2:], strict=True)]
        images = Axes(self.axes.sizes[:2]).indicator(tau[: sum(self.axes.each[:2])])
        real, output = self.axes.indicator(tau), self.output.at(tau)
        total = Form()
        for place, below in enumerate(self.below):
            down, across = divmod(place, self.size[1])
            outside = real - images * inside[0][down] * inside[1][across]
            read = output - below.at(tau) + Form(constant=outside * (1 << self.bits))
            total = total + read * (_power(mixing[0], down) * _power(mixing[1], across))
        return total

    def _verify_product(self, verifying: Verifying, check: str) -> None:
        tau = verifying.point(self.axes.variables)
        at, value = verifying.weighted(ZERO, tau, len(self.below))
        product = verifying.evaluation(self.below[0].at(at), check)
        for place, below in enumerate(self.below[1:], start=1):
            full = verifying.product(product, verifying.evaluation(below.at(at), check))
            if place == len(self.below) - 1:
                product = full
            else:
                product = verifying.receive()
                verifying.receiver.require_zero(full - product, check)
        verifying.receiver.require_zero(product - value, check)

    def _prove_product(self, proving: Proving) -> None:
        tau = proving.point(self.axes.variables)
        at, (product, *others) = proving.weighted_product(tau, [proving.table(below) for below in self.below])
        proving.evaluation(self.below[0].at(at))
        for below, other in zip(self.below[1:], others, strict=True):
            proving.evaluation(below.at(at))
            product = product * other
            if below is not self.below[-1]:
                proving.send(product)

    def _named(self, place: int) -> str:
        return f"{self.step.name}/below/{place}"


def _power(base: Element, exponent: int) -> Element:
    result = ONE
    for _ in range(exponent):
        result = result * base
    return result


def _mixed(values: list[Element], challenge: Element) -> Element:
    """The sum over places of challenge^place * value."""
    total = ZERO
    for value in reversed(values):
        total = total * challenge + value
    return total


def _mix(tables: Words, challenge: Element) -> Words:
    """The same of tables, (places, n, 2) to (n, 2)."""
    return field.total(field.multiply_extension(tables, field.powers(challenge, len(tables))[:, None]))

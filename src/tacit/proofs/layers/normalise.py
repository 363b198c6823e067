"""Normalise: y = rescale(x * scale + offset, g), one weighted sumcheck of sum_z eq(tau, z) x(z) s(z).

scale and offset have one value for each feature, or for each entry of some axes of the input: s(z) depends on the
coordinates of those axes alone, and at a point it is the scale's extension at that part of the point.

Messages: 2, then 2 for each variable, then up to 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.layers.affine import Affine
from tacit.proofs.argument.claims import Block, Point, Term
from tacit.proofs.field import ONE, Element, Words
from tacit.proofs.layers import committed
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable, row
from tacit.proofs.layers.rescaling import Rescaling, reach
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.multilinear import indicator
from tacit.proofs.tensors import Axes, Form

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("normalise")
class Normalise(ProvableLayer):
    """Parameters: scale and offset, of one shape: (1,), or the input's with some axes of length 1."""

    def plan(self, planner: Planner) -> None:
        """y and the remainder."""
        step, (x,) = self.step, self.inputs
        scale, offset, sizes = step.parameters.get("scale", ()), step.parameters.get("offset", ()), row(x.axes)
        if scale == (1,):
            own = (1,) * len(sizes)
        elif scale == x.shape:
            own = sizes
        elif x.shape == sizes and len(scale) == len(sizes):
            own = scale
        else:
            own = ()
        if not own or offset != scale or any(o not in (1, size) for o, size in zip(own, sizes, strict=True)):
            raise self.unfit(f"scale {scale} and offset {offset} do not fit an input of shape {x.shape}")
        self.own = Axes(own)
        self.scale = planner.parameter(step.name, "scale", self.own)
        self.offset = planner.parameter(step.name, "offset", self.own)
        self.rescaling = Rescaling(planner, step, x.shape, x.axes, step.number("weight_bits"))
        self.output = self.rescaling.output

    def verify(self, verifying: Verifying) -> None:
        """The relation at a random point, and the sumcheck of the products."""
        (x,), check = self.inputs, f"layer {self.step.name!r}: scale"
        tau = verifying.point(x.axes.variables)
        total = verifying.receive()
        offset = verifying.evaluation(self._at(self.offset, tau), check)
        verifying.equal(self.rescaling.at(tau), total + offset * self._shared(tau), check)
        at, value = verifying.weighted(total, tau)
        entry = verifying.evaluation(x.at(at), check)
        scale = verifying.evaluation(self._at(self.scale, at), check)
        verifying.receiver.require_zero(verifying.product(entry, scale) - value, check)
        committed.verify_split(verifying, self.output, self.step.name)

    def evaluate(self, values: Values) -> None:
        """The graph's own products."""
        layer = values.layers[self.step.name]
        assert isinstance(layer, Affine)
        factor, term = layer.parts()
        self.rescaling.put(values, layer.products(values.tensors[self.step.inputs[0]], factor) + term)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(x.axes.variables)
        offset = self._at(self.offset, tau)
        total = proving.value(self.rescaling.at(tau) - offset * self._shared(tau))
        proving.send(total)
        proving.evaluation(offset)
        proving.equal(self.rescaling.at(tau))
        at, _ = proving.weighted(total, tau, [(proving.table(x), self._spread(proving.block(self.scale)))])
        proving.evaluation(x.at(at))
        proving.evaluation(self._at(self.scale, at))
        committed.prove_split(proving, self.output)

    def reach(self) -> int:
        """The size of one product and the offset."""
        return reach(self.step, self.inputs[0], 1, weight="scale", bias="offset")

    def _at(self, block: Block, point: Point) -> Form:
        """A parameter at the part of a point that it depends on."""
        parts = self.inputs[0].axes.split(point)[1:]
        kept = tuple(each for part, size in zip(parts, self.own.sizes, strict=True) if size > 1 for each in part)
        return Form((Term(ONE, block, kept),))

    def _shared(self, point: Point) -> Element:
        """One at the real entries of the axes that share a value, whatever the others: there the offset is added."""
        axes, result = self.inputs[0].axes, ONE
        for part, size, own in zip(axes.split(point), axes.sizes, (1, *self.own.sizes), strict=True):
            if own == 1:
                result = result * indicator(size, part)
        return result

    def _spread(self, table: Words) -> Words:
        """A parameter's table for all of the input's entries (2^variables,)."""
        spread = np.broadcast_to(table.reshape(1, *self.own.padded), self.inputs[0].axes.padded)
        return np.ascontiguousarray(spread).reshape(-1)

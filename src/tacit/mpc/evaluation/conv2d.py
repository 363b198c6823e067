"""Conv2d on shares: the windows as rows of one matrix, times the weights.

1 round, 8 bytes for each element of the output. Padding with zeros costs nothing: zero is a share of zero.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tacit.graph.fixed import Shape
from tacit.graph.layers.windows import windows
from tacit.mpc.evaluation.affine import SharedAffine
from tacit.mpc.evaluation.layer import WORDS, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import matmul
from tacit.mpc.replicated import Arithmetic, Words


@shared("conv2d")
class SharedConv2d(SharedAffine):
    """(rows, channels, height, width) to (rows, outputs, rows of windows, columns of windows)."""

    def products(self, party: Party, step: Step, x: Arithmetic, factor: Arithmetic) -> Protocol[Arithmetic]:
        """One matrix product, (rows * places, channels * kernel) by (channels * kernel, outputs)."""
        outputs, channels, height, width = factor.shape
        kernel, depth = (height, width), channels * height * width
        stride, padding = step.pair("stride"), step.pair("padding")

        def unrolled(words: Words) -> Words:
            view = windows(words, kernel, stride, padding, 0)
            return view.transpose(0, 2, 3, 1, 4, 5).reshape(-1, depth)

        rows = x.map(unrolled)
        places = windows(x.own[:, :1], kernel, stride, padding, 0).shape[2:4]
        sums = yield from matmul(party, rows, factor.map(lambda words: words.reshape(outputs, depth).T))
        shape = (x.shape[0], *places, outputs)
        return sums.map(lambda words: np.moveaxis(words.reshape(shape), 3, 1))

    def words(self, step: Step, before: Shape, after: Shape) -> int:
        """The unrolled windows and what is made of them."""
        return prod(step.weights[0][1:]) * prod(after[1:]) + WORDS * prod(after)

    def spread(self, term: Arithmetic, ndim: int) -> Arithmetic:
        """(outputs,) for every place."""
        return term.reshape(-1, 1, 1)

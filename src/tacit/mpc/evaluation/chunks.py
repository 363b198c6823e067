"""How many rows of a batch go through a graph at once, so that memory stays within a bound.

In passive mode a layer's words are given up when it is done, so the largest layer decides; in active mode all wait to
be verified, so their sum does, and what a chunk leaves is verified before the next. The number of rows follows from
the skeleton alone. Each chunk takes the rounds of a whole batch, so chunks are as large as the bound allows: every
batch of up to 1,024 rows of an MLP of some thousand units is one.
"""

from __future__ import annotations

from math import prod

from tacit.mpc.evaluation.layer import SHARED
from tacit.mpc.evaluation.skeleton import Skeleton

LARGEST_LAYER = 2**26  # words of a share that one layer may take
ALL_LAYERS = 2**25  # words that may wait for verification; verifying so many takes some 1.7 GB in all


def rows_at_once(skeleton: Skeleton, *, active: bool) -> int:
    """The rows of a chunk, at least one."""
    words = [
        SHARED[step.kind].words(step, skeleton.shapes[step.inputs[0]], shape)
        for step, shape in zip(skeleton.steps, skeleton.shapes[1:], strict=True)
    ]
    weights = sum(prod(shape) for shape in skeleton.weight_shapes)
    if active:
        return max(1, (ALL_LAYERS - weights) // sum(words))
    return max(1, LARGEST_LAYER // max(words))

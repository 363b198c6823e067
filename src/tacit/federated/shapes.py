"""The shapes of a model's parameters, from the agreement alone: without torch, and without memory for a single one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod

from tacit.errors import AgreementError
from tacit.study import Agreement
from tacit.study.model import MAX_PARAMETERS, image_shapes

Shape = tuple[int, ...]


def layer_widths(agreement: Agreement) -> tuple[int, ...]:
    """Return the number of features, the widths of the hidden layers, and the number of outputs."""
    schema = agreement.data
    outputs = len(schema.classes) if schema.task == "multiclass" else 1
    return (len(schema.features), *agreement.model.hidden, outputs)


def dense_widths(agreement: Agreement) -> tuple[int, ...]:
    """Return the widths of the dense layers: of a `cnn`, from what its convolutions give."""
    shapes, widths = image_shapes(agreement.model), layer_widths(agreement)
    return (prod(shapes[-1]), *widths[1:]) if shapes else widths


def parameter_shapes(agreement: Agreement) -> tuple[Shape, ...]:
    """Return the shapes of weights and biases, in the order of the vector; of kind `torch`, the module alone has them.

    A weight is (outputs, inputs) or (outputs, channels, height, width), a bias (outputs,).
    """
    return tuple(_shapes(agreement))


def parameter_count(agreement: Agreement) -> int:
    """Return the number of weights and biases.

    Raises:
        AgreementError: they are more than can be trained here.
    """
    model = agreement.model
    count = model.parameters if model.kind == "torch" else sum(map(prod, _shapes(agreement)))
    if count > MAX_PARAMETERS:
        raise AgreementError(
            f"the model has {count:,} parameters, and {MAX_PARAMETERS:,} are the most: fewer or narrower layers, "
            "or more pooling"
        )
    return count


def _shapes(agreement: Agreement) -> Iterator[Shape]:
    model = agreement.model
    for (channels, *_), layer in zip(image_shapes(model), model.convolutions, strict=False):
        yield from ((layer.channels, channels, layer.kernel, layer.kernel), (layer.channels,))
    for before, after in itertools.pairwise(dense_widths(agreement)):
        yield from ((after, before), (after,))

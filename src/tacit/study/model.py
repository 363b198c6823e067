"""The agreement's model: its kind, its sizes, and for torch code of one's own the file that is meant, by its digest."""

from __future__ import annotations

import re
from math import prod
from typing import Literal

import msgspec

from tacit.data import Schema
from tacit.errors import AgreementError

MAX_PARAMETERS = 20_000_000
MAX_WIDTH = 4096
MAX_LAYERS = 8
MAX_KERNEL = 64

Kind = Literal["linear", "logistic", "mlp", "cnn", "torch"]
Image = tuple[int, int, int]

_OF_ONE_KIND = {
    "hidden": ("mlp", "the width of each hidden layer: [16], say"),
    "image": ("cnn", "[channels, height, width]: [1, 28, 28], say"),
    "convolutions": ("cnn", "a table [[model.convolutions]] with channels and kernel for each"),
    "factory": ("torch", "'package.module:function'"),
    "source": ("torch", "'sha256:' and what `sha256sum FILE` prints for the module"),
    "parameters": ("torch", "how many the module has"),
}
_FACTORY = re.compile(r"(?=.{3,200}\Z)[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*\Z")
_SOURCE = re.compile(r"sha256:[0-9a-f]{64}\Z")


class Convolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A convolution with a square `kernel` and stride 1, ReLU, and pooling over squares of side `pool` (1: none)."""

    channels: int
    kernel: int
    padding: int = 0
    pool: int = 1
    pooling: Literal["average", "max"] = "average"


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The model to train; docs/models.md says what each kind is.

    `linear` (regression) and `logistic` (classes) are convex, `mlp` has ReLU layers of the `hidden` widths. `cnn` takes
    each row's features as an `image` of (channels, height, width), the last axis fastest, through `convolutions`, then
    the layers of an `mlp`, if any. `torch` is what the function `factory`, "package.module:function", returns, from the
    very file with the SHA-256 `source`; it has so many `parameters`.
    """

    kind: Kind
    hidden: tuple[int, ...] = ()
    fraction_bits: int = 16
    seed: int = 0
    image: Image | None = None
    convolutions: tuple[Convolution, ...] = ()
    factory: str = ""
    source: str = ""
    parameters: int = 0


def check_model(model: Model, schema: Schema) -> None:
    """Check that there is such a model for the features and the label of `schema`.

    Raises:
        AgreementError: names the setting, and what would do.
    """
    _refuse_unless(8 <= model.fraction_bits <= 20, "model.fraction_bits must be 8 to 20")
    _refuse_unless(0 <= model.seed < 2**63, "model.seed must be 0 or more")
    _check_kind(model, schema)
    _refuse_unless(
        all(1 <= width <= MAX_WIDTH for width in model.hidden) and len(model.hidden) <= MAX_LAYERS,
        f"model.hidden: at most {MAX_LAYERS} layers of 1 to {MAX_WIDTH} units",
    )
    if model.kind == "cnn":
        _check_image(model, len(schema.features))
    if model.kind == "torch":
        _check_factory(model)


def image_shapes(model: Model) -> tuple[Image, ...]:
    """Return the shapes (channels, height, width) of a `cnn`: the image, and what leaves each convolution's pooling.

    Raises:
        AgreementError: a kernel or a pool is larger than what it is given.
    """
    if model.image is None:
        return ()
    shapes = [model.image]
    for place, layer in enumerate(model.convolutions, 1):
        sides = [side + 2 * layer.padding - layer.kernel + 1 for side in shapes[-1][1:]]
        given = " x ".join(map(str, shapes[-1][1:]))
        _refuse_unless(
            min(sides) >= 1,
            f"convolution {place} of model.convolutions has a kernel of {layer.kernel}, and is given {given} with "
            f"padding {layer.padding}: a smaller kernel, more padding or less pooling before it would fit",
        )
        _refuse_unless(
            min(sides) >= layer.pool,
            f"convolution {place} of model.convolutions pools squares of {layer.pool}, and has "
            f"{sides[0]} x {sides[1]} to pool: pool less",
        )
        shapes.append((layer.channels, sides[0] // layer.pool, sides[1] // layer.pool))
    return tuple(shapes)


def _check_kind(model: Model, schema: Schema) -> None:
    """Refuse what the kind has no use for, or the label has not."""
    kind, task = model.kind, schema.task
    for name, (whose, form) in _OF_ONE_KIND.items():
        given = bool(getattr(model, name))
        also = ", and for 'cnn'" if name == "hidden" else ""
        remedy = f"choose that kind, or leave it out with {kind!r}" if given else f"set it, {form}"
        _refuse_unless(
            given == (kind == whose) or (name == "hidden" and kind == "cnn"),
            f"model.{name} is for kind {whose!r}, which needs it{also}: {remedy}",
        )
    _refuse_unless(
        kind != "linear" or task == "regression",
        f"model.kind 'linear' predicts a number, but the label {schema.label!r} is {task}: choose 'logistic' or 'mlp'",
    )
    _refuse_unless(
        kind != "logistic" or task != "regression",
        f"model.kind 'logistic' predicts a class, but the label {schema.label!r} is a number: choose 'linear' or 'mlp'",
    )


def _check_image(model: Model, features: int) -> None:
    image, most = model.image or (0, 0, 0), 10 * MAX_WIDTH
    _refuse_unless(
        all(1 <= side <= most for side in image), f"model.image: (channels, height, width), 1 to {most} each"
    )
    _refuse_unless(
        prod(image) == features,
        f"model.image {' x '.join(map(str, image))} has {prod(image)} numbers, but the columns make {features} "
        "features: they must be one for each number of the image, row by row",
    )
    _refuse_unless(len(model.convolutions) <= MAX_LAYERS, f"model.convolutions: at most {MAX_LAYERS}")
    for place, layer in enumerate(model.convolutions, 1):
        where = f"convolution {place} of model.convolutions"
        _refuse_unless(1 <= layer.channels <= MAX_WIDTH, f"{where}: channels must be 1 to {MAX_WIDTH}")
        _refuse_unless(1 <= layer.kernel <= MAX_KERNEL, f"{where}: kernel must be 1 to {MAX_KERNEL}")
        _refuse_unless(0 <= layer.padding < layer.kernel, f"{where}: padding must be 0 or more, below kernel")
        _refuse_unless(1 <= layer.pool <= MAX_KERNEL, f"{where}: pool must be 1 (none) to {MAX_KERNEL}")
    image_shapes(model)


def _check_factory(model: Model) -> None:
    _refuse_unless(
        bool(_FACTORY.match(model.factory)),
        "model.factory must be 'package.module:function', of letters, digits and '_', at most 200 characters",
    )
    _refuse_unless(
        bool(_SOURCE.match(model.source)),
        "model.source must be 'sha256:' and the 64 hexadecimal digits that `sha256sum FILE` prints for the module",
    )
    _refuse_unless(
        1 <= model.parameters <= MAX_PARAMETERS, f"model.parameters must be 1 to {MAX_PARAMETERS:,}: count them all"
    )


def _refuse_unless(holds: bool, message: str) -> None:
    if not holds:
        raise AgreementError(message)

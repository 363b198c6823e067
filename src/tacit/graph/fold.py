"""Folding: a Normalise beside a Linear or a Conv2d becomes part of its weights, in floats, before any rounding.

With v = x * s + o:  W v + b = (W s) x + (b + W o), and (W x + b) * s + o = (s W) x + (s b + o). A Normalise before a
Flatten or an Unflatten moves behind it. Only where no other layer reads the tensor that disappears.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tacit.graph.fixed import Floats, Shape
from tacit.graph.layers import INPUT, Conv2d, Flatten, FloatLayer, Linear, Normalise, Unflatten


def fold(layers: Sequence[FloatLayer], known: Mapping[str, Shape]) -> tuple[list[FloatLayer], list[str]]:
    """The layers without the Normalise that could be folded, and a line for each that was.

    layers: named, inputs named, in order. known: the shape of every tensor.
    """
    kept, notes, shapes = list(layers), list[str](), dict(known)
    while True:
        readers: dict[str, list[FloatLayer]] = {layer.name: [] for layer in kept}
        for layer in kept:
            for source in set(layer.inputs) - {INPUT}:
                readers[source].append(layer)
        for layer in kept:
            step = _fold_one(kept, layer, readers, shapes) if layer.kind is Normalise else None
            if step is not None:
                kept, note = step
                notes.append(note)
                break
        else:
            return kept, notes


def _fold_one(
    layers: list[FloatLayer],
    layer: FloatLayer,
    readers: Mapping[str, Sequence[FloatLayer]],
    shapes: dict[str, Shape],
) -> tuple[list[FloatLayer], str] | None:
    source = layer.inputs[0]
    if source != INPUT and len(readers[source]) == 1:
        before = next(other for other in layers if other.name == source)
        merged = _into_producer(before, layer, shapes)
        if merged is not None:
            return _replace(layers, before, merged, layer, source), f"{layer.name} folded into {source}"
    if len(readers[layer.name]) != 1:
        return None
    after = readers[layer.name][0]
    if after.kind in (Flatten, Unflatten):
        return _behind_reshape(layers, layer, after, shapes), f"{layer.name} moved behind {after.name}"
    merged = _into_reader(after, layer, shapes)
    if merged is None:
        return None
    return _replace(layers, after, merged, layer, source), f"{layer.name} folded into {after.name}"


def _replace(
    layers: list[FloatLayer], old: FloatLayer, new: FloatLayer, gone: FloatLayer, source: str
) -> list[FloatLayer]:
    """`new` in the place of `old`, without `gone`, whose readers now read `source`."""
    kept = [new if layer is old else layer for layer in layers if layer is not gone]
    return [replace(layer, inputs=tuple(source if i == gone.name else i for i in layer.inputs)) for layer in kept]


def _behind_reshape(
    layers: list[FloatLayer], layer: FloatLayer, reshape: FloatLayer, shapes: dict[str, Shape]
) -> list[FloatLayer]:
    """The two change places; whoever read the reshaped tensor now reads the Normalise."""
    before, after = shapes[layer.inputs[0]], shapes[reshape.name]
    weights = {
        name: values.reshape(-1) if values.size == 1 else np.broadcast_to(values, before).reshape(after)
        for name, values in layer.weights.items()
    }
    first = replace(reshape, inputs=layer.inputs)
    second = replace(layer, inputs=(reshape.name,), weights=weights)
    shapes[layer.name] = after
    moved = []
    for other in layers:
        inputs = tuple(layer.name if i == reshape.name else i for i in other.inputs)
        moved.append(first if other is layer else second if other is reshape else replace(other, inputs=inputs))
    return moved


def _into_producer(before: FloatLayer, layer: FloatLayer, shapes: Mapping[str, Shape]) -> FloatLayer | None:
    scale, offset = _by_channel(layer, shapes[before.name])
    if before.kind is Normalise:
        weights = {
            "scale": before.weights["scale"] * layer.weights["scale"],
            "offset": before.weights["offset"] * layer.weights["scale"] + layer.weights["offset"],
        }
        return replace(before, weights=weights)
    if before.kind not in (Linear, Conv2d) or scale is None or offset is None:
        return None
    weight = before.weights["weight"]
    rows = scale.reshape(-1, *[1] * (weight.ndim - 1))
    return replace(before, weights={"weight": weight * rows, "bias": before.weights["bias"] * scale + offset})


def _into_reader(after: FloatLayer, layer: FloatLayer, shapes: Mapping[str, Shape]) -> FloatLayer | None:
    scale, offset = _by_channel(layer, shapes[layer.inputs[0]])
    if after.kind not in (Linear, Conv2d) or scale is None or offset is None:
        return None
    if after.kind is Conv2d and after.options["padding"] != (0, 0) and offset.any():
        return None  # the padding is zero after the offset, not before it
    weight = after.weights["weight"]
    columns = scale.reshape(-1, *[1] * (weight.ndim - 2))
    inner = weight.reshape(*weight.shape[:2], -1).sum(axis=2) if weight.ndim > 2 else weight
    return replace(after, weights={"weight": weight * columns, "bias": after.weights["bias"] + inner @ offset})


def _by_channel(layer: FloatLayer, shape: Shape) -> tuple[Floats | None, Floats | None]:
    """Scale and offset as (channels,), if they are the same all over each channel."""
    found: list[Floats | None] = []
    for name in ("scale", "offset"):
        values = layer.weights[name]
        sides = values.shape[1:] if values.ndim == len(shape) else (1,)
        flat = np.broadcast_to(values, (shape[0], *sides)).reshape(shape[0], -1)
        found.append(flat[:, 0].copy() if (flat == flat[:, :1]).all() else None)
    return found[0], found[1]

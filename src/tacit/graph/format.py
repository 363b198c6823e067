"""The bytes of a graph: a safetensors file whose metadata holds the structure as canonical JSON.

    8 bytes   length of the header, little-endian
    header    JSON without spaces, padded with spaces to a multiple of 8 bytes:
              {"__metadata__": {"tacit.graph/1": structure}, "input/low": entry, "input/high": entry, "NAME/FIELD": ...}
    data      little-endian, the tensors in the header's order, without gaps

`structure` is a string: the JSON, keys sorted, without spaces, of
{"fraction_bits": f, "layers": [{"inputs": [...], "kind": "...", "name": "...", "options": {...}}, ...]}.
An entry is {"dtype": "F64" or "I64", "shape": [...], "data_offsets": [begin, end]}. The input's range is F64, the
layers' tensors are I64, in the order of the layers and of their fields.

A new kind of layer is no new version: the bytes of graphs without it stay as they are, and who does not know it
refuses it by its name.

The bytes are written here, not by the safetensors package, because a graph's digest must not depend on a version of
it; any safetensors reader reads them. Decoding refuses what `encode` would not have written, byte for byte.
"""

from __future__ import annotations

from dataclasses import fields
from math import prod
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tacit import canonical
from tacit.errors import FormatError, GraphError
from tacit.graph.graph import Graph
from tacit.graph.layers import INPUT, LAYERS, Layer
from tacit.graph.structure import MAX_LAYERS, MAX_RANK

VERSION = "tacit.graph/1"
MAX_HEADER = 2**21
_DTYPES = {"F64": np.dtype("<f8"), "I64": np.dtype("<i8")}


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: Literal["F64", "I64"]
    shape: list[int]
    data_offsets: tuple[int, int]


class _Step(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[str]
    kind: str
    name: str
    options: dict[str, int | list[int]]


class _Structure(msgspec.Struct, forbid_unknown_fields=True):
    fraction_bits: int
    layers: list[_Step]


def encode(graph: Graph) -> bytes:
    """The graph's bytes: the same for the same graph, on every machine."""
    tensors: dict[str, npt.NDArray[Any]] = {f"{INPUT}/low": graph.low, f"{INPUT}/high": graph.high}
    steps = []
    for layer in graph.layers:
        options: dict[str, Any] = {}
        for item in fields(layer)[2:]:
            value = getattr(layer, item.name)
            if item.metadata.get("tensor"):
                tensors[f"{layer.name}/{item.name}"] = value
            else:
                options[item.name] = value
        steps.append({"inputs": layer.inputs, "kind": layer.kind, "name": layer.name, "options": options})
    structure = canonical.encode({"fraction_bits": graph.fraction_bits, "layers": steps}).decode()
    header: dict[str, Any] = {"__metadata__": {VERSION: structure}}
    parts, offset = [], 0
    for name, array in tensors.items():
        dtype = "F64" if array.dtype == np.float64 else "I64"
        parts.append(array.astype(_DTYPES[dtype], copy=False).tobytes())
        end = offset + len(parts[-1])
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [offset, end]}
        offset = end
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def decode(data: bytes) -> Graph:
    """The graph that these bytes are; FormatError for any bytes that `encode` does not write.

    Time and memory are bounded by the length of the data and by the graph's own limits on work and elements.
    """
    entries, structure, body = _split(data)
    _check_layout(entries, len(body))
    try:
        layers = [_layer(step, entries, body) for step in structure.layers]
        low, high = (_tensor(f"{INPUT}/{end}", "F64", entries, body) for end in ("low", "high"))
        graph = Graph(layers, low, high, structure.fraction_bits)
    except GraphError as error:
        raise FormatError(f"graph: {canonical.quote(str(error))}") from error
    if encode(graph) != data:
        raise FormatError("graph: not in canonical form, or with something besides the graph")
    return graph


def _split(data: bytes) -> tuple[dict[str, _Entry], _Structure, memoryview]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(MAX_HEADER, len(data) - 8):
        raise FormatError(f"graph: the header's length {length} does not fit {len(data)} bytes")
    try:
        header = msgspec.json.decode(data[8 : 8 + length], type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(header.pop("__metadata__", msgspec.Raw(b"{}")), type=dict[str, str])
        if list(metadata) != [VERSION]:
            raise FormatError(f"graph: the metadata must hold {VERSION!r} and nothing else")
        structure = msgspec.json.decode(metadata[VERSION], type=_Structure)
        if not 1 <= len(structure.layers) <= MAX_LAYERS:
            raise FormatError(f"graph: from 1 to {MAX_LAYERS} layers, not {len(structure.layers)}")
        entries = {name: msgspec.json.decode(entry, type=_Entry) for name, entry in header.items()}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise FormatError(f"graph: the header is not what it should be ({canonical.quote(str(error))})") from None
    return entries, structure, memoryview(data)[8 + length :]


def _check_layout(entries: dict[str, _Entry], length: int) -> None:
    """Every tensor begins where the one before ends, and the last one ends with the data: no byte is in two of them.

    So what the layers take is at most what was received, and declared sizes are no promise of more.
    """
    offset = 0
    for name, entry in entries.items():
        (begin, end), rank, shown = entry.data_offsets, len(entry.shape), canonical.quote(name)
        if begin != offset or not begin < end <= length:
            raise FormatError(f"graph: tensor {shown!r} lies outside the data, or not right behind the one before")
        if not 1 <= rank <= MAX_RANK or min(entry.shape) < 1 or 8 * prod(entry.shape) != end - begin:
            raise FormatError(f"graph: the shape of tensor {shown!r} does not fill {end - begin} bytes")
        offset = end
    if offset != length:
        raise FormatError(f"graph: the tensors end at byte {offset}, the data at {length}")


def _layer(step: _Step, entries: dict[str, _Entry], body: memoryview) -> Layer:
    cls = LAYERS.get(step.kind)
    if cls is None:
        kind, known = canonical.quote(step.kind), ", ".join(sorted(LAYERS))
        raise FormatError(f"graph: there are no layers of kind {kind!r}; there are {known}")
    values: list[Any] = [step.name, tuple(step.inputs)]
    options = dict(step.options)
    for item in fields(cls)[2:]:
        if item.metadata.get("tensor"):
            values.append(_tensor(f"{step.name}/{item.name}", "I64", entries, body))
        elif item.name in options:
            option = options.pop(item.name)
            values.append(tuple(option) if isinstance(option, list) else option)
        else:
            raise FormatError(f"graph: layer {canonical.quote(step.name)!r} lacks {item.name}")
    if options:
        raise FormatError(f"graph: layer {canonical.quote(step.name)!r} has options that it should not have")
    return cls(*values)


def _tensor(name: str, dtype: str, entries: dict[str, _Entry], body: memoryview) -> npt.NDArray[Any]:
    """The tensor, as it lies in the data."""
    entry, shown = entries.get(name), canonical.quote(name)
    if entry is None or entry.dtype != dtype:
        raise FormatError(f"graph: there is no {dtype} tensor {shown!r}")
    stored = np.frombuffer(body[slice(*entry.data_offsets)], dtype=_DTYPES[dtype]).reshape(entry.shape)
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)

"""The tensors and attributes of an ONNX model as arrays and plain values, checked first: the file need not be trusted.

A node may have what ONNX's own schema of its operator has in the model's operator set, and nothing else: an attribute
of another version, an input too many, a value of another type is a FormatError, never something that is passed over.
Nothing outside the given bytes is ever read: a tensor whose data lie in another file is refused.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from tacit.canonical import quote
from tacit.errors import FormatError, GraphError

Constant = npt.NDArray[Any]

_MAX_RANK = 8
_WIDTHS = {
    onnx.TensorProto.FLOAT: 4,
    onnx.TensorProto.DOUBLE: 8,
    onnx.TensorProto.INT32: 4,
    onnx.TensorProto.INT64: 8,
    onnx.TensorProto.FLOAT16: 2,
    onnx.TensorProto.BOOL: 1,
}


def constant(tensor: Any, where: str) -> Constant:
    """The array of a TensorProto; GraphError for what is not numbers in these bytes, FormatError where sizes lie."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise GraphError(f"{where}: its data are in another file, which is not read; save the model as one file")
    width = _WIDTHS.get(tensor.data_type)
    if width is None:
        raise GraphError(
            f"{where}: its tensor is of type {type_name(tensor.data_type)}; export the model with float weights,"
            " before any quantisation"
        )
    dims = list(tensor.dims)
    fields = (tensor.float_data, tensor.double_data, tensor.int32_data, tensor.int64_data)
    held = len(tensor.raw_data) if tensor.HasField("raw_data") else width * max(len(field) for field in fields)
    if any(side < 0 for side in dims) or len(dims) > _MAX_RANK or width * prod(dims) != held:
        raise FormatError(f"{where}: a tensor of shape {quote(str(dims[:20]))} in {held} bytes")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{where}: {quote(str(error))}") from error


def attributes(node: Any, version: int, where: str) -> dict[str, Any]:
    """The node's attributes by name: numbers, lists of them, text as str, tensors as arrays.

    version: of the operator set that the node's operator is of, which must have it. FormatError where the node is not
    as the operator's schema there has it.
    """
    schema = onnx.defs.get_schema(node.op_type, version, "" if node.domain == "ai.onnx" else node.domain)
    named = f"{where}: {node.op_type} in operator set {version}"
    for what, number, least, most in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        if not least <= number <= most:
            raise FormatError(f"{named} has from {least} to {most} {what}, not {number}")
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        shown = quote(attribute.name)
        declared = schema.attributes.get(attribute.name)
        if declared is None:
            raise FormatError(f"{named} has no attribute {shown!r}")
        if attribute.name in found:
            raise FormatError(f"{named}: the attribute {shown!r} is there twice")
        if attribute.type != declared.type.value or attribute.ref_attr_name:
            raise FormatError(f"{named}: the attribute {shown!r} is not of type {declared.type.name}")
        found[attribute.name] = _plain(attribute, where)
    for name, declared in schema.attributes.items():
        if declared.required and name not in found:
            raise FormatError(f"{named} lacks its attribute {name!r}")
    return found


def type_name(number: int) -> str:
    """What ONNX calls an element type: FLOAT16 for 10."""
    names = onnx.TensorProto.DataType
    return str(names.Name(number)) if number in names.values() else f"number {number}"


def _plain(attribute: Any, where: str) -> Any:
    if attribute.type == onnx.AttributeProto.TENSOR:
        return constant(attribute.t, where)
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, list):
        return [_text(each) for each in value]
    return _text(value)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

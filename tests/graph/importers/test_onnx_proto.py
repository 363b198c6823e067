from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.errors import FormatError, GraphError
from tacit.graph.importers.onnx_proto import attributes, constant, type_name

from .models import check_onnx, from_onnx, model, node

X = np.random.default_rng(0).uniform(-1, 1, (12, 3)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32, np.int64, np.bool_])
@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
@pytest.mark.parametrize("raw", [True, False])
def test_tensors_of_numbers(dtype: Any, shape: tuple[int, ...], raw: bool) -> None:
    array = np.random.default_rng(0).normal(scale=3, size=shape).astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    listed = helper.make_tensor("t", kind, shape, array.ravel().tolist())
    tensor = numpy_helper.from_array(array) if raw else listed
    found = constant(tensor, "here")
    assert found.dtype == dtype
    assert found.shape == shape
    assert (found == array).all()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TensorProto.BFLOAT16, "BFLOAT16"),
        (TensorProto.INT8, "INT8"),
        (TensorProto.UINT8, "UINT8"),
        (TensorProto.FLOAT8E4M3FN, "FLOAT8E4M3FN"),
        (TensorProto.STRING, "STRING"),
        (TensorProto.COMPLEX64, "COMPLEX64"),
        (TensorProto.UNDEFINED, "UNDEFINED"),
        (99, "number 99"),
    ],
)
def test_other_types_are_refused_by_name(kind: int, name: str) -> None:
    assert type_name(kind) == name
    proto = model([node("Add", "x c")], [None, 3], {"c": np.ones(3)})
    proto.graph.initializer[0].data_type = kind
    with pytest.raises(GraphError, match=f"initializer 'c': its tensor is of type {name}; export the model with float"):
        from_onnx(proto, X)


def test_data_in_another_file_are_never_read(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(3, np.float32).tobytes())
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=str(secret))
    for location in (TensorProto.EXTERNAL, TensorProto.DEFAULT):
        tensor.data_location = location
        with pytest.raises(
            GraphError, match="here: its data are in another file, which is not read; save the model as"
        ):
            constant(tensor, "here")
    proto = model([node("Add", "x c")], [None, 3])
    proto.graph.initializer.append(tensor)
    with pytest.raises(GraphError, match="initializer 'c': its data are in another file"):
        from_onnx(proto, X)


@pytest.mark.parametrize(
    "dims", [[4], [2], [], [3, 0], [-3], [-1, -3], [2**62, 2**62], [2**40], [1] * 9, [3, 2**63 - 1]]
)
@pytest.mark.parametrize("raw", [True, False])
def test_shapes_that_are_not_those_of_the_data(dims: list[int], raw: bool) -> None:
    tensor = numpy_helper.from_array(np.ones(3, np.float32)) if raw else helper.make_tensor("t", 1, [3], [1.0, 1, 1])
    tensor.ClearField("dims")
    tensor.dims.extend(dims)
    with pytest.raises(FormatError, match="here: a tensor of shape .* in 12 bytes"):
        constant(tensor, "here")


def test_no_numbers_in_an_absurd_shape() -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[0, 2**62, 2**62], raw_data=b"")
    with pytest.raises(FormatError, match="here: "):
        constant(tensor, "here")


def test_data_in_the_field_of_another_type() -> None:
    tensor = TensorProto(data_type=TensorProto.INT64, dims=[3], float_data=[1, 2, 3])
    with pytest.raises(FormatError, match="here: cannot reshape"):
        constant(tensor, "here")
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[3], float_data=[1, 2, 3])
    tensor.segment.begin = 1
    with pytest.raises(FormatError, match="segments"):
        constant(tensor, "here")


def test_attributes_become_plain_values() -> None:
    conv = node("Conv", "x w", auto_pad="VALID", group=1, strides=[2, 1])
    assert attributes(conv, 17, "here") == {"auto_pad": "VALID", "group": 1, "strides": [2, 1]}
    assert attributes(node("Gemm", "a b", alpha=0.5), 17, "here") == {"alpha": 0.5}
    labels = node("ZipMap", "x", domain="ai.onnx.ml", classlabels_strings=["a", b"\xff"])
    assert attributes(labels, 1, "here") == {"classlabels_strings": ["a", "\ufffd"]}
    value = numpy_helper.from_array(np.arange(3))
    assert attributes(node("Constant", "", value=value), 17, "here")["value"].tolist() == [0, 1, 2]


def renamed(new: str) -> Any:
    made = node("Gemm", "a b", alpha=0.5)
    made.attribute[0].name = new
    return made


def twice() -> Any:
    made = node("Gemm", "a b", alpha=0.5)
    made.attribute.append(made.attribute[0])
    return made


def of_type(kind: int) -> Any:
    made = node("Gemm", "a b", alpha=0.5)
    made.attribute[0].type = kind
    return made


def referring() -> Any:
    made = node("Gemm", "a b", alpha=0.5)
    made.attribute[0].ref_attr_name = "alpha"
    return made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: node("Gemm", "a"), "here: Gemm in operator set 17 has from 2 to 3 inputs, not 1"),
        (lambda: node("Gemm", "a b c d"), "has from 2 to 3 inputs, not 4"),
        (lambda: node("Relu", "a b"), "Relu in operator set 17 has from 1 to 1 inputs, not 2"),
        (lambda: node("Relu", "a", "b c"), "has from 1 to 1 outputs, not 2"),
        (lambda: node("Relu", "a", ""), "has from 1 to 1 outputs, not 0"),
        (lambda: renamed("gamma"), "here: Gemm in operator set 17 has no attribute 'gamma'"),
        (lambda: renamed("\x1b[31m"), r"has no attribute '.*x1b\[31m'"),
        (twice, "Gemm in operator set 17: the attribute 'alpha' is there twice"),
        (lambda: of_type(onnx.AttributeProto.INT), "the attribute 'alpha' is not of type FLOAT"),
        (lambda: of_type(onnx.AttributeProto.TENSOR), "the attribute 'alpha' is not of type FLOAT"),
        (lambda: of_type(0), "the attribute 'alpha' is not of type FLOAT"),
        (referring, "the attribute 'alpha' is not of type FLOAT"),
        (lambda: node("Concat", "a b"), "Concat in operator set 17 lacks its attribute 'axis'"),
        (lambda: node("Cast", "a"), "Cast in operator set 17 lacks its attribute 'to'"),
    ],
)
def test_nodes_that_onnx_has_not(make: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        attributes(make(), 17, "here")


def test_what_an_operator_set_has_is_what_counts() -> None:
    squeeze = node("Squeeze", "x", axes=[2])
    assert attributes(squeeze, 11, "here") == {"axes": [2]}
    with pytest.raises(FormatError, match="Squeeze in operator set 13 has no attribute 'axes'"):
        attributes(squeeze, 13, "here")
    with pytest.raises(FormatError, match="Squeeze in operator set 11 has from 1 to 1 inputs, not 2"):
        attributes(node("Squeeze", "x a"), 11, "here")


def test_the_default_domain_has_two_names() -> None:
    proto = model([node("Gemm", "x w", domain="ai.onnx", alpha=0.5)], [None, 3], {"w": np.eye(3)})
    assert attributes(proto.graph.node[0], 17, "here") == {"alpha": 0.5}
    assert from_onnx(proto, X).import_report is not None
    proto.opset_import[0].domain = "ai.onnx"
    proto.graph.node[0].domain = ""
    check_onnx(proto, X)

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from tacit.errors import FormatError
from tacit.graph import (
    LAYERS,
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
    Unflatten,
)


def every_kind() -> Graph:
    rng = np.random.default_rng(3)
    layers = [
        ReLU.of(),
        Unflatten.of(1, 4, 4, name="u"),
        Normalise.affine(2.0, 0.5),
        Conv2d.of(rng.normal(size=(2, 1, 3, 3)), padding=1, name="c"),
        ReLU.of(name="r"),
        Square.of(),
        Sigmoid.of(),
        Tanh.of(name="t"),
        Add.of(inputs=("t", "r")),
        MaxPool.of(2),
        AveragePool.of(2, stride=1, padding=1),
        Flatten.of(),
        Linear.of(rng.normal(size=(3, 18))),
        Softmax.of(),
        ArgMax.of(),
    ]
    return Graph.build(layers, -1, 1, input_shape=(16,))


TINY = Graph.build([Linear.of([[0.5]], [0.25], name="a")], -1, 1).to_bytes()
DATA = every_kind().to_bytes()


def header_of(data: bytes) -> dict:  # type: ignore[type-arg]
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def with_header(header: object, body: bytes | None = None, *, raw: bytes | None = None) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode() if raw is None else raw
    text += b" " * (-len(text) % 8)
    return (
        len(text).to_bytes(8, "little")
        + text
        + (TINY[8 + int.from_bytes(TINY[:8], "little") :] if body is None else body)
    )


def test_there_and_back() -> None:
    graph = Graph.from_bytes(DATA)
    assert graph.to_bytes() == DATA
    assert {layer.kind for layer in graph.layers} == set(LAYERS)
    x = np.random.default_rng(0).uniform(-1, 1, (9, 16))
    assert (graph.predict(x) == every_kind().predict(x)).all()
    assert with_header(header_of(TINY)) == TINY


def test_the_bytes_have_not_changed() -> None:
    """A digest that is signed today must be the graph's tomorrow."""
    assert Graph.from_bytes(TINY).digest == "89c47e357635ce241f1fd525e79e3cd6c73fc2363c7ab1763a587e79beb9e46a"
    assert TINY[8:].startswith(
        b'{"__metadata__":{"tacit.graph/1":"{\\"fraction_bits\\":16,\\"layers\\":[{\\"inputs\\":[\\"input\\"],'
        b'\\"kind\\":\\"linear\\",\\"name\\":\\"a\\",\\"options\\":{\\"weight_bits\\":16}}]}"},"input/low":{"dtype":"F64",'
        b'"shape":[1],"data_offsets":[0,8]},'
    )


def test_the_safetensors_package_reads_them() -> None:
    tensors = load(TINY)
    assert tensors["a/weight"].tolist() == [[2**15]]
    assert tensors["a/bias"].tolist() == [2**30]
    assert tensors["input/low"].tolist() == [-1.0]
    assert set(load(DATA)) >= {"c/weight", "c/bias", "normalise_1/scale"}


@pytest.mark.parametrize("data", [b"", b"\0", b"\0" * 8, b"\xff" * 8, b"\xff" * 100, TINY[:-1], TINY + b"\0", b"{}"])
def test_bytes_that_are_no_graph(data: bytes) -> None:
    with pytest.raises(FormatError, match="^graph: "):
        Graph.from_bytes(data)


def edit(body: bytes | None = None, **changes: object) -> bytes:
    """TINY with entries of its header replaced, or removed where the new value is None, and perhaps other data."""
    header = header_of(TINY)
    for name, value in changes.items():
        key = name if name == "__metadata__" else name.replace("__", "/")
        if value is None:
            del header[key]
        else:
            header[key] = value
    return with_header(header, body)


def structure(**changes: object) -> bytes:
    """TINY with parts of its structure replaced; `layer` replaces parts of its one layer."""
    header = header_of(TINY)
    parts = json.loads(header["__metadata__"]["tacit.graph/1"])
    parts["layers"][0] |= changes.pop("layer", {})  # type: ignore[arg-type]
    text = json.dumps(parts | changes, sort_keys=True, separators=(",", ":"))
    header["__metadata__"]["tacit.graph/1"] = text
    return with_header(header)


LOW = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
WEIGHT = {"dtype": "I64", "shape": [1, 1], "data_offsets": [16, 24]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (edit(input__low=None), "tensor 'input/high' lies outside the data, or not right behind the one before"),
        (edit(a__bias=None), "the tensors end at byte 24, the data at 32"),
        (edit(input__low=LOW | {"dtype": "I64"}), "there is no F64 tensor 'input/low'"),
        (edit(a__weight=WEIGHT | {"dtype": "F64"}), "there is no I64 tensor 'a/weight'"),
        (edit(a__weight=WEIGHT | {"dtype": "I32"}), "the header is not what it should be"),
        (edit(a__weight=WEIGHT | {"shape": [1]}), "weight has 1 axes, not 2"),
        (edit(a__weight=WEIGHT | {"shape": [2, 1]}), "does not fill 8 bytes"),
        (edit(a__weight=WEIGHT | {"shape": [0, 1]}), "does not fill"),
        (edit(a__weight=WEIGHT | {"shape": [-1, -1]}), "does not fill"),
        (edit(a__weight=WEIGHT | {"shape": [2**40, 2**40]}), "does not fill"),
        (edit(a__weight=WEIGHT | {"shape": [2**100]}), "does not fill|not what it should be"),
        (edit(a__weight=WEIGHT | {"shape": [1] * 9}), "does not fill 8 bytes"),
        (edit(a__weight=WEIGHT | {"shape": []}), "does not fill 8 bytes"),
        (edit(a__weight=WEIGHT | {"shape": [0, 0], "data_offsets": [16, 16]}), "lies outside the data"),
        (
            edit(a__weight=WEIGHT | {"data_offsets": [16, 32], "shape": [1, 2]}),
            "'a/bias' lies outside the data, or not",
        ),
        (edit(a__weight=WEIGHT | {"data_offsets": [16, 999]}), "lies outside the data"),
        (edit(a__weight=WEIGHT | {"data_offsets": [24, 16]}), "lies outside the data"),
        (edit(a__weight=WEIGHT | {"data_offsets": [-8, 0]}), "lies outside the data"),
        (edit(a__weight=WEIGHT | {"data_offsets": [0, 8]}), "'a/weight' lies outside the data, or not right behind"),
        (edit(a__weight=WEIGHT | {"more": 1}), "the header is not what it should be"),
        (edit(b__weight=WEIGHT), "'b/weight' lies outside the data, or not right behind"),
        (with_header(header_of(TINY), TINY[-32:] + bytes(8)), "the tensors end at byte 32, the data at 40"),
        (edit(b__weight=WEIGHT | {"data_offsets": [32, 40]}, body=TINY[-32:] + bytes(8)), "not in canonical form"),
        (edit(__metadata__={}), "the metadata must hold"),
        (edit(__metadata__={"tacit.graph/2": "{}"}), "the metadata must hold 'tacit.graph/1'"),
        (edit(__metadata__={"tacit.graph/1": "{}", "x": "y"}), "the metadata must hold"),
        (edit(__metadata__={"tacit.graph/1": "[" * 10_000}), "the header is not what it should be"),
        (structure(fraction_bits=7), "fraction_bits is 7"),
        (structure(fraction_bits=True), "the header is not what it should be"),
        (structure(layers=[]), "from 1 to 1024 layers, not 0"),
        (structure(version=2), "the header is not what it should be"),
        (structure(layer={"kind": "pickle"}), "there are no layers of kind 'pickle'; there are add, argmax,"),
        (structure(layer={"kind": "relu"}), "has options that it should not have"),
        (structure(layer={"kind": "relu", "options": {}}), "not in canonical form"),
        (structure(layer={"name": "input"}), "graph: "),
        (structure(layer={"name": "b"}), "there is no I64 tensor 'b/weight'"),
        (structure(layer={"name": "a b"}), "there is no I64 tensor"),
        (structure(layer={"inputs": []}), "takes 1 tensors, not 0"),
        (structure(layer={"inputs": ["a"]}), "no earlier tensor 'a'"),
        (structure(layer={"options": {}}), "layer 'a' lacks weight_bits"),
        (structure(layer={"options": {"weight_bits": 41}}), "weight_bits is 41"),
        (structure(layer={"options": {"weight_bits": 2**70}}), "weight_bits is|not what it should be"),
        (structure(layer={"options": {"weight_bits": [16]}}), "weight_bits is"),
        (structure(layer={"options": {"weight_bits": 16, "x": 1}}), "has options that it should not have"),
        (structure(layer={"options": {"weight_bits": 1.5}}), "the header is not what it should be"),
        (with_header([]), "the header is not what it should be"),
        (with_header(None, raw=b"\xff\xfe"), "the header is not what it should be"),
        (with_header(None, raw=b"[" * 100_000), "the header is not what it should be"),
        (with_header(None, raw=b'{"a":' * 50_000), "the header is not what it should be"),
    ],
)
def test_each_way_of_not_being_a_graph(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Graph.from_bytes(data)


def test_other_spellings_of_the_same_graph_are_refused() -> None:
    header = header_of(TINY)
    reordered = dict(reversed(header.items()))
    spaced = json.dumps(header).encode()
    text = json.dumps(header, separators=(",", ":"))
    doubled = text.replace('"a/bias":', '"a/bias":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},"a/bias":')
    padded = text.encode() + b" " * (16 - len(text) % 8)
    with pytest.raises(FormatError, match="not right behind the one before"):
        Graph.from_bytes(with_header(reordered))
    for data in (
        with_header(None, raw=spaced),
        with_header(None, raw=doubled.encode()),
        with_header(None, raw=padded),
        with_header(None, raw=text.replace("linear", "\\\\u006cinear").encode()),
    ):
        with pytest.raises(FormatError, match="not in canonical form"):
            Graph.from_bytes(data)


@pytest.mark.parametrize("end", [np.nan, np.inf, 2.0, -0.0, 1e300])
def test_ranges_that_no_graph_has(end: float) -> None:
    """`low` is the first tensor: not finite, above `high`, a zero with a sign, beyond 2**53."""
    start = 8 + int.from_bytes(TINY[:8], "little")
    with pytest.raises(FormatError):
        Graph.from_bytes(TINY[:start] + np.array([end]).tobytes() + TINY[start + 8 :])


def test_bounds_are_found_again_and_not_believed() -> None:
    start = 8 + int.from_bytes(TINY[:8], "little") + 16
    for weight, fits in ((2**46 - 2**14, True), (2**46 - 2**14 + 1, False), (2**63 - 1, False), (-(2**63), False)):
        data = TINY[:start] + np.array([weight]).tobytes() + TINY[start + 8 :]
        if fits:
            assert Graph.from_bytes(data).accumulator_bounds == {"a": 2**62}
        else:
            with pytest.raises(FormatError, match="past 2"):
                Graph.from_bytes(data)


def test_a_small_file_cannot_ask_for_much() -> None:
    """The layers' own sizes, not only the declared ones, are checked before anything is allocated."""
    side = 2**18
    step = {"inputs": ["input"], "kind": "max_pool", "name": "a"}
    step["options"] = {"padding": [side // 2] * 2, "size": [side] * 2, "stride": [1, 1]}  # type: ignore[assignment]
    text = json.dumps({"fraction_bits": 16, "layers": [step]}, sort_keys=True, separators=(",", ":"))
    entry = {"dtype": "F64", "shape": [1, 1, 1], "data_offsets": [0, 8]}
    header = {
        "__metadata__": {"tacit.graph/1": text},
        "input/low": entry,
        "input/high": entry | {"data_offsets": [8, 16]},
    }
    data = with_header(header, bytes(16))
    tracemalloc.start()
    with pytest.raises(FormatError, match="one row would take"):
        Graph.from_bytes(data)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_no_byte_stands_for_two_tensors() -> None:
    """A thousand layers that each claimed the same megabyte as their weight would have taken a gigabyte."""
    side, count = 128, 64
    layers = [
        {"inputs": [f"a{i - 1}" if i else "input"], "kind": "linear", "name": f"a{i}", "options": {"weight_bits": 16}}
        for i in range(count)
    ]
    text = json.dumps({"fraction_bits": 16, "layers": layers}, sort_keys=True, separators=(",", ":"))
    row = {"shape": [side], "data_offsets": [0, 8 * side]}
    header = {"__metadata__": {"tacit.graph/1": text}} | {
        f"input/{end}": row | {"dtype": "F64"} for end in ("low", "high")
    }
    for i in range(count):
        header[f"a{i}/weight"] = {"dtype": "I64", "shape": [side, side], "data_offsets": [0, 8 * side**2]}
        header[f"a{i}/bias"] = row | {"dtype": "I64"}
    data = with_header(header, bytes(8 * side**2))
    tracemalloc.start()
    with pytest.raises(FormatError, match="not right behind the one before"):
        Graph.from_bytes(data)
    assert tracemalloc.get_traced_memory()[1] < 2 * len(data)
    tracemalloc.stop()


@pytest.mark.parametrize("digits", [30, 400, 4000, 5000, 200_000])
def test_numbers_of_many_digits(digits: int) -> None:
    """Python itself refuses to read or write more than 4300 of them, with an error of its own."""
    text = json.dumps(header_of(TINY), separators=(",", ":"))
    for place in ('"data_offsets":[0,', '"shape":[1,', 'weight_bits\\":', 'fraction_bits\\":'):
        assert place in text
        for sign in ("", "-"):
            changed = text.replace(place, f"{place}{sign}{'9' * digits}", 1)
            with pytest.raises(FormatError):
                Graph.from_bytes(with_header(None, raw=changed.encode()))


def total(data: bytes) -> None:
    """A graph with exactly these bytes, or FormatError, and nothing else."""
    try:
        graph = Graph.from_bytes(data)
    except FormatError:
        return
    assert graph.to_bytes() == data


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([TINY, DATA]), st.data())
def test_flipped_bits(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        position = draw.draw(st.integers(0, len(data) * 8 - 1))
        changed[position // 8] ^= 1 << (position % 8)
    total(bytes(changed))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([TINY, DATA]), st.integers(0, 4000), st.integers(0, 4000), st.binary(max_size=40))
def test_truncated_spliced_and_inserted(data: bytes, start: int, end: int, other: bytes) -> None:
    total(data[: start % len(data)])
    total(data[: start % len(data)] + other + data[end % len(data) :])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes(data: bytes, framed: bool) -> None:
    total(len(data).to_bytes(8, "little") + data if framed else data)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(b'0123456789[]{},:"abt-+.eE \\')))
def test_another_character_in_the_header(position: int, character: int) -> None:
    changed = bytearray(DATA)
    changed[8 + position % int.from_bytes(DATA[:8], "little")] = character
    total(bytes(changed))

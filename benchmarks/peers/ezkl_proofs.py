"""One inference proved by ezkl: the cases of `proofs.py`. Run it where ezkl and onnx are installed.

Run: python ezkl_proofs.py '{"arrays": "in.npz", "folder": "FOLDER", "repeat": 1}'

`arrays` has x (rows, inputs) and w0, b0, w1, ... of layers with ReLU between them. The weights are committed to
(`polycommit`), the input and the output public. The SRS is made here, in `folder`, where there is none of the
size: nobody should trust it, and its time is the peer's trusted set-up.

The last line is JSON: seconds and CPU seconds of each step (lists for those that are repeated), bytes of the proof and
of the proving key, the rows of the circuit as a logarithm, the most memory, and how far the outputs are off.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import ezkl
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

VERIFICATIONS = 5


class Clock:
    """steps: for each, the wall and the CPU seconds of its runs."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, list[float]]] = {}

    def time(self, step: str, work: Callable[..., object], *arguments: object, **named: object) -> object:
        """What `work` returns, which some of ezkl's functions do through a coroutine."""
        seconds, cpu = time.perf_counter(), time.process_time()
        result = work(*arguments, **named)
        if inspect.isawaitable(result):
            result = asyncio.run(finished(result))
        taken = self.steps.setdefault(step, {"seconds": [], "cpu": []})
        taken["seconds"].append(time.perf_counter() - seconds)
        taken["cpu"].append(time.process_time() - cpu)
        return result


async def finished(result):
    return await result


def network(arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Dense layers with ReLU between them, for all rows at once."""
    count = sum(name.startswith("w") for name in arrays)
    nodes, weights, name = [], [], "x"
    for place in range(count):
        out = "y" if place == count - 1 else f"dense{place}"
        nodes.append(helper.make_node("Gemm", [name, f"w{place}", f"b{place}"], [out], transB=0))
        weights += [numpy_helper.from_array(arrays[each], each) for each in (f"w{place}", f"b{place}")]
        if place < count - 1:
            nodes.append(helper.make_node("Relu", [out], [f"relu{place}"]))
            name = f"relu{place}"
    rows, inputs = arrays["x"].shape
    outputs = arrays[f"b{count - 1}"].shape[0]
    ends = (("x", inputs), ("y", outputs))
    x, y = (helper.make_tensor_value_info(end, TensorProto.FLOAT, [rows, size]) for end, size in ends)
    graph = helper.make_graph(nodes, "network", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def expected(arrays: dict[str, np.ndarray]) -> np.ndarray:
    values, count = arrays["x"].astype(float), sum(name.startswith("w") for name in arrays)
    for place in range(count):
        values = values @ arrays[f"w{place}"] + arrays[f"b{place}"]
        if place < count - 1:
            values = np.maximum(values, 0)
    return values


def reference(folder: Path, logrows: int, clock: Clock) -> Path:
    """An SRS of just so many rows: of an earlier case, or a new one. A larger one would be cut down in every step."""
    path = folder / f"srs-{logrows}"
    if not path.exists():
        clock.time("srs", ezkl.gen_srs, str(path), logrows)
    return path


def run(work: dict) -> dict[str, object]:
    """Compile, set up, prove and verify."""
    arrays, folder, clock = dict(np.load(work["arrays"])), Path(work["folder"]), Clock()
    names = ("model.onnx", "data.json", "settings.json", "circuit", "witness.json", "vk", "pk", "proof.json")
    model, data, settings, circuit, witness, vk, pk, proof = (str(folder / name) for name in names)
    onnx.save(network(arrays), model)
    Path(data).write_text(json.dumps({"input_data": [arrays["x"].reshape(-1).tolist()]}))
    asked = ezkl.PyRunArgs()
    asked.input_visibility = asked.output_visibility = "public"
    asked.param_visibility = "polycommit"
    clock.time("compile", ezkl.gen_settings, model, settings, py_run_args=asked)
    clock.time("compile", ezkl.calibrate_settings, data, model, settings, "resources")
    clock.time("compile", ezkl.compile_circuit, model, circuit, settings)
    logrows = json.loads(Path(settings).read_text())["run_args"]["logrows"]
    srs = str(reference(folder, logrows, clock))
    clock.time("setup", ezkl.setup, circuit, vk, pk, srs)
    for _ in range(work["repeat"]):
        clock.time("witness", ezkl.gen_witness, data, circuit, witness, vk, srs)
        clock.time("prove", ezkl.prove, witness, circuit, pk, proof, srs)
    for _ in range(VERIFICATIONS):
        assert clock.time("verify", ezkl.verify, proof, settings, vk, srs), "ezkl refuses its own proof"
    shown = json.loads(Path(witness).read_text())["pretty_elements"]["rescaled_outputs"][0]
    found = json.loads(Path(proof).read_text())
    return {
        "version": version("ezkl"),
        "steps": clock.steps,
        "proof": len(found["hex_proof"].removeprefix("0x")) // 2,
        "key": Path(pk).stat().st_size,
        "logrows": logrows,
        "peak": peak(),
        "error": float(np.abs(np.array(shown, dtype=float).reshape(expected(arrays).shape) - expected(arrays)).max()),
    }


def peak() -> int:
    """The most memory of this process since it was started, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))

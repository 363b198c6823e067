"""From a torch.nn.Module: traced with torch.fx, each call turned into a float layer, and compared with the module.

The module is taken as in evaluation mode: dropout is gone, batch normalisation has its running statistics. Nothing is
unpickled. What fx calls a node is a module call, a function call or a method call on a tensor; one that is not known
by name, or has an option that the graph has not, is a GraphError that names it. So is a module whose outputs are not
those of its trace: it does something that the trace does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.modules.module as torch_module
from torch import fx, nn
from torch.nn.parameter import is_lazy

from tacit.errors import GraphError
from tacit.graph.build import Draft, assemble, input_range
from tacit.graph.fixed import DEFAULT_FRACTION_BITS, Floats, Shape
from tacit.graph.graph import Graph
from tacit.graph.importers.torch_call import Call, Made
from tacit.graph.importers.torch_calls import FUNCTIONS, METHODS, MODULES
from tacit.graph.importers.torch_trace import Trace, called, describe, first_line, like
from tacit.graph.importers.torch_weights import array
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import INPUT
from tacit.graph.report import attach_report, decide_by_output

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_WRAPPERS = ("torch.jit", "torch._dynamo", "torch.nn.parallel")
_ROWS = 256  # of the sample at a time
_VALUES = 2**24  # of one tensor of these rows


def from_torch(
    module: nn.Module,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    input_shape: Shape | None = None,
    sample: npt.ArrayLike | None = None,
    fraction_bits: int = DEFAULT_FRACTION_BITS,
    weight_bits: int | None = None,
) -> Graph:
    """The module as a graph; see Graph.from_torch."""
    if not isinstance(module, nn.Module):
        raise GraphError(f"{type(module).__name__} is not a torch.nn.Module")
    _check_parts(module)
    first = next((m for m in module.modules() if not list(m.children())), None)
    guess = (first.in_features,) if isinstance(first, nn.Linear) else None
    lows, highs = input_range(low, high, input_shape, guess)
    with _evaluation_mode(module):
        trace = Trace(module, lows.shape)
        draft = _Reader(module, trace, lows.shape).read()
        graph = assemble(draft, lows, highs, fraction_bits=fraction_bits, weight_bits=weight_bits)
        step = max(1, min(_ROWS, _VALUES // max(prod(shape) for shape in graph.shapes.values())))
        return attach_report(
            graph,
            f"torch {type(module).__name__}",
            sample,
            lambda x: _run(module, trace.traced, x, step),
            decide=decide_by_output(graph),
            notes=draft.notes,
        )


def _check_parts(module: nn.Module) -> None:
    """GraphError where a part does what a trace does not show, or has no weights yet."""
    if any(getattr(torch_module, f"_global{hooks}") for hooks in _HOOKS):
        raise GraphError("torch has global forward hooks: remove them first")
    for name, part in module.named_modules():
        shown = name or type(module).__name__
        if type(part).__module__.startswith(_WRAPPERS):
            raise unsupported(f"module {shown!r}", type(part).__name__)
        tensors = [*part._parameters.values(), *part._buffers.values()]
        if any(is_lazy(tensor) for tensor in tensors):
            raise GraphError(f"module {shown!r} has no weights yet: run it once on data")
        if any(tensor is not None and tensor.is_meta for tensor in tensors):
            raise GraphError(f"module {shown!r} is on the meta device, which holds no weights: load them first")
        if any(getattr(part, hooks, None) for hooks in _HOOKS):
            raise GraphError(
                f"module {shown!r} has forward hooks: remove them first (torch.nn.utils.remove_weight_norm,"
                " remove_spectral_norm or prune.remove, where they come from there)"
            )
        if "forward" in vars(part):
            raise GraphError(f"module {shown!r} has a forward of its own in place of its class's: make it a class")


class _Reader:
    """Walks a traced module; `tensors` says which tensor of the draft, or which constant, each fx node is."""

    def __init__(self, module: nn.Module, trace: Trace, input_shape: Shape) -> None:
        self._module = module
        self._trace = trace
        self._draft = Draft(input_shape)
        self._tensors: dict[fx.Node, Made | Floats] = {}

    def read(self) -> Draft:
        """The draft; its last layer is the module's output."""
        for node in self._trace.nodes:
            if node.op == "placeholder":
                self._tensors[node] = Made(INPUT)
            elif node.op == "output":
                self._draft.keep(self._output(node.args[0]))
            elif node in self._trace.constants:
                self._tensors[node] = array(self._trace.constants[node], f"constant {node.name!r}")
            elif node not in self._trace.plain:
                self._tensors[node] = self._read_call(node)
        return self._draft

    def _output(self, node: Any) -> str:
        tensor = self._tensors.get(node) if isinstance(node, fx.Node) else None
        if not isinstance(tensor, Made):
            raise GraphError(f"{type(self._module).__name__} must return one tensor that depends on its input")
        return tensor

    def _read_call(self, node: fx.Node) -> Made:
        part = self._trace.traced.get_submodule(str(node.target)) if node.op == "call_module" else None
        where, shown = describe(node), called(node, part)
        table = FUNCTIONS if node.op == "call_function" else METHODS if node.op == "call_method" else MODULES
        reader = table.get(node.target if part is None else type(part))
        if reader is None:
            raise unsupported(where, shown)
        if node in self._trace.uneven:
            raise unsupported(where, shown, f"gives {self._trace.shape(node)}: its first axis is not the rows")
        name = str(node.target) if part is not None else node.name
        args: Any = fx.map_arg(node.args, self._value)
        kwargs: Any = fx.map_arg(node.kwargs, self._value)
        return reader(Call(self._draft, where, shown, name, part, list(args), dict(kwargs), self._trace.shape(node)))

    def _value(self, node: fx.Node) -> Any:
        return self._tensors[node] if node in self._tensors else self._trace.plain[node]


@contextmanager
def _evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Every part in evaluation mode, and back as it was."""
    before = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        stays = next((name for name, part in module.named_modules() if part.training), None)
        if stays is not None:
            raise GraphError(f"module {stays or type(module).__name__!r} stays in training mode after eval()")
        yield
    finally:
        for part, training in before:
            part.training = training


def _run(module: nn.Module, traced: nn.Module, x: Floats, step: int) -> Floats:
    """The module's output for these rows; GraphError where its trace gives another."""
    rows = torch.from_numpy(x).to(**like(module))
    try:
        with torch.no_grad():
            parts = [[run(rows[i : i + step].clone()) for i in range(0, len(rows), step)] for run in (module, traced)]
        found, again = (array(torch.cat(part), "its output") for part in parts)
    except Exception as error:  # whatever the module's own code raises
        raise GraphError(f"{type(module).__name__} cannot be run on the sample: {first_line(error)}") from error
    finite = np.isfinite(found)
    scale = float(np.abs(found[finite]).max(initial=1.0))
    same = np.array_equal(finite, np.isfinite(again))
    if not same or np.abs(found[finite] - again[finite]).max(initial=0.0) > scale / 10_000:
        raise GraphError(
            f"{type(module).__name__}: the traced module gives other outputs than the module itself; its forward must"
            " be a function of its input alone, without chance, state, or torch.autocast"
        )
    return found

"""From a torch.nn.Module: traced with torch.fx, each call turned into a float layer, and compared with the module.

The module is taken as in evaluation mode: dropout is gone, batch normalisation has its running statistics. Nothing is
unpickled. What fx calls a node is a module call, a function call or a method call on a tensor; one that is not known
by name, or has an option that the graph has not, is a GraphError that names it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from tacit.errors import GraphError
from tacit.graph.build import Draft, assemble, input_range
from tacit.graph.fixed import DEFAULT_FRACTION_BITS, Floats, Shape
from tacit.graph.graph import Graph
from tacit.graph.importers.torch_call import Call
from tacit.graph.importers.torch_calls import FUNCTIONS, METHODS, MODULES
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import INPUT
from tacit.graph.report import attach_report, decide_by_output

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_BATCH = 3  # rows of the pass that finds the shapes
_ROWS = 256  # of the sample at a time


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
    first = next((m for m in module.modules() if not list(m.children())), None)
    guess = (first.in_features,) if isinstance(first, nn.Linear) else None
    lows, highs = input_range(low, high, input_shape, guess)
    with _evaluation_mode(module):
        draft = _Reader(module, lows.shape).read()
        graph = assemble(draft, lows, highs, fraction_bits=fraction_bits, weight_bits=weight_bits)
        return attach_report(
            graph,
            f"torch {type(module).__name__}",
            sample,
            lambda x: _run(module, x),
            decide=decide_by_output(graph),
            notes=draft.notes,
        )


class _Reader:
    """Walks a traced module; `tensors` says which tensor of the draft, or which constant, each fx node is."""

    def __init__(self, module: nn.Module, input_shape: Shape) -> None:
        for name, part in module.named_modules():
            if any(getattr(part, hooks, None) for hooks in _HOOKS):
                raise GraphError(f"module {name or type(module).__name__!r} has forward hooks: remove them first")
        one_of_torch = type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.Sequential)
        try:
            self._traced = fx.symbolic_trace(nn.Sequential(module) if one_of_torch else module)
        except Exception as error:  # whatever the module's own code raises when run on symbols
            raise GraphError(
                f"{type(module).__name__} cannot be traced ({error}): its forward may not branch on values"
            ) from error
        self._module = module
        self._draft = Draft(input_shape)
        self._tensors: dict[fx.Node, str | Floats] = {}

    def read(self) -> Draft:
        """The draft; its last layer is the module's output."""
        self._find_shapes()
        for node in self._traced.graph.nodes:
            if node.op == "placeholder":
                if INPUT in self._tensors.values():
                    raise GraphError(f"{node.name}: a graph has one input, and this is the module's second")
                self._tensors[node] = INPUT
            elif node.op == "get_attr":
                self._tensors[node] = _floats(_attribute(self._traced, node.target))
            elif node.op == "output":
                if not isinstance(node.args[0], fx.Node) or not isinstance(self._tensors.get(node.args[0]), str):
                    raise GraphError(f"{type(self._module).__name__} must return one tensor that depends on its input")
                self._draft.keep(str(self._tensors[node.args[0]]))
            elif "tensor_meta" in node.meta:
                self._tensors[node] = self._read_call(node)
        return self._draft

    def _read_call(self, node: fx.Node) -> str | Floats:
        """The tensor that one call makes. Calls that give no tensor, such as x.size(0), are not read at all."""
        if node.op == "call_module":
            part: Any = self._traced.get_submodule(str(node.target))
            table, shown = MODULES, f"{type(part).__module__}.{type(part).__qualname__}"
            key: Any = type(part)
        else:
            part, key = None, node.target
            table = METHODS if node.op == "call_method" else FUNCTIONS
            shown = str(key) if isinstance(key, str) else getattr(key, "__name__", repr(key))
        where = f"module {node.target!r}" if part is not None else f"{node.op.removeprefix('call_')} {node.name!r}"
        reader = table.get(key)
        if reader is None:
            raise unsupported(where, shown)
        args = [self._tensors.get(a, a) if isinstance(a, fx.Node) else a for a in node.args]
        kwargs = {k: self._tensors.get(a, a) if isinstance(a, fx.Node) else a for k, a in node.kwargs.items()}
        self._check_in_place(node, part, where, shown)
        shape = tuple(getattr(node.meta["tensor_meta"], "shape", ()))  # none where several tensors come back
        name = str(node.target) if part is not None else node.name
        return reader(Call(self._draft, where, shown, name, part, args, kwargs, shape))

    def _check_in_place(self, node: fx.Node, part: Any, where: str, shown: str) -> None:
        """GraphError where the call overwrites a tensor that is read again later: the trace does not show that."""
        in_place = getattr(part, "inplace", False) or node.kwargs.get("inplace", False)
        named = node.op == "call_method" and str(node.target).endswith("_")
        if (in_place or named or node.target is operator.iadd) and isinstance(node.args[0], fx.Node):
            order = {other: number for number, other in enumerate(self._traced.graph.nodes)}
            if any(order[reader] > order[node] for reader in node.args[0].users):
                raise unsupported(where, shown, "overwrites a tensor that is used again; do it out of place")

    def _find_shapes(self) -> None:
        x = torch.zeros((_BATCH, *self._draft.shapes[INPUT]), **_like(self._module))
        try:
            with torch.no_grad():
                ShapeProp(self._traced).propagate(x)
        except Exception as error:  # whatever torch raises for a shape that does not fit
            raise GraphError(
                f"{type(self._module).__name__} does not take rows of shape {self._draft.shapes[INPUT]}: {error}"
            ) from error


@contextmanager
def _evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Every part in evaluation mode, and back as it was."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def _run(module: nn.Module, x: Floats) -> Floats:
    rows = torch.from_numpy(x).to(**_like(module))
    with torch.no_grad():
        parts = [module(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)]
    return _floats(torch.cat(parts))


def _like(module: nn.Module) -> dict[str, Any]:
    """The dtype and the device of the module's parameters."""
    first = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    return {"dtype": first.dtype, "device": first.device}


def _attribute(module: nn.Module, target: Any) -> torch.Tensor:
    owner, _, name = str(target).rpartition(".")
    value = getattr(module.get_submodule(owner), name)
    if not isinstance(value, torch.Tensor):
        raise GraphError(f"attribute {target!r} is a {type(value).__name__}, not a tensor")
    return value


def _floats(tensor: torch.Tensor) -> Floats:
    return tensor.detach().to("cpu", torch.float64).numpy()

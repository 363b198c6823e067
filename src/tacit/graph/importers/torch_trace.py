"""A torch module traced with torch.fx, and run on a few rows to learn what the trace alone does not say.

Two runs, with different numbers of rows, give every tensor's shape and the numbers that the code computes from shapes;
what follows the number of rows is marked as such. They also show which calls overwrite a tensor: refused where that
tensor, or another view of its memory, is read again. A module whose forward changes its own tensors is refused too,
and left as it was.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn

from tacit.errors import GraphError
from tacit.graph.fixed import Shape
from tacit.graph.importers.torch_call import BY_ROWS
from tacit.graph.importers.unsupported import unsupported

_ROWS = (3, 5)  # of the two runs

# What may be asked of a tensor without the answer depending on its values.
_QUESTIONS = {"size", "dim", "ndimension", "numel", "nelement", "is_contiguous"}
_ATTRIBUTES = {"shape", "ndim", "dtype", "device"}


class Trace:
    """What a module does: nodes, the calls of the fx module `traced`, in order.

    shapes: of each tensor, rows first. uneven: the nodes whose tensor's first axis is not the rows. constants: the
    tensors that do not depend on the input. plain: the values that are no tensors.
    """

    def __init__(self, module: nn.Module, row_shape: Shape) -> None:
        with torch.inference_mode(False), torch.no_grad(), _unchanged(module):
            self.traced = _traced(module)
            runs = [_run(self.traced, module, (rows, *row_shape)) for rows in _ROWS]
        self.nodes = list(self.traced.graph.nodes)
        self.shapes: dict[fx.Node, Shape] = {}
        self.uneven: set[fx.Node] = set()
        self.constants: dict[fx.Node, torch.Tensor] = {}
        self.plain: dict[fx.Node, Any] = {}
        varying: set[fx.Node] = set()
        for node in self.nodes:
            first, second = (run.found[node] for run in runs)
            if node.op == "placeholder" or not varying.isdisjoint(node.all_input_nodes):
                varying.add(node)
            if node not in varying and isinstance(first, torch.Tensor) and _equal(first, second):
                self.constants[node] = first
            elif isinstance(first, torch.Tensor):
                self.shapes[node] = tuple(first.shape)
                if (first.shape[:1], second.shape[:1]) != tuple((rows,) for rows in _ROWS):
                    self.uneven.add(node)
            elif node.op != "output" and not _holds_tensor(first):
                _check_question(node, self.shapes)
                self.plain[node] = BY_ROWS if first != second or self._follows_rows(node) else first
        runs[0].check_overwriting()

    def _follows_rows(self, node: fx.Node) -> bool:
        """Whether a number is computed from the number of rows; one side of a shape is not, unless it is that."""
        return node.target is not operator.getitem and any(self.plain.get(n) is BY_ROWS for n in node.all_input_nodes)

    def shape(self, node: fx.Node) -> Shape:
        """The shape of a node's tensor, rows first; () where it has several."""
        return self.shapes.get(node, ())


def describe(node: fx.Node) -> str:
    """How errors name a node: module '0.conv', function 'relu', method 'view_1'."""
    return f"module {node.target!r}" if node.op == "call_module" else f"{node.op.removeprefix('call_')} {node.name!r}"


def called(node: fx.Node, module: Any) -> str:
    """The name of what a node calls; module: the part that it calls, or None."""
    if module is not None:
        return f"{type(module).__module__}.{type(module).__qualname__}"
    return str(node.target) if isinstance(node.target, str) else getattr(node.target, "__name__", repr(node.target))


class _Run(fx.Interpreter):
    """One run of a traced module. found: by node, its value. overwritten: by node, the tensors that it changed."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced, garbage_collect_values=False)  # so that no memory is used twice
        self.extra_traceback = False
        self.current: fx.Node | None = None
        self.found: dict[fx.Node, Any] = {}
        self.overwritten: dict[fx.Node, list[fx.Node]] = {}

    def run_node(self, n: fx.Node) -> Any:
        sources = {node: self.found[node] for node in n.all_input_nodes if isinstance(self.found[node], torch.Tensor)}
        versions = {node: _version(tensor) for node, tensor in sources.items()}
        self.current = n
        value = super().run_node(n)
        changed = [node for node, tensor in sources.items() if _version(tensor) != versions[node]]
        if changed:
            self.overwritten[n] = changed
        self.found[n] = value
        return value

    def check_overwriting(self) -> None:
        """GraphError where a tensor that a call overwrote is read again by a name from before the call."""
        order = {node: number for number, node in enumerate(self.found)}
        for node, changed in self.overwritten.items():
            memory = {self.found[each].untyped_storage().data_ptr() for each in changed}
            for other, value in self.found.items():
                if not isinstance(value, torch.Tensor) or order[other] >= order[node]:
                    continue
                if value.untyped_storage().data_ptr() in memory and (
                    other.op == "get_attr" or any(order[reader] > order[node] for reader in other.users)
                ):
                    shown = called(node, self.fetch_attr(str(node.target)) if node.op == "call_module" else None)
                    why = "overwrites a tensor that is used again; do it out of place"
                    raise unsupported(describe(node), shown, why)


def _run(traced: fx.GraphModule, module: nn.Module, shape: Shape) -> _Run:
    run = _Run(traced)
    try:
        run.run(torch.zeros(shape, **like(module)))
    except Exception as error:  # whatever torch raises for a shape that does not fit
        at = "" if run.current is None else f"{describe(run.current)}: "
        raise GraphError(
            f"{type(module).__name__} does not take rows of shape {shape[1:]}: {at}{first_line(error)}"
        ) from error
    return run


def _traced(module: nn.Module) -> fx.GraphModule:
    name = type(module).__name__
    one_of_torch = type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.Sequential)
    try:
        traced = fx.symbolic_trace(nn.Sequential(module) if one_of_torch else module)
    except Exception as error:  # whatever the module's own code raises when run on symbols
        raise GraphError(
            f"{name} cannot be traced ({first_line(error)}): its forward may not branch on values"
        ) from error
    inputs = sum(node.op == "placeholder" for node in traced.graph.nodes)
    if inputs != 1:
        raise GraphError(f"{name} takes {inputs} inputs; a graph has one")
    return traced


def _check_question(node: fx.Node, tensors: dict[fx.Node, Shape]) -> None:
    """GraphError where a call that gives no tensor is made on one, and may depend on its values or change them."""
    if not any(source in tensors for source in node.all_input_nodes):
        return
    asked = node.args[1] if node.target is getattr and len(node.args) > 1 else None
    if not (node.op == "call_method" and node.target in _QUESTIONS) and asked not in _ATTRIBUTES:
        raise unsupported(describe(node), called(node, None))


def _equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first is second or (first.layout is torch.strided and torch.equal(first, second))


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds_tensor(each) for each in value)
    return isinstance(value, torch.Tensor) or (isinstance(value, dict) and _holds_tensor(list(value.values())))


def like(module: nn.Module) -> dict[str, Any]:
    """The dtype and the device of the module's parameters."""
    first = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    return {"dtype": first.dtype, "device": first.device}


@contextmanager
def _unchanged(module: nn.Module) -> Iterator[None]:
    """GraphError where a parameter, a buffer or another tensor of the module changes; it is put back."""
    before = [
        (f"{name}.{key}".lstrip("."), table, key, tensor, tensor.detach().clone())
        for name, part in module.named_modules()
        for table in (part._parameters, part._buffers, vars(part))
        for key, tensor in table.items()
        if isinstance(tensor, torch.Tensor)
    ]
    versions = [_version(tensor) for _, _, _, tensor, _ in before]
    changed = []
    try:
        yield
    finally:
        for (name, table, key, tensor, copy), version in zip(before, versions, strict=True):
            if table.get(key) is not tensor or _version(tensor) != version:
                changed.append(name)
                table[key] = tensor
                tensor.copy_(copy)
    if changed:
        raise GraphError(f"{type(module).__name__}: its forward changes its own {changed[0]!r}; a graph has no state")


def _version(tensor: torch.Tensor) -> int:
    """How often a tensor was written to; those made in inference mode do not count, and cannot be written to here."""
    return 0 if tensor.is_inference() else tensor._version


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

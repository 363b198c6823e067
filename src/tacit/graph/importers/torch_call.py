"""One call in a traced torch module, as the readers in `torch_calls` see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tacit.errors import GraphError
from tacit.graph.build import Draft
from tacit.graph.fixed import Shape
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import FloatLayer


@dataclass(frozen=True)
class Call:
    """One call of a traced module.

    args, kwargs: names of tensors (str), constants (float64 arrays), and plain values. shape: of the result with the
    batch axis. module: the torch module that is called, or None.
    """

    draft: Draft
    where: str
    shown: str
    name: str
    module: Any
    args: list[Any]
    kwargs: dict[str, Any]
    shape: Shape

    def bind(self, *names: str, **defaults: Any) -> list[Any]:
        """The arguments in the order of `names`; GraphError for one that is missing or has another name."""
        if len(self.args) > len(names) or set(self.kwargs) - set(names):
            raise self.refuse(f"has arguments that are not supported; supported are {', '.join(names)}")
        given = dict(zip(names, self.args, strict=False)) | self.kwargs
        missing = [name for name in names if name not in given and name not in defaults]
        if missing:
            raise self.refuse(f"lacks its argument {missing[0]}")
        return [given.get(name, defaults.get(name)) for name in names]

    def add(self, layer: FloatLayer, *inputs: Any) -> str:
        """The tensor of a new layer on these tensors."""
        if not all(isinstance(source, str) for source in inputs):
            raise self.refuse("is applied to something that is not a tensor made from the input")
        return self.draft.add(layer, *inputs, name=self.name)

    def drop(self, source: Any, why: str) -> str:
        """The same tensor: this call changes nothing."""
        if not isinstance(source, str):
            raise self.refuse("is applied to something that is not a tensor made from the input")
        self.draft.notes.append(f"{self.name} ({self.shown}) left out: {why}")
        return source

    def require(self, **options: tuple[Any, Any]) -> None:
        """GraphError naming the first option whose value (the first of the pair) is not the supported one."""
        for name, (value, supported) in options.items():
            if value != supported:
                raise self.refuse(f"has {name}={value!r}; only {name}={supported!r} is supported")

    def refuse(self, because: str) -> GraphError:
        """The error that names this call."""
        return unsupported(self.where, self.shown, because)

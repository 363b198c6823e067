"""One call in a traced torch module, as the readers in `torch_calls` and beside it see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tacit.errors import GraphError
from tacit.graph.build import Draft
from tacit.graph.fixed import Floats, Shape
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import FloatLayer
from tacit.graph.layers.windows import Pair


class Made(str):
    """The name of a draft's tensor: one that is made from the model's input."""

    __slots__ = ()


class _ByRows:
    def __repr__(self) -> str:
        return "a number that follows the number of rows"


BY_ROWS = _ByRows()


@dataclass(frozen=True)
class Call:
    """One call of a traced module.

    args, kwargs: tensors (Made), constants (float64 arrays), and plain values, among them BY_ROWS. shape: of the result
    with the batch axis. module: the torch module that is called, or None.
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

    def tensor(self, source: Any) -> Made:
        """The same, if it is a tensor made from the input; GraphError if not."""
        if not isinstance(source, Made):
            raise self.refuse("is applied to something that is not a tensor made from the input")
        return source

    def constant(self, value: Any, what: str) -> Floats:
        """The same, if it is a constant tensor; GraphError if not."""
        if not isinstance(value, np.ndarray):
            raise self.refuse(f"needs a constant tensor as its {what}")
        return value

    def rows(self, source: Any) -> Shape:
        """The shape of one row of a tensor."""
        return self.draft.shapes[self.tensor(source)]

    def add(self, layer: FloatLayer, *inputs: Any) -> Made:
        """The tensor of a new layer on these tensors."""
        # The graph's own names are plain strings, or it could not be written.
        return Made(self.draft.add(layer, *(str(self.tensor(source)) for source in inputs), name=self.name))

    def drop(self, source: Any, why: str) -> Made:
        """The same tensor: this call changes nothing."""
        self.tensor(source)
        self.draft.notes.append(f"{self.name} ({self.shown}) left out: {why}")
        return Made(source)

    def require(self, **options: tuple[Any, Any]) -> None:
        """GraphError naming the first option whose value (the first of the pair) is not the supported one."""
        for name, (value, supported) in options.items():
            tensor = isinstance(value, np.ndarray | Made)
            if tensor or value != supported:
                shown = "a tensor" if tensor else repr(value)
                raise self.refuse(f"has {name}={shown}; only {name}={supported!r} is supported")

    def pair(self, name: str, value: Any) -> Pair:
        """Two whole numbers from one or two, as torch has them for rows and columns."""
        numbers = (value,) if isinstance(value, int) else tuple(value) if isinstance(value, tuple | list) else ()
        if len(numbers) not in (1, 2) or not all(type(number) is int for number in numbers):
            raise self.refuse(f"has {name}={value!r}; it must be one whole number, or two for rows and columns")
        return (numbers[0], numbers[-1])

    def refuse(self, because: str) -> GraphError:
        """The error that names this call."""
        return unsupported(self.where, self.shown, because)

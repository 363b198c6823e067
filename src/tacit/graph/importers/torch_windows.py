"""What torch's convolutions and poolings mean in layers, as modules and as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tacit.graph.importers.torch_call import Call, Made
from tacit.graph.importers.torch_weights import array
from tacit.graph.layers import AveragePool, Conv2d, Flatten, MaxPool
from tacit.graph.layers.windows import Pair

Reader = Callable[[Call], Made]


def conv2d(call: Call) -> Made:
    """nn.Conv2d or functional.conv2d."""
    if call.module is not None:
        (x,) = call.bind("input")
        m = call.module
        call.require(padding_mode=(m.padding_mode, "zeros"))
        weight, bias, stride, padding = array(m.weight, call.where), m.bias, m.stride, m.padding
        dilation, groups = m.dilation, m.groups
        bias = None if bias is None else array(bias, call.where)
    else:
        x, weight, bias, stride, padding, dilation, groups = call.bind(
            "input", "weight", "bias", "stride", "padding", "dilation", "groups",
            bias=None, stride=1, padding=0, dilation=1, groups=1,
        )  # fmt: skip
        weight = call.constant(weight, "weight")
        bias = None if bias is None else call.constant(bias, "bias")
    call.require(groups=(groups, 1), dilation=(call.pair("dilation", dilation), (1, 1)))
    if padding == "valid":
        padding = 0
    elif padding == "same":
        if any(side % 2 == 0 for side in weight.shape[2:]):
            raise call.refuse("has padding='same' with an even kernel, which pads one side more; pad by hand")
        padding = tuple(side // 2 for side in weight.shape[2:])
    edge = call.pair("padding", padding)
    return call.add(Conv2d.of(weight, bias, stride=call.pair("stride", stride), padding=edge), x)


def max_pool(call: Call) -> Made:
    """nn.MaxPool2d or functional.max_pool2d."""
    x, size, stride, padding, dilation, ceil, indices = _options(
        call, {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}, "return_indices"
    )
    call.require(dilation=(call.pair("dilation", dilation), (1, 1)), return_indices=(indices, False))
    sizes = _sizes(call, x, size, stride, padding, ceil)
    return call.add(MaxPool.of(sizes[0], stride=sizes[1], padding=sizes[2]), x)


def average_pool(call: Call) -> Made:
    """nn.AvgPool2d or functional.avg_pool2d."""
    x, size, stride, padding, ceil, count, divisor = _options(
        call,
        {"kernel_size": None, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True},
        "divisor_override",
        None,
    )
    call.require(divisor_override=(divisor, None))
    sizes = _sizes(call, x, size, stride, padding, ceil)
    if sizes[2] != (0, 0):
        call.require(count_include_pad=(count, True))
    return call.add(AveragePool.of(sizes[0], stride=sizes[1], padding=sizes[2]), x)


def adaptive_average_pool(call: Call) -> Made:
    """nn.AdaptiveAvgPool2d or functional.adaptive_avg_pool2d, where all its windows are alike."""
    x, _ = call.bind("input", "output_size", output_size=None)  # the result's shape says the size
    sides, wanted = call.rows(x)[1:], call.shape[2:]
    if len(sides) != 2 or any(not out or side % out for side, out in zip(sides, wanted, strict=True)):
        raise call.refuse(f"from {sides} to {wanted}: only where each side is a multiple of the new one")
    return call.add(AveragePool.of((sides[0] // wanted[0], sides[1] // wanted[1])), x)


def mean(call: Call) -> Made:
    """torch.mean over rows and columns."""
    x, dim, keepdim, dtype = call.bind("input", "dim", "keepdim", "dtype", dim=None, keepdim=False, dtype=None)
    call.require(dtype=(dtype, None))
    shape = call.rows(x)
    axes = {axis % (len(shape) + 1) for axis in ((dim,) if isinstance(dim, int) else dim)}
    if len(shape) != 3 or axes != {2, 3}:
        raise call.refuse(f"over dim={dim!r}; only over rows and columns, dim=(2, 3), is supported")
    pooled = call.add(AveragePool.of((shape[1], shape[2])), x)
    return pooled if keepdim else call.add(Flatten.of(), pooled)


def _options(call: Call, defaults: dict[str, Any], last: str, last_default: Any = False) -> list[Any]:
    """Input and options of a pooling, from the module's attributes or from the function's arguments."""
    names = [*defaults, last]
    if call.module is not None:
        return [*call.bind("input"), *(getattr(call.module, name) for name in names)]
    given = {name: value for name, value in defaults.items() if name != "kernel_size"}
    return call.bind("input", *names, **given, **{last: last_default})


def _sizes(call: Call, x: Any, size: Any, stride: Any, padding: Any, ceil: Any) -> tuple[Pair, Pair, Pair]:
    """Window, stride and padding; GraphError where rounding their number up gives a window that sticks out."""
    window = call.pair("kernel_size", size)
    step = window if stride is None or stride == [] else call.pair("stride", stride)
    edge = call.pair("padding", padding)
    sides = call.rows(x)[1:]
    if ceil and any((n + 2 * p - k) % s for n, p, k, s in zip(sides, edge, window, step, strict=False)):
        raise call.refuse(
            "has ceil_mode=True, and a window that sticks out; use ceil_mode=False and an input that fits"
        )
    return window, step, edge

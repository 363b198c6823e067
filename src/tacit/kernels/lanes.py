"""LLVM vectors inside Numba functions: how the kernels say eight words at once.

Numba leaves vectors to LLVM's loop vectoriser, which does not find them in 64-bit modular arithmetic, in a register
tile, or in eight hashes side by side. Here a kernel writes the vector operations itself, as LLVM code that LLVM then
fits to the machine: eight 64-bit lanes are one register with AVX-512, two with AVX2, four with SSE2 or NEON.

`emitted` turns a Python function that writes such code into one that compiled functions can call; `compiled` is
`numba.njit` with the options that every kernel here uses. Addresses are plain integers (see `arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any, ParamSpec, TypeVar, cast

import llvmlite.binding
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

from tacit.kernels.cache import keep_on_disk

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Builder = Any  # llvmlite.ir.IRBuilder
Value = Any  # llvmlite.ir.Value

LANES = 8  # words that a vector of the 64-bit kernels holds
address_type = types.int64
word_type = types.uint64
nothing = types.void


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile at the first call, keep the machine code on disk, and let other Python threads run meanwhile."""
    dispatcher = njit(nogil=True)(function)
    keep_on_disk(dispatcher)
    return cast("Callable[Parameters, Result]", dispatcher)


def emitted(*arguments: Any, returns: Any = nothing) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `write(builder, *values) -> value` callable, with arguments of these Numba types, in compiled code."""

    def decorate(write: Callable[..., Any]) -> Callable[..., Any]:
        def declare(typing_context: Any, *given: Any) -> Any:
            def generate(context: Any, builder: Builder, signature: Any, values: Sequence[Value]) -> Value:
                result = write(builder, *values)
                return context.get_dummy_value() if result is None else result

            return returns(*arguments), generate

        # Numba reads the number of arguments from the signature, where `*given` would be a single tuple.
        names = ["typing_context", *(f"argument{i}" for i in range(len(arguments)))]
        signature = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])
        vars(declare).update(__signature__=signature)
        declare.__name__ = write.__name__
        return cast("Callable[..., Any]", intrinsic(declare))

    return decorate


@emitted(address_type, returns=types.CPointer(word_type))
def words_at(builder: Builder, where: Value) -> Value:
    """The 64-bit words at an address, to be indexed in compiled code."""
    return builder.inttoptr(where, ir.IntType(64).as_pointer())


@emitted(address_type, returns=types.CPointer(types.int64))
def integers_at(builder: Builder, where: Value) -> Value:
    """The signed 64-bit integers at an address."""
    return builder.inttoptr(where, ir.IntType(64).as_pointer())


@emitted(address_type, returns=types.CPointer(types.uint8))
def bytes_at(builder: Builder, where: Value) -> Value:
    """The bytes at an address."""
    return builder.inttoptr(where, ir.IntType(8).as_pointer())


def target_has(feature: str) -> bool:
    """Whether the machine that Numba compiles for has a feature, by LLVM's name for it, such as 'avx512dq'."""
    if config.CPU_FEATURES is not None:
        return f"+{feature}" in config.CPU_FEATURES.split(",")
    return bool(llvmlite.binding.get_host_cpu_features().get(feature, False))


def vector(lanes: int, bits: int = 64) -> Any:
    """The type of a vector."""
    return ir.VectorType(ir.IntType(bits), lanes)


def constant(kind: Any, value: int) -> Value:
    """A vector with `value` in every lane."""
    return ir.Constant(kind, [value] * kind.count)


def broadcast(builder: Builder, scalar: Value, kind: Any) -> Value:
    """A vector with `scalar` in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return shuffle(builder, first, undefined, [0] * kind.count)


def shuffle(builder: Builder, first: Value, second: Value, order: Sequence[int]) -> Value:
    """The lanes of `first` and then `second` that `order` numbers."""
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order)))


def load(builder: Builder, where: Value, kind: Any, *, offset: int | Value = 0, align: int = 8) -> Value:
    """The value of type `kind` that lies `offset` bytes after the address `where`."""
    loaded = builder.load(_pointer(builder, where, kind, offset), typ=kind)
    loaded.align = align
    return loaded


def store(builder: Builder, value: Value, where: Value, *, offset: int | Value = 0, align: int = 8) -> None:
    """Write `value` at `offset` bytes after the address `where`."""
    builder.store(value, _pointer(builder, where, value.type, offset)).align = align


def transposed(builder: Builder, rows: Sequence[Value]) -> list[Value]:
    """The columns of a square matrix of which `rows` are the rows, one vector each; a power of two of them.

    The perfect shuffle: row i moves beside row i + n/2, lane by lane, and after log2(n) such rounds each element
    is where it belongs. Every round is one two-operand permutation for each row.
    """
    count = len(rows)
    low = [lane // 2 + (lane % 2) * count for lane in range(count)]
    high = [lane + count // 2 for lane in low]
    current = list(rows)
    for _ in range(count.bit_length() - 1):
        pairs = list(zip(current[: count // 2], current[count // 2 :], strict=True))
        current = [shuffle(builder, a, b, order) for a, b in pairs for order in (low, high)]
    return current


def _pointer(builder: Builder, where: Value, kind: Any, offset: int | Value) -> Value:
    distance = ir.Constant(ir.IntType(64), offset) if isinstance(offset, int) else offset
    return builder.inttoptr(builder.add(where, distance), kind.as_pointer())

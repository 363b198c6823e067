"""BLAKE3 of many short messages at once: one message in each lane.

BLAKE3 [O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2020, section 2] hashes up to 1024 bytes, one chunk, as a chain of
compressions of 64-byte blocks. One such chain is too short for vectors to help, and a Python loop over messages costs
more than the hashing; so this runs 8 chains side by side (16 with AVX-512), and loops in compiled code. A block of
each message is loaded as it lies and transposed in registers, so that a vector holds the same word of every message.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types

from tacit.kernels.lanes import (
    Builder,
    Value,
    address_type,
    broadcast,
    bytes_at,
    compiled,
    constant,
    emitted,
    load,
    store,
    target_has,
    transposed,
    vector,
)

LANES = 16 if target_has("avx512f") else 8  # messages hashed side by side, and words in a vector
BLOCK = 64  # bytes
LONGEST = 1024  # bytes in a chunk
WORD = ir.IntType(32)

INITIAL = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
ROUNDS = 7
CHUNK_START, CHUNK_END, ROOT, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL = 1, 2, 8, 32, 64


@compiled
def hash_messages(digests: int, messages: int, count: int, length: int, key: int, mode: int, room: int) -> None:
    """Write 32 bytes for each of `count` messages of `length` bytes, at most LONGEST, that lie one after another.

    `key` is where the 8 words lie that the chain starts from, `mode` a flag of every block, and `room` has
    LANES * (BLOCK + 32) bytes.
    """
    values, blocks = room, room + 32 * LANES
    last = max(0, (length - 1) // BLOCK)
    for first in range(0, count, LANES):
        _start(values, key)
        for number in range(last):
            flags = mode | (CHUNK_START if number == 0 else 0)
            _compress(values, messages, first, count - 1, length, BLOCK * number, BLOCK, flags)
        flags = mode | CHUNK_END | ROOT | (CHUNK_START if last == 0 else 0)
        rest = length - BLOCK * last
        if rest == BLOCK:
            _compress(values, messages, first, count - 1, length, BLOCK * last, BLOCK, flags)
        else:
            _pad(blocks, messages, first, count - 1, length, BLOCK * last, rest)
            _compress(values, blocks, 0, LANES - 1, BLOCK, 0, rest, flags)
        _finish(values, blocks)
        digest, source = bytes_at(digests + 32 * first), bytes_at(blocks)
        for i in range(32 * min(LANES, count - first)):
            digest[i] = source[i]


@compiled
def _pad(blocks: int, messages: int, first: int, last: int, length: int, offset: int, rest: int) -> None:
    """The last block of each message, filled up with zeros: read in place, it would reach past the message's end."""
    for lane in range(LANES):
        target, source = bytes_at(blocks + BLOCK * lane), bytes_at(messages + min(first + lane, last) * length + offset)
        for i in range(rest):
            target[i] = source[i]
        for i in range(rest, BLOCK):
            target[i] = 0


@emitted(address_type, address_type)
def _start(builder: Builder, values: Value, key: Value) -> None:
    for i in range(8):
        word = broadcast(builder, load(builder, key, WORD, offset=4 * i, align=4), vector(LANES, 32))
        store(builder, word, values, offset=4 * LANES * i, align=4)


@emitted(*[address_type] * 6, types.uint32, types.uint32)
def _compress(
    builder: Builder,
    values: Value,
    messages: Value,
    first: Value,
    last: Value,
    length: Value,
    offset: Value,
    used: Value,
    flags: Value,
) -> None:
    """One compression of a block in each lane: at `offset` in the messages `first`, `first` + 1, ... up to `last`.

    Lanes beyond the last message hash that one again, and their results are dropped.
    """
    kind = vector(LANES, 32)
    words = _block_words(builder, messages, first, last, length, offset)
    chain = [load(builder, values, kind, offset=4 * LANES * i, align=4) for i in range(8)]
    state = [*chain, *(constant(kind, word) for word in INITIAL[:4]), constant(kind, 0), constant(kind, 0)]
    state += [broadcast(builder, used, kind), broadcast(builder, flags, kind)]
    for _ in range(ROUNDS):
        for i in range(4):  # the columns, and then the diagonals
            _mix(builder, state, i, 4 + i, 8 + i, 12 + i, words[2 * i], words[2 * i + 1])
        for i in range(4):
            places = i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4
            _mix(builder, state, *places, words[8 + 2 * i], words[9 + 2 * i])
        words = [words[i] for i in PERMUTATION]
    for i in range(8):
        store(builder, builder.xor(state[i], state[i + 8]), values, offset=4 * LANES * i, align=4)


def _block_words(
    builder: Builder, messages: Value, first: Value, last: Value, length: Value, offset: Value
) -> list[Value]:
    """The sixteen words of a block, each a vector over the messages."""
    starts = []
    for lane in range(LANES):
        number = builder.add(first, ir.Constant(first.type, lane))
        number = builder.select(builder.icmp_signed("<", number, last), number, last)
        starts.append(builder.add(messages, builder.add(builder.mul(number, length), offset)))
    words: list[Value] = []
    for part in range(0, BLOCK, 4 * LANES):
        rows = [load(builder, start, vector(LANES, 32), offset=part, align=1) for start in starts]
        words += transposed(builder, rows)
    return words


def _mix(builder: Builder, state: list[Value], a: int, b: int, c: int, d: int, x: Value, y: Value) -> None:
    """The quarter round G."""
    for word, turns in ((x, (16, 12)), (y, (8, 7))):
        state[a] = builder.add(builder.add(state[a], state[b]), word)
        state[d] = _turned(builder, builder.xor(state[d], state[a]), turns[0])
        state[c] = builder.add(state[c], state[d])
        state[b] = _turned(builder, builder.xor(state[b], state[c]), turns[1])


def _turned(builder: Builder, word: Value, by: int) -> Value:
    left = builder.shl(word, constant(word.type, 32 - by))
    return builder.or_(builder.lshr(word, constant(word.type, by)), left)


@emitted(address_type, address_type)
def _finish(builder: Builder, values: Value, digests: Value) -> None:
    """The eight words of each lane, one lane after another."""
    kind = vector(LANES, 32)
    rows = [load(builder, values, kind, offset=4 * LANES * i, align=4) for i in range(8)]
    rows += [constant(kind, 0)] * (LANES - 8)
    for lane, column in enumerate(transposed(builder, rows)):
        eight = builder.shuffle_vector(column, column, ir.Constant(ir.VectorType(WORD, 8), list(range(8))))
        store(builder, eight, digests, offset=32 * lane, align=4)

"""The prover of lookups: `verifier` says what the messages are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.errors import ProofError
from tacit.kernels import goldilocks, goldilocks_extension
from tacit.kernels import sumcheck as kernel
from tacit.proofs import field
from tacit.proofs.channel import Sender
from tacit.proofs.field import ONE, Element, Words
from tacit.proofs.lookup.table import Range, Table
from tacit.proofs.sumcheck import prover as sumcheck

Fractions = tuple[Words, Words]  # numerators and denominators, (n, 2) each; at the leaves, numerators may be (n,)


def count(table: Table, columns: Sequence[Words]) -> Words:
    """How often each row of the table is taken by rows of `columns`, each `(n,)`: `(2^variables,)`.

    Of equal rows of the table, one has the whole number. `ProofError` if a row is not in the table.
    """
    size = 1 << table.variables
    if isinstance(table, Range):
        (column,) = columns
        if len(column) and int(column.max()) >= size:
            raise ProofError(f"a value that is looked up is not in the range of {table.variables} bits")
        return np.bincount(column.view(np.int64), minlength=size).astype(np.uint64)
    rows = np.stack([np.concatenate(pair) for pair in zip(table.columns, columns, strict=True)], axis=1)
    _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    found = first[place.reshape(-1)[size:]]
    if len(found) and int(found.max()) >= size:
        raise ProofError("a row that is looked up is not in the table")
    return np.bincount(found, minlength=size).astype(np.uint64)


def prove(
    sender: Sender, table: Table, columns: Sequence[Words], multiplicities: Words
) -> tuple[list[Element], list[Element]]:
    """Prove that the rows of `columns`, each `(2^m,)`, are rows of the table, `multiplicities` as `count` gives them.

    Returns the points at which claims on the columns and on the multiplicities remain, as the verifier has them.
    """
    variables = len(columns[0]).bit_length() - 1
    alpha = sender.challenge()
    scale = sender.challenge() if table.width > 1 else ONE
    given = [np.repeat(column, 2) if variables == 0 else column for column in columns]
    rows = _tree((None, _denominators(given, alpha, scale)))
    entries = _tree((multiplicities, _denominators(table.columns, alpha, scale)))
    roots = [[_single(part) for part in tree.pop()] for tree in (rows, entries)]
    for root in roots:
        sender.send(root)
    sender.send([root[1].inverse() for root in roots])
    point = _descend_rows(sender, rows, roots[0])
    table_point = _descend_table(sender, entries, roots[1])
    point = point[len(point) - variables :]
    weights = kernel.equality_table(field.from_elements(point))
    sender.send([_dot(column, weights) for column in columns[1:]])
    return point, table_point


def _denominators(columns: Sequence[Words], alpha: Element, scale: Element) -> Words:
    """alpha - sum of scale^k * column k: `(n, 2)`."""
    result = np.empty((len(columns[0]), 2), dtype=np.uint64)
    result[:, 0] = goldilocks.subtract(alpha.real, columns[0])
    result[:, 1] = alpha.other
    power = ONE
    for column in columns[1:]:
        power = power * scale
        for part, factor in enumerate((power.real, power.other)):
            result[:, part] = goldilocks.subtract(result[:, part], goldilocks.multiply(column, factor))
    return result


def _tree(leaves: tuple[Words | None, Words]) -> list[tuple[Words | None, Words]]:
    """All levels of a tree of fractions, from the leaves on; no numerators stand for ones."""
    levels = [leaves]
    while len(levels[-1][1]) > 1:
        p, q = levels[-1]
        if p is None:
            low, high = np.split(q, 2)
            levels.append((goldilocks.add(low, high), goldilocks_extension.multiply(low, high)))
        else:
            levels.append(kernel.add_fractions(p, q))
    return levels


def _descend_rows(sender: Sender, tree: list[tuple[Words | None, Words]], root: list[Element]) -> list[Element]:
    point, p, q = _descend(sender, tree[1:], root)
    mix = sender.challenge()
    lines = [_one_plus(half, mix) for half in np.split(tree[0][1], 2)]
    point, [(low, high)] = sumcheck.prove_weighted(sender, (p + q * mix) * mix + 1, point, [(lines[0], lines[1])])
    inverse = mix.inverse()
    sender.send([(low - 1) * inverse, (high - 1) * inverse])
    return [sender.challenge(), *point]


def _descend_table(sender: Sender, tree: list[tuple[Words | None, Words]], root: list[Element]) -> list[Element]:
    point, p, q = _descend(sender, tree[1:], root)
    mix = sender.challenge()
    multiplicities, denominators = tree[0]
    assert multiplicities is not None
    point, [p0, p1, _, _] = _level(sender, (field.extend(multiplicities), denominators), p + q * mix, point, mix)
    sender.send([p0, p1])
    return [sender.challenge(), *point]


def _descend(
    sender: Sender, levels: list[tuple[Words | None, Words]], root: list[Element]
) -> tuple[list[Element], Element, Element]:
    """From the root to the first of `levels`; returns the point and the values of p and q there."""
    point: list[Element] = []
    p, q = root
    while levels:
        above, below = levels.pop()
        assert above is not None
        mix = sender.challenge()
        point, [p0, p1, q0, q1] = _level(sender, (above, below), p + q * mix, point, mix)
        sender.send([p0, p1, q0, q1])
        challenge = sender.challenge()
        p, q = p0 + (p1 - p0) * challenge, q0 + (q1 - q0) * challenge
        point = [challenge, *point]
    return point, p, q


def _level(
    sender: Sender, fractions: Fractions, claim: Element, point: list[Element], mix: Element
) -> tuple[list[Element], list[Element]]:
    """One level's sumcheck, of p0 q1 + p1 q0 + mix q0 q1 = q0 (p1 + mix q1) + p0 q1; p0, p1, q0, q1 at its point."""
    (p0, p1), (q0, q1) = (np.split(part, 2) for part in fractions)
    mixed = kernel.scaled_sum(p1, _words(mix), q1)
    point, [(below0, above1), (above0, below1)] = sumcheck.prove_weighted(sender, claim, point, [(q0, mixed), (p0, q1)])
    return point, [above0, above1 - below1 * mix, below0, below1]


def _one_plus(table: Words, factor: Element) -> Words:
    """1 + factor * table."""
    result = goldilocks_extension.multiply(table, field.from_elements([factor]))
    result[:, 0] = goldilocks.add(result[:, 0], 1)
    return result


def _dot(column: Words, weights: Words) -> Element:
    real, other = (goldilocks.dot(column, np.ascontiguousarray(weights[:, part])) for part in range(2))
    return Element(real, other)


def _single(table: Words | None) -> Element:
    assert table is not None
    return field.to_elements(table)[0]


def _words(value: Element) -> Words:
    return np.array([value.real, value.other], dtype=np.uint64)

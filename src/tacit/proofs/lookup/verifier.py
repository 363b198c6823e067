"""The verifier of lookups.

Rows v_i, i < 2^m, are all among the rows t_j, j < 2^n, of the table, if and only if there are numbers m_j with

    sum_i 1 / (alpha - v_i)  =  sum_j m_j / (alpha - t_j)

as rational functions of alpha [Haböck, ePrint 2022/1530, Lemma 5]: fewer than p rows, so that no pole on the left can
vanish. A row of several columns stands for the sum of beta^k * column k, and the functions are then of beta too. Both
challenges are drawn after columns and multiplicities m_j are committed.

Either side is a binary tree of fractions p / q, added in pairs: p = p0 q1 + p1 q0, q = q0 q1. The prover says both
roots. For each level, one sumcheck takes the claims on p and q at a point (as p + lambda q, for a challenge lambda) to
values of both halves of the level below, and a challenge takes those to one point of it [Thaler 2013; Papini, Haböck,
ePrint 2023/1284]. At the leaves of the table q is public. At those of the rows p is one, and q gives the claim on the
first column; there p + lambda q is a product: 1 + lambda (q0 + q1 + lambda q0 q1) = (1 + lambda q0) (1 + lambda q1).

The denominators of the roots are shown to be invertible by inverses that the prover says.
"""

from __future__ import annotations

from dataclasses import dataclass

from tacit.proofs.channel import Receiver, Value
from tacit.proofs.field import ONE, ZERO, Element
from tacit.proofs.lookup.table import MOST_VARIABLES, Table
from tacit.proofs.sumcheck import verifier as sumcheck


@dataclass(frozen=True)
class Lookup:
    """What remains to be shown: values of the columns at one point, and of the multiplicities at another."""

    point: list[Element]
    values: list[Value]
    table_point: list[Element]
    multiplicity: Value


def verify(receiver: Receiver, table: Table, variables: int) -> Lookup:
    """Check that 2^variables rows are rows of the table, up to the claims that are returned."""
    if not 0 <= variables <= MOST_VARIABLES:
        raise ValueError(f"a lookup has 0 to {MOST_VARIABLES} variables, not {variables}")
    alpha = receiver.challenge()
    scales = _powers(receiver.challenge(), table.width) if table.width > 1 else [ONE]
    rows, entries = receiver.receive(2), receiver.receive(2)
    levels = max(1, variables)  # a single row stands twice in its tree
    _check_equal(receiver, rows, entries, copies=1 << levels - variables)
    point, denominator = _descend_rows(receiver, rows, levels)
    table_point, multiplicity = _descend_table(receiver, entries, table, alpha, scales)
    others = receiver.receive(table.width - 1)
    first = -denominator + alpha
    for other, scale in zip(others, scales[1:], strict=True):
        first = first - other * scale
    return Lookup(point[levels - variables :], [first, *others], table_point, multiplicity)


def unsound(table: Table, variables: int) -> int:
    """For how many of the |K| values of a challenge, all in all, a wrong row could survive: its part of the error."""
    entries = (1 << variables) + (1 << table.variables)
    trees = sum(2 * k + 3 for levels in (max(1, variables), table.variables) for k in range(levels))
    return entries * table.width + trees


def _check_equal(receiver: Receiver, rows: list[Value], entries: list[Value], copies: int) -> None:
    """The fraction of the rows is so many times that of the entries, and their denominators are not zero."""
    for denominator, inverse, name in zip((rows[1], entries[1]), receiver.receive(2), ("rows", "table"), strict=True):
        receiver.require_zero(
            receiver.multiply(denominator, inverse) - 1, f"lookup: the denominator of the {name} is zero"
        )
    cross = receiver.multiply(rows[0], entries[1]) - receiver.multiply(entries[0], rows[1]) * copies
    receiver.require_zero(cross, "lookup: a row is not in the table")


def _descend_rows(receiver: Receiver, root: list[Value], levels: int) -> tuple[list[Element], Value]:
    """From the root of the rows' tree to a claim on its leaves' denominators; its leaves' numerators are one."""
    point, p, q = _descend(receiver, root, levels - 1)
    mix = receiver.challenge()
    point, value = sumcheck.verify_weighted(receiver, (p + q * mix) * mix + 1, point)
    q0, q1 = receiver.receive(2)
    product = receiver.multiply(q0, q1) * (mix * mix)
    receiver.require_zero(product + (q0 + q1) * mix + 1 - value, "lookup: the leaves of the rows")
    return _between(receiver, point, q0, q1)


def _descend_table(
    receiver: Receiver, root: list[Value], table: Table, alpha: Element, scales: list[Element]
) -> tuple[list[Element], Value]:
    """From the root of the table's tree to a claim on the multiplicities, its leaves' numerators."""
    point, p, q = _descend(receiver, root, table.variables - 1)
    mix = receiver.challenge()
    point, value = sumcheck.verify_weighted(receiver, p + q * mix, point)
    p0, p1 = receiver.receive(2)
    q0, q1 = (alpha - _combined(columns, scales) for columns in table.evaluate_halves(point))
    receiver.require_zero(p0 * q1 + p1 * q0 + q0 * q1 * mix - value, "lookup: the leaves of the table")
    return _between(receiver, point, p0, p1)


def _descend(receiver: Receiver, root: list[Value], levels: int) -> tuple[list[Element], Value, Value]:
    """From the root of a tree of fractions to claims on p and q at a point of a level that has so many variables."""
    point: list[Element] = []
    p, q = root
    for _ in range(levels):
        mix = receiver.challenge()
        point, value = sumcheck.verify_weighted(receiver, p + q * mix, point)
        p0, p1, q0, q1 = receiver.receive(4)
        total = receiver.multiply(p0, q1) + receiver.multiply(p1, q0) + receiver.multiply(q0, q1) * mix
        receiver.require_zero(total - value, "lookup: a level of the tree")
        challenge = receiver.challenge()
        p, q = p0 + (p1 - p0) * challenge, q0 + (q1 - q0) * challenge
        point = [challenge, *point]
    return point, p, q


def _between(receiver: Receiver, point: list[Element], low: Value, high: Value) -> tuple[list[Element], Value]:
    """From the values of both halves of a level to its value at one point."""
    challenge = receiver.challenge()
    return [challenge, *point], low + (high - low) * challenge


def _combined(columns: list[Element], scales: list[Element]) -> Element:
    return sum((column * scale for column, scale in zip(columns, scales, strict=True)), ZERO)


def _powers(base: Element, count: int) -> list[Element]:
    result = [ONE]
    while len(result) < count:
        result.append(result[-1] * base)
    return result

"""The prover of sumchecks: `verifier` says what the messages are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tacit.kernels import goldilocks
from tacit.kernels import sumcheck as kernel
from tacit.proofs import field
from tacit.proofs.channel import Sender
from tacit.proofs.field import ZERO, Element, Words
from tacit.proofs.sumcheck.verifier import interpolate

MOST_FACTORS = 3
Term = tuple[Element, tuple[int, ...]]


def prove(sender: Sender, terms: Sequence[Term], tables: Sequence[Words]) -> tuple[list[Element], list[Element]]:
    """Prove the sum over x of sum of c * product of tables[i][x], for terms (c, numbers i of one to three tables).

    Tables have 2^m values, over the base field `(2^m,)` or over the extension `(2^m, 2)`, and are left as they are. The
    degree is the most factors of a term. Returns the point drawn, and every table's value there, none of which is sent.
    """
    size = len(tables[0])
    if size & (size - 1) or any(len(table) != size for table in tables):
        raise ValueError(f"tables must be of one length, a power of two, not {[len(table) for table in tables]}")
    if not all(1 <= len(factors) <= MOST_FACTORS for _, factors in terms):
        raise ValueError(f"a term has one to {MOST_FACTORS} factors")
    degree = max(len(factors) for _, factors in terms)
    current = list(tables)
    claims: list[Element] | None = None
    point = []
    while len(current[0]) > 1:
        values = [_term_values(factors, current, claims[i] if claims else None) for i, (_, factors) in enumerate(terms)]
        sender.send(_message(terms, values, degree))
        challenge = sender.challenge()
        claims = [_at(each, challenge) for each in values]
        current = [_folded(table, challenge, given) for table, given in zip(current, tables, strict=True)]
        point.append(challenge)
    return point, [_single(table) for table in current]


def prove_weighted(
    sender: Sender, claim: Element, weighted_at: Sequence[Element], products: Sequence[tuple[Words, Words]]
) -> tuple[list[Element], list[tuple[Element, Element]]]:
    """Prove the sum over x of eq(weighted_at, x) * sum of a[x] * b[x], for one or two products of tables `(2^m, 2)`.

    The tables are left as they are. Returns the point drawn and their values there, none of which is sent.
    """
    tables = [table for product in products for table in product]
    current = list(tables)
    weights = kernel.equality_table(field.from_elements(weighted_at[1:]))
    point = []
    for coordinate in weighted_at:
        start, leading = field.to_elements(kernel.weighted_round(weights, _paired(current)))
        linear = _linear(claim, coordinate, start, leading, weights, current)
        sender.send([linear, leading])
        challenge = sender.challenge()
        claim = start + linear * challenge + leading * (challenge * challenge)
        current = [_folded(table, challenge, given) for table, given in zip(current, tables, strict=True)]
        weights = _weights_of_the_rest(weights)
        point.append(challenge)
    finals = [_single(table) for table in current]
    return point, list(zip(finals[::2], finals[1::2], strict=True))


def prove_weighted_product(
    sender: Sender, weighted_at: Sequence[Element], tables: Sequence[Words]
) -> tuple[list[Element], list[Element]]:
    """Prove the sum over x of eq(weighted_at, x) * product of tables `(2^m, 2)`; the degree is their number.

    The tables are left as they are. Returns the point drawn and their values there, none of which is sent.
    """
    current = list(tables)
    weights = kernel.equality_table(field.from_elements(weighted_at[1:]))
    point = []
    for _ in weighted_at:
        values = field.to_elements(kernel.weighted_values(weights, current, len(tables) + 1))
        sender.send(_coefficients(values)[1:])
        challenge = sender.challenge()
        current = [_folded(table, challenge, given) for table, given in zip(current, tables, strict=True)]
        weights = _weights_of_the_rest(weights)
        point.append(challenge)
    return point, [_single(table) for table in current]


def _term_values(factors: tuple[int, ...], tables: Sequence[Words], claim: Element | None) -> list[Element]:
    """One term's polynomial of this round: its values at 0, 1, ..., up to its degree. `claim` is that at 0 and 1."""
    involved = [tables[i] for i in factors]
    if len(involved) == 1:
        (table,) = involved
        return [_total(half) for half in np.split(table, 2)]
    start, *others = field.to_elements(kernel.round_values(involved))
    if claim is None:
        claim = start + field.to_elements(kernel.round_values(involved, reverse=True))[0]
    return [start, claim - start, *others]


def _message(terms: Sequence[Term], values: Sequence[list[Element]], degree: int) -> list[Element]:
    message = []
    for place in (0, *range(2, degree + 1)):
        total = ZERO
        for (coefficient, _), each in zip(terms, values, strict=True):
            value = each[place] if place < len(each) else _at(each, Element(place))
            total = total + value * coefficient
        message.append(total)
    return message


def _linear(
    claim: Element, coordinate: Element, start: Element, leading: Element, weights: Words, tables: Sequence[Words]
) -> Element:
    """c_1, from the claim c_0 + z (c_1 + c_2); where z is zero, which says nothing of it, from the value at 1."""
    if coordinate:
        return (claim - start) * coordinate.inverse() - leading
    end = field.to_elements(kernel.weighted_round(weights, _paired(tables), reverse=True))[0]
    return end - start - leading


def _weights_of_the_rest(weights: Words) -> Words:
    """eq for one variable less, in place: the sum over the first variable."""
    half = len(weights) // 2
    return goldilocks.add(weights[:half], weights[half:], out=weights[:half]) if half else weights


def _coefficients(values: Sequence[Element]) -> list[Element]:
    """The coefficients of a polynomial from its values at 0, 1, ...: by differences (Newton), then by Horner's rule."""
    differences, row = [], list(values)
    divisor = 1
    for order in range(len(values)):
        differences.append(row[0] * pow(divisor, -1, field.MODULUS))
        row = [after - before for before, after in pairwise(row)]
        divisor *= order + 1
    result: list[Element] = []
    for node in reversed(range(len(values))):
        shifted = [ZERO, *result]
        result = [a - b * node for a, b in zip(shifted, [*result, ZERO], strict=True)]
        result[0] = result[0] + differences[node]
    return result


def _paired(tables: Sequence[Words]) -> list[tuple[Words, Words]]:
    return list(zip(tables[::2], tables[1::2], strict=True))


def _at(values: Sequence[Element], at: Element) -> Element:
    value = interpolate(values, at)
    assert isinstance(value, Element)
    return value


def _folded(table: Words, challenge: Element, given: Words) -> Words:
    """The table of one variable less: in place, unless it is the one given."""
    out = None if table is given else table[: len(table) // 2]
    return kernel.fold(table, _words(challenge), out)


def _total(table: Words) -> Element:
    return field.sum_extension(table if table.ndim == 2 else field.extend(table))


def _single(table: Words) -> Element:
    return field.to_elements(table if table.ndim == 2 else field.extend(table))[0]


def _words(value: Element) -> Words:
    return np.array([value.real, value.other], dtype=np.uint64)

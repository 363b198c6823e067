"""The verifier of sumchecks.

*Plain*: the claim is the sum over x in {0,1}^m of a polynomial of degree d in each variable. Variables are bound from
x_1 on. In each round the prover sends the values at 0, 2, ..., d of the sum over the other variables, as a polynomial
in this one; that at 1 is the claim less that at 0. A challenge r is drawn, and the value at r is the next claim.

*Weighted*: the claim is the sum of eq(z, x) F(x) for a known point z and F of degree d, mostly 2. No weight is ever
part of a message: with h the sum of eq(z_2.., x_2..) F(X, x_2..) over the other variables, h(X) = c_0 + ... + c_d X^d,
the claim is (1 - z_1) h(0) + z_1 h(1) = c_0 + z_1 (c_1 + ... + c_d). The prover sends c_1, ..., c_d, and h(r) is the
next claim: in the end F itself at the point drawn [the idea is Gruen's, ePrint 2024/108].

A wrong claim survives a round for at most d of the challenges, so all of them with probability at most d m / |K|. Each
round has d elements: `messages` counts them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tacit.proofs.channel import Receiver, Value
from tacit.proofs.field import Element, interpolation

WEIGHTED_DEGREE = 2


def messages(variables: int, degree: int) -> int:
    """How many elements the prover sends."""
    return variables * degree


def verify(receiver: Receiver, claim: Value, variables: int, degree: int) -> tuple[list[Element], Value]:
    """Check that `claim` is the sum; return the point drawn, and what the summand must be there.

    The caller checks that it is: no proof is refused here.
    """
    point = []
    for _ in range(variables):
        start, *others = receiver.receive(degree)
        challenge = receiver.challenge()
        claim = interpolate([start, claim - start, *others], challenge)
        point.append(challenge)
    return point, claim


def verify_weighted(
    receiver: Receiver, claim: Value, weighted_at: Sequence[Element], degree: int = WEIGHTED_DEGREE
) -> tuple[list[Element], Value]:
    """Check that `claim` is the sum of eq(weighted_at, x) F(x); return the point drawn, and what F must be there."""
    point = []
    for coordinate in weighted_at:
        coefficients = receiver.receive(degree)
        challenge = receiver.challenge()
        power = challenge
        for coefficient in coefficients:
            claim = claim + coefficient * (power - coordinate)
            power = power * challenge
        point.append(challenge)
    return point, claim


def interpolate(values: Sequence[Value], at: Element) -> Value:
    """The value of a polynomial, given by its values at 0, 1, ..., d."""
    weights = interpolation(len(values) - 1, at)
    result = values[0] * weights[0]
    for value, weight in zip(values[1:], weights[1:], strict=True):
        result = result + value * weight
    return result

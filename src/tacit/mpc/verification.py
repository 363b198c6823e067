"""Verification: in active mode, that every product was computed rightly, before anything that rests on it is opened.

Computes: nothing, or raises ProtocolError. At most one party is corrupt. In the manner of Boyle, Gilboa, Ishai, Nof,
CCS 2019 (sections 3 and 4: a prover convinces two verifiers who each know a part), with vectors folded as in
inner-product arguments; docs/protocols/mpc-verification.md has the proof.

What prover P = P_i may have got wrong is a list of claims (`pending`) of sums of products. L = P_{i-1} and R = P_{i+1}
weigh them at random, which leaves one claim <a, b> = tau over an extension of the ring, a known to P and L, b to P and
R, tau in two parts. A fold cuts both vectors into K rows and makes polynomials of them,

    a(X) = sum a_k X^k,   b(X) = sum b_l X^(K-1-l),   <a(X), b(X)> = sum g_n X^n,   g_{K-1} = tau.

P shares the other g_n between L and R, who then draw X. It remains to show <a(X), b(X)> = g(X), for vectors K times
shorter. In the last fold P adds a random element to both vectors, so that L and R may show one another what is left.

Rounds: `Plan.rounds`. Bytes: `Plan.bytes_sent`. A false claim passes with chance `Plan.error`, below 2^-40.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import numpy as np

from tacit.errors import ProtocolError
from tacit.kernels.weighting import DEGREE
from tacit.mpc.compression import Compression, Side, weights
from tacit.mpc.exchange import Array, Exchange, Protocol, Wanted, together
from tacit.mpc.galois import EXTENSIONS, Extension, elements_of
from tacit.mpc.party import PARTIES, Party
from tacit.mpc.pending import Claims
from tacit.mpc.replicated import Words
from tacit.mpc.verification_plan import DIGEST, SEED, Plan, plan

STEP = "verification"
_DOMAIN = b"tacit mpc verification challenge"


def verify(party: Party) -> Protocol[None]:
    """Verify all that is pending at this moment and forget it; raises ProtocolError where a product is wrong."""
    verified = party.pending.copy()
    running: list[Protocol[None]] = []
    for prover in range(PARTIES):  # in one order at all three, who read keystreams that they have in common
        for ring, extension in EXTENSIONS.items():
            if prover == party.index:
                claims, check = verified.proven[ring], _prove
            elif prover == (party.index + 1) % PARTIES:
                claims, check = verified.left[ring], partial(_check, side="left")
            else:
                claims, check = verified.right[ring], partial(_check, side="right")
            if (chosen := plan(extension, claims)) is not None:
                running.append(check(party, chosen, claims))
    yield from together(*running)
    party.pending.forget(verified)


def _prove(party: Party, chosen: Plan, claims: Claims) -> Protocol[None]:
    extension, length = chosen.extension, chosen.length
    answer = yield Exchange(
        from_previous=(Wanted((SEED,), np.uint8), Wanted((chosen.fold_count, DIGEST), np.uint8)),
        from_next=(Wanted((SEED,), np.uint8), Wanted((1, DIGEST), np.uint8)),
    )
    (first, digests), (second, digest) = answer.from_previous, answer.from_next
    _check_digest(party, first, digest[0])
    _check_digest(party, second, digests[0])
    known, committed = Compression(chosen, claims, weights(chosen, _seed(first, second))), iter(digests[1:])
    element = None
    if chosen.rows > 1:
        yield _shared(party, extension, known.products())
        element = yield from _challenge(party, next(committed))
    left, right = known.vector("left", element), known.vector("right", element)
    for rows in chosen.folds:
        left_rows, right_rows = extension.rows(left, length, rows), extension.rows(right, length, rows)
        yield _shared(party, extension, extension.convolve(left_rows, right_rows))
        element = yield from _challenge(party, next(committed))
        powers = extension.powers(element, rows)
        left, right = extension.fold(left_rows, powers), extension.fold(right_rows, powers[::-1])
        length = extension.row_length(length, rows)
    left_rows, right_rows = extension.rows(left, length, length), extension.rows(right, length, length)
    yield _shared(party, extension, _masked_products(party, extension, left_rows, right_rows), middle=length - 1)
    yield Exchange()


def _check(party: Party, chosen: Plan, claims: Claims, side: Side) -> Protocol[None]:
    extension, length = chosen.extension, chosen.length
    with_verifier = party.streams.own if side == "left" else party.streams.next  # of the key that the prover lacks
    first, second, *challenges = with_verifier((1 + chosen.fold_count, SEED), np.uint8)
    if side == "left":
        yield Exchange(to_next=(first, _digests([second, *challenges])))
    else:
        yield Exchange(to_previous=(second, _digests([first])))
    known, following = Compression(chosen, claims, weights(chosen, _seed(first, second))), iter(challenges)
    target, element = known.part(side), None
    if chosen.rows > 1:
        shares = yield from _receive_shares(party, extension, 2 * chosen.rows - 2, side)
        element = yield from _release(next(following), side)
        target = _value(extension, shares, target, extension.powers(element, 2 * chosen.rows - 1))
    vector = known.vector(side, element)
    for rows in chosen.folds:
        shares = yield from _receive_shares(party, extension, 2 * rows - 2, side)
        powers = extension.powers((yield from _release(next(following), side)), 2 * rows - 1)
        target = _value(extension, shares, target, powers)
        powers = powers[:rows]
        vector = extension.fold(extension.rows(vector, length, rows), powers if side == "left" else powers[::-1])
        length = extension.row_length(length, rows)
    entries = _entries(extension.rows(vector, length, length))
    mask = _mask(party, extension, side)
    shares = yield from _receive_shares(party, extension, 2 * length, side)
    powers = extension.powers(_unit(_element(with_verifier((SEED,), np.uint8))), 2 * length + 1)
    target = _value(extension, shares, target, powers, middle=length - 1)
    entries = np.concatenate((entries if side == "left" else entries[::-1], mask))
    yield from _compare(party, extension, extension.sum_of_products(entries, powers[: length + 1]), target, side)


def _compare(party: Party, extension: Extension, entry: Words, target: Words, side: Side) -> Protocol[None]:
    """Both verifiers show what is left to one another: the two entries' product has to be the sum of the targets."""
    opened, wanted = extension.packed(np.stack((entry, target))), (Wanted((2, extension.wire_words)),)
    if side == "left":
        answer = yield Exchange(to_previous=(opened,), from_previous=wanted)
        (received,), prover, other = answer.from_previous, party.next, party.previous
    else:
        answer = yield Exchange(to_next=(opened,), from_next=wanted)
        (received,), prover, other = answer.from_next, party.previous, party.next
    its_entry, its_target = _arrived(extension, received, other)
    product = extension.multiply(entry[None], its_entry[None])[0]
    if not np.array_equal(product, extension.canonical(target + its_target)):
        raise ProtocolError(
            f"computed a product wrongly, or {other} says so falsely: one of them cheats", culprit=prover, step=STEP
        )


def _shared(party: Party, extension: Extension, coefficients: Words, middle: int | None = None) -> Exchange:
    """The prover's coefficients without the middle one, which is known: the left verifier's share is a keystream."""
    rest = np.delete(coefficients, len(coefficients) // 2 if middle is None else middle, axis=0)
    mask = extension.unpacked(party.streams.own((len(rest), extension.wire_words)).view(np.uint64))
    return Exchange(to_next=(extension.packed(extension.canonical(rest - mask)),))


def _receive_shares(party: Party, extension: Extension, count: int, side: Side) -> Protocol[Words]:
    shape = (count, extension.wire_words)
    if side == "left":
        words = party.streams.next(shape)
        yield Exchange()
        return extension.unpacked(words.view(np.uint64))
    answer = yield Exchange(from_previous=(Wanted(shape),))
    return _arrived(extension, answer.from_previous[0], party.previous)


def _value(extension: Extension, shares: Words, target: Words, powers: Words, middle: int | None = None) -> Words:
    """A verifier's share of g(X), (48,), from its shares of the coefficients; the middle one is the target so far."""
    coefficients = np.insert(shares, len(shares) // 2 if middle is None else middle, target, axis=0)
    return extension.sum_of_products(coefficients, powers)


def _challenge(party: Party, digest: Array) -> Protocol[Words]:
    answer = yield Exchange(from_next=(Wanted((SEED,), np.uint8),))
    _check_digest(party, answer.from_next[0], digest)
    return _element(answer.from_next[0])


def _release(seed: Array, side: Side) -> Protocol[Words]:
    """The right verifier, which has received its shares by now, tells the prover where to go on."""
    yield Exchange() if side == "left" else Exchange(to_previous=(seed,))
    return _element(seed)


def _check_digest(party: Party, seed: Array, digest: Array) -> None:
    """What one verifier tells has to be what the other has committed to.

    If an honest prover went on from another challenge than the other verifier has, what the two share and show would
    not fit together, and by how much would tell a corrupt verifier of their secrets.
    """
    if not np.array_equal(_digests([seed])[0], digest):
        raise ProtocolError(
            f"told another challenge than {party.previous} has, or {party.previous} has another: one of them cheats",
            culprit=party.next,
            step=STEP,
        )


def _digests(seeds: Sequence[Array]) -> Array:
    """SHA-256 of each: it hides a seed of 128 random bits."""
    found = b"".join(hashlib.sha256(_DOMAIN + bytes(seed)).digest() for seed in seeds)
    return np.frombuffer(found, dtype=np.uint8).reshape(len(seeds), DIGEST)


def _masked_products(party: Party, extension: Extension, left_rows: Words, right_rows: Words) -> Words:
    """Coefficients (2 n + 1, 48) of <a(X), b(X)> in the final fold: with a mask at X^n in both, clear of X^(n-1)."""
    count = left_rows.shape[1]
    left, right = _entries(left_rows), _entries(right_rows)
    own, following = _mask(party, extension, "left", proves=True), _mask(party, extension, "right", proves=True)
    found = np.zeros((2 * count + 1, DEGREE), dtype=np.uint64)
    found[: 2 * count - 1] = extension.convolve(left_rows, right_rows)
    found[count : 2 * count] += extension.multiply(left, np.broadcast_to(following, left.shape))
    found[count : 2 * count] += extension.multiply(right[::-1], np.broadcast_to(own, right.shape))
    found[2 * count :] = extension.multiply(own, following)
    return extension.canonical(found)


def _mask(party: Party, extension: Extension, side: Side, *, proves: bool = False) -> Words:
    """The random last entry (1, 48) of one side's vector, from the key that its verifier and the prover have."""
    own = (side == "left") == proves
    words = (party.streams.own if own else party.streams.next)((1, extension.wire_words))
    return extension.unpacked(words.view(np.uint64))


def _entries(rows: Words) -> Words:
    """Rows (48, n, 1) of one element each as elements (n, 48)."""
    return np.ascontiguousarray(rows[:, :, 0].T)


def _arrived(extension: Extension, words: Array, sender: str) -> Words:
    """Elements that were sent, each of which has one form on the wire."""
    elements = extension.unpacked(words.view(np.uint64))
    if not np.array_equal(extension.packed(elements), words):
        raise ProtocolError("sent words of more than 48 bits", culprit=sender, step=STEP)
    return elements


def _seed(first: Array, second: Array) -> bytes:
    return bytes(first ^ second)


def _element(seed: Array) -> Words:
    element: Words = elements_of(np.frombuffer(bytes(seed)[:8], dtype="<u8").astype(np.uint64))[0]
    return element


def _unit(element: Words) -> Words:
    """The element, or 1 in place of 0: times this a uniformly random mask is uniformly random."""
    if not element.any():
        element[0] = 1
    return element

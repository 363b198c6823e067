"""Verification: honest parties pass, every lie is found, nothing that is said tells a secret, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProtocolError
from tacit.mpc import verification
from tacit.mpc.compression import weights
from tacit.mpc.exchange import Exchange, Received
from tacit.mpc.galois import EXTENSIONS
from tacit.mpc.opening import NotVerifiedError, open_to_all
from tacit.mpc.party import Party
from tacit.mpc.products import conjunction, matmul, multiply
from tacit.mpc.replicated import Arithmetic, Binary
from tacit.mpc.verification import verify
from tacit.mpc.verification_plan import SEED, plan

from .lockstep import NAMES, Message, dealt, lockstep, parties

RNG = np.random.default_rng(11)
PRODUCTS = {"arithmetic": (multiply, Arithmetic), "binary": (conjunction, Binary), "matrices": (matmul, Arithmetic)}


def words(*shape: int) -> np.ndarray:
    return RNG.integers(0, 2**64, shape, dtype=np.uint64)


def inputs(kind: str, *shape: int):
    """Shares of two random factors for each of the three parties."""
    _, share = PRODUCTS[kind]
    second = shape if kind != "matrices" else shape[1:]
    return list(zip(dealt(share, words(*shape[:2]), RNG), dealt(share, words(*second), RNG), strict=True))


def after_products(work, tamper=None):
    """Three parties that have multiplied: `work` is a list of (kind, shape)."""
    three = parties("active")

    def program(party: Party, factors):
        for (kind, _), (x, y) in zip(work, factors, strict=True):
            yield from PRODUCTS[kind][0](party, x, y)

    given = [inputs(kind, *shape) for kind, shape in work]
    ended = lockstep([program(party, [each[party.index] for each in given]) for party in three], tamper)
    assert ended == [None] * 3
    return three


def verified(three, tamper=None, watch=None):
    return lockstep([verify(party) for party in three], tamper, watch)


def altered(array: np.ndarray, how: str) -> np.ndarray:
    """A copy in which one place is different."""
    changed = np.array(array)
    flat = changed.reshape(-1)
    place = int(RNG.integers(flat.size))
    top = flat.dtype.type(1 << (8 * flat.dtype.itemsize - 1))
    if how == "one more":
        flat[place] += flat.dtype.type(1)
    elif how == "top bit":
        flat[place] ^= top
    elif how == "one bit":
        flat[place] ^= flat.dtype.type(1 << int(RNG.integers(8 * flat.dtype.itemsize)))
    else:
        before = flat.copy()
        while np.array_equal(flat, before):
            flat[:] = np.frombuffer(RNG.bytes(flat.nbytes), flat.dtype)
    return changed


HOW = ["one more", "top bit", "one bit", "random"]


# Honest parties


@settings(max_examples=12, deadline=None)
@given(
    elements=st.lists(st.sampled_from([0, 1, 5, 63, 64, 65, 300, 1100]), max_size=2),
    bits=st.lists(st.sampled_from([0, 1, 2, 7, 33, 150]), max_size=2),
    matrices=st.lists(st.tuples(*[st.integers(0, 9)] * 3), max_size=2),
)
def test_honest_parties_pass_and_nothing_is_left(elements, bits, matrices):
    work = [("arithmetic", (n,)) for n in elements] + [("binary", (n,)) for n in bits]
    three = after_products(work + [("matrices", sides) for sides in matrices])
    assert verified(three) == [None] * 3
    assert [len(party.pending) for party in three] == [0] * 3


def test_honest_parties_pass_at_sizes_with_several_folds():
    three = after_products([("arithmetic", (41, 517)), ("binary", (3001,)), ("matrices", (70, 90, 50))])
    assert verified(three) == [None] * 3


def test_what_is_noted_meanwhile_stays():
    three = after_products([("arithmetic", (3,))])
    programs = [verify(party) for party in three]
    exchanges = [next(program) for program in programs]
    for party in three:
        party.pending.claimed("binary", proven=[(words(2), words(2))])
    assert all(isinstance(exchange, Exchange) for exchange in exchanges)

    def rest(program, first):
        received = yield first
        while True:
            try:
                received = yield program.send(received)
            except StopIteration:
                return

    assert lockstep([rest(*each) for each in zip(programs, exchanges, strict=True)]) == [None] * 3
    assert [len(party.pending) for party in three] == [1] * 3


def test_nothing_is_said_when_nothing_is_pending():
    watch = []
    assert verified(parties("active"), watch=watch) == [None] * 3
    assert watch == []


# Products that are wrong


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("kind", "shape"), [("arithmetic", (700,)), ("binary", (40,)), ("matrices", (6, 7, 5))])
@pytest.mark.parametrize("cheat", range(3))
def test_a_wrong_product_is_found_by_both_others(kind, shape, how, cheat):
    three = after_products([(kind, shape)], lambda m: altered(m.array, how) if m.sender == cheat else m.array)
    ended = verified(three)
    for index, end in enumerate(ended):
        if index == cheat:
            continue
        assert isinstance(end, ProtocolError)
        assert end.culprit == NAMES[cheat]
        assert end.step == "verification"


@pytest.mark.parametrize("place", [0, 1])
def test_errors_that_would_cancel_in_a_plain_sum_are_found(place):
    def cheat(message: Message):
        changed = np.array(message.array)
        if message.sender == 1:
            changed[place : place + 2] += np.array([2**63, 2**63], np.uint64)
        return changed

    ended = verified(after_products([("arithmetic", (3,))], cheat))
    assert isinstance(ended[0], ProtocolError)
    assert isinstance(ended[2], ProtocolError)


def test_after_a_failure_nothing_can_be_opened():
    three = after_products([("arithmetic", (9,))], lambda m: altered(m.array, "one bit") if m.sender == 1 else m.array)
    verified(three)
    with pytest.raises(NotVerifiedError):
        next(open_to_all(three[0], dealt(Arithmetic, words(1), RNG)[0]))


def claimed(three, ring: str, prover: int, terms: int, count: int, error: np.ndarray):
    """Note a claim of one prover alone, false by `error`, as an operation with claims for some provers does."""
    a, b = [words(count) for _ in range(terms)], [words(count) for _ in range(terms)]
    left = words(count)
    if ring == "arithmetic":
        right = sum((x * y for x, y in zip(a, b, strict=True)), np.zeros(count, np.uint64)) - left + error
    else:
        right = left ^ error
        for x, y in zip(a, b, strict=True):
            right = right ^ (x & y)
    three[prover].pending.claimed(ring, proven=list(zip(a, b, strict=True)))
    three[(prover - 1) % 3].pending.claimed(ring, left=(a, left))
    three[(prover + 1) % 3].pending.claimed(ring, right=(b, right))


@pytest.mark.parametrize("ring", ["arithmetic", "binary"])
def test_claims_of_some_provers_with_any_number_of_terms(ring):
    three = parties("active")
    for prover, terms, count in [(0, 1, 70), (0, 3, 9), (2, 1, 5), (2, 2, 40)]:
        claimed(three, ring, prover, terms, count, np.zeros(count, np.uint64))
    assert verified(three) == [None] * 3


@pytest.mark.parametrize("ring", ["arithmetic", "binary"])
@pytest.mark.parametrize("error", [1, 2**63, 2**40 + 2**13])
@pytest.mark.parametrize("place", [0, 68, 69])
def test_one_false_claim_among_many_is_found(ring, error, place):
    three = parties("active")
    claimed(three, ring, 0, 2, 33, np.zeros(33, np.uint64))
    wrong = np.zeros(70, np.uint64)
    wrong[place] = error
    claimed(three, ring, 0, 1, 70, wrong)
    ended = verified(three)
    assert isinstance(ended[1], ProtocolError)
    assert isinstance(ended[2], ProtocolError)


def test_claims_of_no_terms_worth_are_checked_too():
    """A product of matrices with an empty inner side is zero, and has to be shared as such."""
    assert verified(after_products([("matrices", (3, 0, 2))])) == [None] * 3
    ended = verified(
        after_products([("matrices", (3, 0, 2))], lambda m: altered(m.array, "one bit") if m.sender == 0 else m.array)
    )
    assert isinstance(ended[1], ProtocolError)


# Lies while verifying

WORK = [("arithmetic", (40,)), ("binary", (30,)), ("matrices", (3, 4, 2))]
SHORT = [("arithmetic", (40,)), ("binary", (3,))]


def said(work=WORK) -> list[Message]:
    watch: list[Message] = []
    assert verified(after_products(work), watch=watch) == [None] * 3
    return watch


def where(message: Message) -> tuple[int, int, int, int]:
    return message.round, message.sender, message.receiver, message.place


def check_every_message(work, how: list[str]) -> None:
    for number, chosen in enumerate(said(work)):

        def cheat(message: Message, chosen=chosen, number=number):
            same = where(message) == where(chosen)
            return altered(message.array, how[number % len(how)]) if same else message.array

        ended = verified(after_products(work), cheat)
        failed = {index for index, end in enumerate(ended) if isinstance(end, ProtocolError)}
        assert failed - {chosen.sender}, where(chosen)


def test_every_altered_message_is_found_by_an_honest_party():
    check_every_message(SHORT, HOW)


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW)
def test_every_altered_message_of_a_long_verification_is_found(how):
    check_every_message(WORK, [how])


def test_a_prover_who_is_told_another_challenge_than_was_committed_to_says_nothing_more():
    """What it said from another challenge would not fit what the other verifier shows, and would tell of secrets."""
    told = [message for message in said(WORK) if message.array.dtype == np.uint8]
    assert {message.round for message in told} > {0}
    for chosen in told:
        watch: list[Message] = []

        def cheat(message: Message, chosen=chosen):
            return altered(message.array, "one bit") if where(message) == where(chosen) else message.array

        prover = chosen.receiver
        ended = verified(after_products(WORK), cheat, watch)
        assert isinstance(ended[prover], ProtocolError)
        assert "another challenge" in str(ended[prover])
        if chosen.array.size == SEED:
            assert not [message for message in watch if message.sender == prover and message.round > chosen.round]


@pytest.mark.parametrize(
    "change", [lambda array: None, lambda array: array.reshape(-1)[:-1], lambda a: np.append(a, a)]
)
def test_messages_of_a_wrong_length_are_found(change):
    for chosen in said(SHORT)[::3]:

        def cheat(message: Message, chosen=chosen):
            return change(message.array) if where(message) == where(chosen) else message.array

        assert isinstance(verified(after_products(SHORT), cheat)[chosen.receiver], ProtocolError)


def test_a_message_replayed_in_place_of_a_later_one_is_found():
    watch = said(SHORT)
    for first in watch:
        later = [m for m in watch if (m.sender, m.receiver) == (first.sender, first.receiver) and m.round > first.round]
        second = next((m for m in later if m.array.shape == first.array.shape), None)
        if second is None:
            continue
        kept: list[np.ndarray] = []

        def cheat(message: Message, first=first, second=second, kept=kept):
            if where(message) == where(first):
                kept.append(np.array(message.array))
            return kept[0] if where(message) == where(second) else message.array

        ended = verified(after_products(SHORT), cheat)
        assert any(isinstance(end, ProtocolError) for index, end in enumerate(ended) if index != first.sender)


def test_words_with_more_bits_than_an_element_has_are_refused():
    watch = said([("binary", (3,))])
    shares = next(message for message in watch if message.array.dtype == np.uint64 and message.array.size > 2)

    def cheat(message: Message):
        if (message.round, message.sender) == (shares.round, shares.sender):
            return message.array | np.uint64(2**60)
        return message.array

    ended = verified(after_products([("binary", (3,))]), cheat)
    assert isinstance(ended[shares.receiver], ProtocolError)
    assert ended[shares.receiver].culprit == NAMES[shares.sender]


def test_weights_need_what_both_verifiers_tell(monkeypatch):
    """Each tells its half when it has received what it is about; a half alone is worth nothing to the prover."""
    seeds = []

    def recorded(chosen, seed):
        seeds.append(seed)
        return weights(chosen, seed)

    monkeypatch.setattr(verification, "weights", recorded)
    halves = {message.array.tobytes() for message in said(SHORT) if message.round == 0 and message.array.size == SEED}
    assert len(halves) == 2 * len(set(seeds)) == 12
    assert not halves & set(seeds)


# What it costs


@pytest.mark.parametrize(
    "work",
    [
        [("arithmetic", (1,))],
        [("arithmetic", (40,))],
        [("arithmetic", (3000,))],
        [("binary", (1,))],
        [("binary", (500,))],
        [("matrices", (5, 40, 3))],
        WORK,
    ],
)
def test_rounds_and_bytes_are_as_the_plan_says(work):
    three = after_products(work)
    plans = [found for ring in EXTENSIONS if (found := plan(EXTENSIONS[ring], three[0].pending.proven[ring]))]
    watch: list[Message] = []
    assert verified(three, watch=watch) == [None] * 3
    assert max(message.round for message in watch) + 1 == max(each.rounds for each in plans)
    for index in range(3):  # each party is prover once, left verifier once and right verifier once
        sent = sum(message.array.nbytes for message in watch if message.sender == index)
        assert sent == sum(sum(each.bytes_sent) for each in plans)


# What it tells


def transcripts(kind: str, count: int, runs: int) -> dict[str, np.ndarray]:
    """What each role is told about one prover with factors of zeros, over many runs: bits (runs, n)."""
    ring = "binary" if kind == "binary" else "arithmetic"
    found: dict[str, list[np.ndarray]] = {"shares": [], "left entry": [], "right entry": []}
    zeros = np.zeros(count, np.uint64)
    for _ in range(runs):
        three = parties("active")
        three[0].pending.claimed(ring, proven=[(zeros, zeros)])
        three[2].pending.claimed(ring, left=([zeros], zeros))
        three[1].pending.claimed(ring, right=([zeros], zeros))
        watch: list[Message] = []
        assert verified(three, watch=watch) == [None] * 3
        last = max(message.round for message in watch)
        shares = [message.array for message in watch if message.sender == 0]
        found["shares"].append(np.concatenate([array.reshape(-1) for array in shares]))
        for name, sender in (("left entry", 2), ("right entry", 1)):
            (opened,) = (m.array for m in watch if m.round == last and m.sender == sender)
            found[name].append(opened[0])
    width = 48 if ring == "binary" else 64
    return {
        name: np.unpackbits(np.array(each).view(np.uint8), axis=1, bitorder="little")
        .reshape(runs, -1, 64)[:, :, :width]
        .reshape(runs, -1)
        for name, each in found.items()
    }


@pytest.mark.parametrize(("kind", "count"), [("arithmetic", 3), ("binary", 2)])
def test_what_is_said_about_zeros_is_uniform(kind, count):
    runs = 60
    for name, bits in transcripts(kind, count, runs).items():
        ones = bits.sum(axis=0, dtype=np.int64)
        assert (abs(ones - runs / 2) < 6.5 * np.sqrt(runs) / 2).all(), name  # each place: 2^-33 to fail by chance
        total = bits.sum(dtype=np.int64)
        assert abs(total - bits.size / 2) < 6.5 * np.sqrt(bits.size) / 2, name
        if name != "shares":  # and no two places are the same, or each other's opposite
            together = np.corrcoef(bits[:, :64].T.astype(float)) - np.eye(min(64, bits.shape[1]))
            assert abs(together).max() < 0.85, name


@pytest.mark.parametrize(("kind", "count"), [("arithmetic", 900), ("binary", 40), ("matrices", 5)])
@pytest.mark.parametrize("role", ["left", "right"])
def test_a_simulator_without_any_secret_convinces_a_verifier(kind, count, role):
    """What a verifier is told can be made from what it knows alone: random words, and the one target that fits them."""
    shape = (count, count, count) if kind == "matrices" else (count,)
    three = after_products([(kind, shape)])
    ring = "binary" if kind == "binary" else "arithmetic"
    corrupt, extension = three[0], EXTENSIONS[ring]
    for others in (corrupt.pending.proven, corrupt.pending.right if role == "left" else corrupt.pending.left):
        others[ring].elementwise.clear()
        others[ring].matrices.clear()
    program, exchange = verify(corrupt), None
    received = None
    while True:
        try:
            exchange = next(program) if received is None else program.send(received)
        except StopIteration:
            break
        received = simulated(extension, exchange, role)
    assert len(corrupt.pending) == 0


def simulated(extension, exchange: Exchange, role: str) -> Received:
    opens = exchange.to_previous if role == "left" else exchange.to_next
    if opens and opens[0].shape == (2, extension.wire_words):
        mine = extension.unpacked(opens[0])
        entry = extension.unpacked(RNG.integers(0, 2**48, (1, extension.wire_words), dtype=np.uint64))
        target = extension.canonical(extension.multiply(mine[:1], entry) - mine[1:])
        answer = (extension.packed(np.concatenate((entry, target))),)
        return Received(from_previous=answer) if role == "left" else Received(from_next=answer)
    high = 2**48 if extension.wire_words == 1 else 2**64
    shares = tuple(RNG.integers(0, high, wanted.shape, dtype=np.uint64) for wanted in exchange.from_previous)
    return Received(from_previous=shares)

"""Lookups by a prover who cheats."""

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.proofs import field, transcript
from tacit.proofs.channel import ClearReceiver
from tacit.proofs.field import MODULUS, ZERO, Element
from tacit.proofs.lookup import prover, verifier
from tacit.proofs.lookup.table import Table, ranges
from tacit.proofs.transcript import VerifierTranscript

from ..conversation import INSTANCE, SESSION, altered, prove
from .cases import CASES, accept, accepted, function_table, limits_of, plain_accepted, proof_of, rows_of

P = MODULUS


@pytest.mark.parametrize("name", CASES)
def test_each_message_altered_is_rejected_by_both_verifiers(name):
    table, columns = CASES[name]
    multiplicities = prover.count(table, columns)
    proof = proof_of(table, columns)
    assert accepted(table, columns, multiplicities, proof)
    for changed in altered(proof):
        assert not accepted(table, columns, multiplicities, changed)
        assert not plain_accepted(table, columns, multiplicities, changed)


@pytest.mark.parametrize("place", [0, 3, 7])
@pytest.mark.parametrize("value", [8, 9, P - 1, 2**32, P // 2])
def test_a_value_outside_the_range_is_rejected_whatever_the_multiplicities(place, value):
    table, values = ranges(3), limits_of(3, 3)
    multiplicities = prover.count(table, [values])
    values[place] = value
    for wrong in (multiplicities, np.ones(8, dtype=np.uint64), multiplicities * np.uint64(0)):
        proof = proof_of(table, [values], wrong)
        with pytest.raises(ProofError, match="a row is not in the table"):
            accept(table, [values], wrong, proof)
        assert not plain_accepted(table, [values], wrong, proof)


def test_multiplicities_that_are_one_too_high_or_too_low_are_rejected():
    table, values = ranges(3), limits_of(3, 3)
    right = prover.count(table, [values])
    for place in range(8):
        for change in (1, P - 1):
            wrong = right.copy()
            wrong[place] = (int(wrong[place]) + change) % P
            with pytest.raises(ProofError, match="a row is not in the table"):
                accept(table, [values], wrong, proof_of(table, [values], wrong))


def test_a_shuffle_that_forgets_how_often_is_rejected():
    """The same set of values, but not as often: the first published bug of ezkl's lookups."""
    table = Table([np.array([4, 9], dtype=np.uint64)])
    twice, once = np.array([4, 4, 4, 9], dtype=np.uint64), np.array([4, 4, 9, 9], dtype=np.uint64)
    proof = proof_of(table, [twice], prover.count(table, [once]))
    with pytest.raises(ProofError, match="a row is not in the table"):
        accept(table, [twice], prover.count(table, [once]), proof)


def test_a_value_of_another_argument_is_rejected():
    table = function_table(4)
    first, second = rows_of(table, 2)
    multiplicities = prover.count(table, [first, second])
    swapped = np.roll(second, 1)
    assert not np.array_equal(swapped, second)
    with pytest.raises(ProofError, match="a row is not in the table"):
        accept(table, [first, swapped], multiplicities, proof_of(table, [first, swapped], multiplicities))


def test_claims_on_other_columns_or_multiplicities_fail():
    table, columns = CASES["function"]
    multiplicities = prover.count(table, columns)
    proof = proof_of(table, columns)
    for place in range(2):
        other = [column.copy() for column in columns]
        other[place][1] = (int(other[place][1]) + 1) % P
        with pytest.raises(ProofError, match=f"claim on column {place}"):
            accept(table, other, multiplicities, proof)
    with pytest.raises(ProofError, match="claim on the multiplicities"):
        accept(table, columns, np.roll(multiplicities, 1), proof)


def replaced(proof: bytes, place: int, *elements: Element) -> bytes:
    data = field.from_elements(elements).astype("<u8").tobytes()
    return proof[: 16 * place] + data + proof[16 * place + len(data) :]


def test_roots_whose_denominators_are_zero_are_refused():
    """With 0 / 0 on both sides the cross sum is zero, whatever the rows are."""
    table, columns = CASES["range"]
    multiplicities, proof = prover.count(table, columns), proof_of(table, columns)
    for roots in ((ZERO, ZERO, Element(5), Element(6)), (Element(5), Element(6), ZERO, ZERO), (ZERO,) * 4):
        forged = replaced(proof, 0, *roots)
        for inverses in ((ZERO, ZERO), (Element(5).inverse(), Element(6).inverse())):
            with pytest.raises(ProofError, match="denominator"):
                accept(table, columns, multiplicities, replaced(forged, 4, *inverses))


def test_the_same_roots_on_both_sides_do_not_help():
    table, columns = CASES["range"]
    multiplicities, proof = prover.count(table, columns), proof_of(table, columns)
    root = field.to_elements(np.frombuffer(proof[:32], dtype="<u8").reshape(2, 2))
    inverse = root[1].inverse()
    lied = replaced(proof, 0, root[0], root[1], root[0] + 1, root[1], inverse, inverse)
    with pytest.raises(ProofError, match="a row is not in the table"):
        accept(table, columns, multiplicities, lied)
    lied = replaced(proof, 0, *root, *root, inverse, inverse)
    with pytest.raises(ProofError, match="lookup: the leaves of the rows"):
        accept(table, columns, multiplicities, lied)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("bits", "variables", "names"),
    [
        (3, 3, ("a level of the tree", "a level of the tree")),
        (1, 1, ("the leaves of the rows", "the leaves of the table")),
    ],
)
def test_a_root_that_fits_the_other_sides_but_not_its_own_tree_is_rejected(side, bits, variables, names):
    """The prover who has a wrong row tells the sum that there should be, and the truth from there on."""
    table, values = ranges(bits), limits_of(bits, variables)
    values[0] = 2**bits
    multiplicities = np.ones(2**bits, dtype=np.uint64)
    roots = field.to_elements(np.frombuffer(proof_of(table, [values], multiplicities)[:64], dtype="<u8").reshape(4, 2))
    p, q, r, s = roots
    lie = [[r * q * s.inverse(), q], [p * s * q.inverse(), s]][side]

    class Liar:
        def __init__(self, inner):
            self.inner, self.times = inner, 0

        def send(self, values):
            self.inner.send(lie if self.times == side else values)
            self.times += 1

        def challenge(self):
            return self.inner.challenge()

    lied = prove(lambda sender: prover.prove(Liar(sender), table, [values], multiplicities)).proof
    with pytest.raises(ProofError, match=f"lookup: {names[side]}"):
        accept(table, [values], multiplicities, lied)


def test_a_proof_for_another_table_instance_or_number_of_rows_is_rejected():
    table, columns = CASES["range"]
    multiplicities, proof = prover.count(table, columns), proof_of(table, columns)
    assert not accepted(table, columns, multiplicities, proof, b"another")
    other = Table([np.array([0, 1, 2, 3, 4, 5, 6, 8], dtype=np.uint64)])
    assert not accepted(other, columns, multiplicities, proof)
    assert not accepted(ranges(4), columns, np.append(multiplicities, multiplicities * np.uint64(0)), proof)
    assert not accepted(table, [np.repeat(columns[0], 2)], multiplicities * np.uint64(2), proof)


def test_a_proof_that_is_cut_off_or_goes_on_is_refused():
    table, columns = CASES["function"]
    multiplicities, proof = prover.count(table, columns), proof_of(table, columns)
    for length in range(0, len(proof), 8):
        with pytest.raises(ProofError, match=r"ends inside|lookup:"):
            accept(table, columns, multiplicities, proof[:length])
    with pytest.raises(ProofError, match="follow"):
        accept(table, columns, multiplicities, proof + bytes(16))


def test_too_many_rows_are_not_verified():
    for variables in (-1, 31):
        with pytest.raises(ValueError, match="0 to 30 variables"):
            verifier.verify(ClearReceiver(VerifierTranscript(SESSION, INSTANCE, b"")), ranges(2), variables)


def test_the_lengths_are_those_of_the_docstring():
    """Six elements for the roots; 2 k + 4 for a level with k variables above it, 2 less at the leaves; the columns."""
    for bits, variables, width in ((3, 4, 1), (2, 1, 3), (5, 0, 2)):
        table = function_table(2**bits, width) if width > 1 else ranges(bits)
        proof = proof_of(table, rows_of(table, variables))
        levels = (bits, max(1, variables))
        elements = 6 + sum(2 * k + 4 for depth in levels for k in range(depth)) - 2 * len(levels) + width - 1
        assert len(proof) == 16 * elements


def test_every_message_is_absorbed_before_the_next_challenge(monkeypatch):
    """All that was read from the proof is in the hash when a challenge is drawn, and in the end the whole proof is."""
    table, columns = CASES["three columns, one row"]
    proof, read, absorbed, draws = proof_of(table, columns), [], [], []

    class Recorder(transcript.Sponge):
        def absorb(self, data: bytes) -> None:
            absorbed.append(data)
            super().absorb(data)

        def squeeze(self, length: int) -> bytes:
            draws.append((b"".join(read), b"".join(absorbed)))
            return super().squeeze(length)

    monkeypatch.setattr(transcript, "Sponge", Recorder)
    rest = bytearray(proof)

    def fetch(length: int) -> bytes:
        read.append(bytes(rest[:length]))
        del rest[:length]
        return read[-1]

    heard = VerifierTranscript(SESSION, INSTANCE, fetch)
    start = b"".join(absorbed)
    verifier.verify(ClearReceiver(heard), table, 0)
    assert draws
    for before, hashed in draws:
        assert hashed == start + before
    assert b"".join(absorbed) == start + proof


def test_challenges_are_drawn_after_roots_and_each_round(monkeypatch):
    """A challenge that does not change with the message before it would let that message be chosen after it."""
    table, columns = CASES["range"]
    multiplicities = prover.count(table, columns)

    def drawn(change: int | None) -> list[Element]:
        challenges = []

        class Sender:
            def __init__(self, inner):
                self.inner, self.said = inner, 0

            def send(self, values):
                values = list(values)
                if change is not None and self.said <= change < self.said + len(values):
                    values[change - self.said] = values[change - self.said] + 1
                self.said += len(values)
                self.inner.send(values)

            def challenge(self):
                challenges.append((self.said, self.inner.challenge()))
                return challenges[-1][1]

        prove(lambda sender: prover.prove(Sender(sender), table, columns, multiplicities))
        return challenges

    honest = drawn(None)
    for place in range(honest[-1][0]):
        for (said, one), (_, other) in zip(honest, drawn(place), strict=True):
            assert (one == other) is (said <= place)


def test_the_error_that_is_counted():
    """By hand: 8 rows, 4 entries, one column; trees of 3 and 2 levels, 2 k + 3 for the level with k variables above."""
    assert verifier.unsound(ranges(2), 3) == 12 + (3 + 5 + 7) + (3 + 5)
    assert verifier.unsound(function_table(4, 2), 0) == 10 + 3 + (3 + 5)

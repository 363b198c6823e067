"""Zero knowledge: without any witness, who knows the challenges beforehand makes proofs that are accepted.

What a proof shows to a verifier whose coins are fixed can so be made up by the verifier alone. The simulator draws
uniformly: all messages, V, the masked rows and pads, salts, and the opened columns of the witness and of the model. The
rest follows from the verifier's equations: U, and the opened columns of the masks. An honest proof's parts have the
same distribution: messages and V are masked by pads, rows by masks, columns by random symbols (the ledger in
docs/protocols/proofs.md).
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.kernels import merkle
from tacit.proofs import field
from tacit.proofs.argument import pads, verifier
from tacit.proofs.commitment import tree
from tacit.proofs.commitment.parameters import Code
from tacit.proofs.commitment.points import sums, values_at
from tacit.proofs.field import Words
from tacit.proofs.hidden import HiddenReceiver
from tacit.proofs.transcript import ProverTranscript, VerifierTranscript

from ..conversation import INSTANCE, SESSION
from .arguments import Case, case


class Fixed:
    """A verifier's coins, fixed beforehand: the same whatever is said. `ahead` is the next draw, seen early."""

    def __init__(self, seed: int) -> None:
        self.stream, self.used = hashlib.shake_128(b"coins %d" % seed).digest(2**18), 0

    def __call__(self, length: int) -> bytes:
        self.used += length
        return self.stream[self.used - length : self.used]

    def ahead(self) -> field.Element:
        """The next challenge, without drawing it."""
        used = self.used
        challenge = ProverTranscript(SESSION, INSTANCE, self).challenge()
        self.used = used
        return challenge


class Simulator:
    """Makes a proof of a case from its sources alone; it never sees the vectors."""

    def __init__(self, given: Case, seed: int) -> None:
        self.core, self.sources, self.seed = given.core, given.sources, seed

    def proof(self) -> bytes:
        """Said twice, as roots come first: the second time the trees are known; coins and draws are the same."""
        self.roots: list[bytes] = [bytes(32)] * 4
        for _ in range(2):
            self.random = np.random.default_rng(self.seed)
            self.coins = Fixed(self.seed)
            told = ProverTranscript(SESSION, INSTANCE, self.coins)
            self.say(told)
        return told.proof()

    def say(self, told: ProverTranscript) -> None:
        witness_root, pad_root, mask_root = self.roots[:3]
        for root in (witness_root, pad_root, mask_root):
            told.write(root)
        receiver = HiddenReceiver(self.Random(self, told))
        left = verifier.evaluations(receiver, self.core, self.sources)
        messages = len(receiver.tape.leaves)
        verifier.require_openings(receiver, left)
        alpha = told.challenge()
        gamma = self.coins.ahead()
        rows = [self.elements(self.sources[each.source].code.length) for each in left]
        code = pads.code(messages)
        pad_row = self.elements(code.length)
        keys = field.to_elements(pad_row[: messages + 1])
        opened = [
            verifier.value_of(row, each.point, self.sources[each.source].code)
            for each, row in zip(left, rows, strict=True)
        ]
        total = receiver.tape.evaluate([*keys[:messages], *opened], gamma, alpha) + keys[messages]
        (slope,) = field.to_elements(self.elements(1))
        told.write_elements(field.from_elements([total - slope * gamma, slope]))
        assert told.challenge() == gamma
        for row in rows:
            told.write_elements(row)
        told.write_elements(pad_row)
        gammas = field.from_elements([gamma])
        weights = [
            field.multiply_extension(verifier.row_weights(each.point, self.sources[each.source].code), gammas)
            for each in left
        ]
        self.roots[0] = self.columns(told, self.sources[0].code, weights[0], rows[0], split=False)[0]
        self.roots[3], self.roots[2] = self.columns(told, self.sources[1].code, weights[1], rows[1], split=True)
        own = field.from_elements(pads.weights(gamma)[: pads.ROWS])
        self.roots[1] = self.columns(told, code, own, pad_row, split=False)[0]

    def columns(self, told: ProverTranscript, code: Code, weights: Words, row: Words, *, split: bool) -> list[bytes]:
        """Open columns that fit a row: random ones, and a mask's that makes them fit; the roots of their trees."""
        positions = sorted(set(told.positions(code.queries, code.points)))
        committed = self.words(len(positions), len(weights))
        encoded = values_at(np.ascontiguousarray(row.T), positions, code.points)
        combined = [sums(field.multiply(committed, weights[None, :, i]), axis=1) for i in range(2)]
        mask = np.stack([field.subtract(encoded[i], combined[i]) for i in range(2)], axis=1)
        parts = [committed, mask] if split else [np.concatenate([committed, mask], axis=1)]
        return [self.tree(told, code, part, positions) for part in parts]

    def tree(self, told: ProverTranscript, code: Code, columns: Words, positions: list[int]) -> bytes:
        leaves = self.words(code.points, 2 + columns.shape[1])
        leaves[positions, 2:] = columns
        levels = merkle.levels(merkle.hash_leaves(leaves.view(np.uint8)))
        told.write(leaves[positions].tobytes())
        told.write(b"".join(levels[level][i].tobytes() for level, i in tree.siblings(positions, code.points)))
        return levels[-1].tobytes()

    def words(self, *shape: int) -> Words:
        return self.random.integers(0, field.MODULUS, shape, dtype=np.uint64)

    def elements(self, count: int) -> Words:
        return self.words(count, 2)

    class Random:
        """Messages drawn at random as the verifier asks for them."""

        def __init__(self, simulator: Simulator, told: ProverTranscript) -> None:
            self.simulator, self.told = simulator, told

        def read_elements(self, count: int, what: str) -> Words:
            message = self.simulator.elements(count)
            self.told.write_elements(message)
            return message

        def challenge(self) -> field.Element:
            return self.told.challenge()


@pytest.mark.parametrize("seed", range(3))
def test_a_simulator_without_a_witness_makes_proofs_that_are_accepted(seed: int) -> None:
    given = case(True, seed)
    simulator = Simulator(given, seed)
    proof = simulator.proof()
    given.sources[1] = verifier.Source("the model", given.sources[1].code, simulator.roots[3])
    heard = VerifierTranscript(SESSION, INSTANCE, proof, Fixed(seed))
    verifier.verify(heard, given.core, given.sources, 0)
    with pytest.raises(ProofError):  # with other coins it is worth nothing
        verifier.verify(VerifierTranscript(SESSION, INSTANCE, proof, Fixed(seed + 100)), given.core, given.sources, 0)

"""The transcript: the draft's vectors, absorbing what is said, and refusing what is not canonical."""

import hashlib
import json
import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.proofs import transcript
from tacit.proofs.transcript import ProverTranscript, Sponge, VerifierTranscript

VECTORS = json.loads((Path(__file__).parent / "vectors" / "fiat-shamir.json").read_text())
SESSION = bytes.fromhex(VECTORS["session"])
P = 2**64 - 2**32 + 1


class PlainSponge:
    """The duplex sponge as its one-line definition: SHAKE128 of all that was absorbed, from the start every time."""

    def __init__(self, session):
        self.absorbed, self.taken = session + bytes(168 - 32), 0

    def absorb(self, data):
        if data:
            self.absorbed, self.taken = self.absorbed + data, 0

    def squeeze(self, length):
        self.taken += length
        return hashlib.shake_128(self.absorbed).digest(self.taken)[self.taken - length :]


@pytest.mark.parametrize("sponge", [Sponge, PlainSponge])
@pytest.mark.parametrize("name", VECTORS["sponge"])
def test_the_sponge_gives_the_bytes_of_the_draft(name, sponge):
    vector, given_session = VECTORS["sponge"][name], sponge(SESSION)
    output = b""
    for operation, argument in vector["operations"]:
        if operation == "absorb":
            given_session.absorb(bytes.fromhex(argument))
        else:
            output += given_session.squeeze(argument)
    assert output.hex() == vector["output"]


@given(st.lists(st.one_of(st.binary(max_size=400), st.integers(0, 500)), max_size=12))
def test_the_sponge_is_its_definition(operations):
    ours, plain = Sponge(SESSION), PlainSponge(SESSION)
    for operation in operations:
        if isinstance(operation, bytes):
            ours.absorb(operation)
            plain.absorb(operation)
        else:
            assert ours.squeeze(operation) == plain.squeeze(operation)


def test_session_ids_are_those_of_the_draft():
    vector = VECTORS["session_id"]
    assert transcript.derive_session_id(bytes.fromhex(vector["tag"])).hex() == vector["session"]


def test_the_session_binds_each_of_its_parts():
    parts = {"protocol": b"a", "codecs": b"b", "suite": b"c", "application": b"d"}
    sessions = {transcript.session_id(**(parts | {name: b"other"})) for name in parts}
    moved = transcript.session_id(**(parts | {"protocol": b"ab", "codecs": b""}))
    assert len(sessions | {transcript.session_id(**parts), moved}) == 6


def test_the_instance_comes_first_as_a_string_of_the_draft():
    squeezed = []
    sponge = Sponge(SESSION)
    sponge.absorb(bytes.fromhex(VECTORS["string"]["output"]))
    told = ProverTranscript(SESSION, bytes.fromhex(VECTORS["string"]["input"]))
    assert told.challenges(1).tolist() == [
        [int.from_bytes(sponge.squeeze(24), "little") % P for _ in range(2)],
    ]
    vector = VECTORS["instance"]
    said = ProverTranscript(SESSION, bytes.fromhex(vector["absorbed"]))
    integers = bytes.fromhex(vector["output"])
    squeezed = said.challenge()
    assert [squeezed.real, squeezed.other] == [int.from_bytes(integers[i : i + 24], "little") % P for i in (0, 24)]


def test_the_sumcheck_of_the_draft_is_accepted_and_reduced_to_its_final_value():
    """The draft's worked example, with our sponge and the check of its verifier."""
    vector, prime = VECTORS["sumcheck"], 2**31 - 1
    session = transcript.derive_session_id(bytes.fromhex(vector["tag"]))
    assert session.hex() == vector["session"]
    sponge, proof, claim = Sponge(session), bytes.fromhex(vector["proof"]), 65535
    sponge.absorb((4).to_bytes(4, "little") + claim.to_bytes(4, "little"))
    for begin in range(0, len(proof), 8):
        a0, a1 = (int.from_bytes(proof[begin + i : begin + i + 4], "little") for i in (0, 4))
        assert (2 * a0 + a1) % prime == claim
        sponge.absorb(proof[begin : begin + 8])
        claim = (a0 + a1 * int.from_bytes(sponge.squeeze(4), "little")) % prime
    assert claim == int(vector["final"], 16)


def said(**parts) -> ProverTranscript:
    prover = ProverTranscript(SESSION, parts.get("instance", b"instance"))
    prover.absorb(parts.get("public", b"public"))
    prover.absorb_zeros(parts.get("zeros", 3))
    prover.write(parts.get("data", b"root"))
    prover.write_words(np.array(parts.get("words", [1, P - 1]), dtype=np.uint64))
    prover.write_elements(np.array(parts.get("elements", [[2, 3]]), dtype=np.uint64))
    return prover


def test_what_is_read_is_what_was_written_and_challenges_agree():
    prover = said()
    verifier = VerifierTranscript(SESSION, b"instance", prover.proof())
    verifier.absorb(b"public")
    verifier.absorb_zeros(3)
    assert verifier.read(4) == b"root"
    assert verifier.read_words(2).tolist() == [1, P - 1]
    assert verifier.read_elements(1).tolist() == [[2, 3]]
    assert verifier.challenge() == prover.challenge()
    assert verifier.challenges(3).tolist() == prover.challenges(3).tolist()
    assert verifier.positions(9, 64) == prover.positions(9, 64)
    verifier.finish()


@pytest.mark.parametrize(
    "parts",
    [
        {"instance": b"other"},
        {"public": b"publi"},
        {"zeros": 4},
        {"data": b"toor"},
        {"words": [1, P - 2]},
        {"elements": [[2, 4]]},
    ],
)
def test_challenges_depend_on_everything_said(parts):
    assert said().challenge() != said(**parts).challenge()


def test_challenges_depend_on_the_session():
    assert ProverTranscript(bytes(32), b"i").challenge() != ProverTranscript(SESSION, b"i").challenge()


def test_what_is_public_has_its_length_in_front():
    one, two = ProverTranscript(SESSION, b"i"), ProverTranscript(SESSION, b"i")
    one.absorb(b"ab")
    one.absorb(b"c")
    two.absorb(b"a")
    two.absorb(b"bc")
    assert one.challenge() != two.challenge()


def test_zeros_are_absorbed_in_pieces_but_all_of_them():
    sponge = Sponge(SESSION)
    sponge.absorb(b"\1\0\0\0i" + bytes(2**17 + 5))
    prover = ProverTranscript(SESSION, b"i")
    prover.absorb_zeros(2**17 + 5)
    assert prover.challenge().real == int.from_bytes(sponge.squeeze(24), "little") % P


def test_challenges_in_a_row_differ():
    prover = ProverTranscript(SESSION, b"i")
    assert len({tuple(row) for row in prover.challenges(50).tolist()} | {prover.challenge()}) == 51


def test_positions_are_uniform_ascending_and_within_bounds():
    prover = ProverTranscript(SESSION, b"i")
    positions = prover.positions(4000, 8)
    assert positions == sorted(positions)
    counts = np.bincount(positions, minlength=8)
    assert len(counts) == 8
    assert ((counts > 400) & (counts < 600)).all()  # 500 each: five standard deviations are 105
    for bound in (0, 3, 2**65):
        with pytest.raises(ValueError, match="power of two"):
            prover.positions(1, bound)


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 12, 20, 35])
def test_a_proof_that_was_cut_off_is_refused(cut):
    proof = said().proof()[:cut]
    verifier = VerifierTranscript(SESSION, b"instance", proof)
    with pytest.raises(ProofError, match=r"ends inside the (root|words|elements)"):
        for read in (
            lambda: verifier.read(4, "the root"),
            lambda: verifier.read_words(2, "the words"),
            lambda: verifier.read_elements(1, "the elements"),
        ):
            read()


def test_a_proof_that_goes_on_is_refused():
    verifier = VerifierTranscript(SESSION, b"i", bytes(17))
    verifier.read_elements(1)
    with pytest.raises(ProofError, match="1 bytes follow"):
        verifier.finish()


@pytest.mark.parametrize("word", [P, P + 1, 2**64 - 1])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_integers_that_are_not_canonical_are_refused(word, place):
    integers = [0, 1, 2, 3]
    integers[place] = word
    proof = b"".join(integer.to_bytes(8, "little") for integer in integers)
    with pytest.raises(ProofError, match="the claim holds an integer"):
        VerifierTranscript(SESSION, b"i", proof).read_words(4, "the claim")
    with pytest.raises(ProofError, match="the claim holds an integer"):
        VerifierTranscript(SESSION, b"i", proof).read_elements(2, "the claim")
    with pytest.raises(ValueError, match="canonical"):
        ProverTranscript(SESSION, b"i").write_words(np.array(integers, dtype=np.uint64))


def test_a_huge_number_of_things_allocates_no_more_than_the_proof_holds():
    with pytest.raises(ProofError, match="ends inside"):
        VerifierTranscript(SESSION, b"i", bytes(100)).read_words(2**60)


def test_words_of_another_type_are_not_sent():
    with pytest.raises(ValueError, match="canonical"):
        ProverTranscript(SESSION, b"i").write_words(np.zeros(2, dtype=np.int64))


def test_sessions_and_instances_that_are_not_allowed():
    with pytest.raises(ValueError, match="32 bytes"):
        ProverTranscript(bytes(31), b"i")
    with pytest.raises(ValueError, match="not be empty"):
        ProverTranscript(SESSION, b"")


def pipe():
    """Both ends of a stream of bytes: a function that puts bytes in, and one that waits for as many as asked for."""
    chunks, rest = queue.Queue(), bytearray()

    def take(length: int) -> bytes:
        while len(rest) < length:
            rest.extend(chunks.get(timeout=10))
        data = bytes(rest[:length])
        del rest[:length]
        return data

    return chunks.put, take


def test_an_interactive_verifier_draws_its_own_coins_and_the_prover_hears_them():
    say, hear = pipe()
    tell, told = pipe()

    def prove():
        prover = ProverTranscript(SESSION, b"i", coins=told, deliver=say)
        prover.write_words(np.array([7], dtype=np.uint64))
        first = prover.challenge()
        prover.write_elements(np.array([[first.real, first.other]], dtype=np.uint64))
        return first, prover.positions(3, 16), prover.proof()

    def run():
        with ThreadPoolExecutor(1) as pool:
            proving = pool.submit(prove)
            verifier = VerifierTranscript(SESSION, b"i", hear, coins=transcript.own_coins(tell))
            assert verifier.read_words(1).tolist() == [7]
            first = verifier.challenge()
            assert verifier.read_elements(1).tolist() == [[first.real, first.other]]
            positions = verifier.positions(3, 16)
            verifier.finish()
            assert proving.result() == (first, positions, b"")
            return first

    assert run() != run()

"""Sumchecks by a prover who cheats: a wrong claim or an altered message ends at a wrong value."""

import pytest

from tacit.errors import ProofError
from tacit.proofs import field, multilinear
from tacit.proofs.field import ONE, Element
from tacit.proofs.sumcheck import prover, verifier

from .. import plain
from ..conversation import INSTANCE, SESSION, altered, draw, draw_point, prove, verify

VARIABLES = 3
A, B = draw(1, 2**VARIABLES), draw(2, 2**VARIABLES, 2)
AT = draw_point(5, VARIABLES)
CLAIM = field.dot(A, B)
C = draw(3, 2**VARIABLES, 2)
WEIGHTED_CLAIM = field.dot_extension(field.multiply_extension(multilinear.equality_table(AT), B), C)


def accepts(proof: bytes, claim: Element = CLAIM, instance: bytes = INSTANCE) -> bool:
    """Whether the verifier ends where the summand is what it should be."""
    point, value = verify(lambda receiver: verifier.verify(receiver, claim, VARIABLES, 2), proof, instance)
    return bool(value == multilinear.evaluate(A, point) * multilinear.evaluate(B, point))


def accepts_weighted(proof: bytes, claim: Element = WEIGHTED_CLAIM) -> bool:
    point, value = verify(lambda receiver: verifier.verify_weighted(receiver, claim, AT), proof)
    return bool(value == multilinear.evaluate(B, point) * multilinear.evaluate(C, point))


def plain_accepts(proof: bytes) -> bool:
    listener = plain.Listener(SESSION, INSTANCE, proof)
    point, value = plain.sumcheck(listener, (CLAIM.real, CLAIM.other), VARIABLES, 2)
    listener.finish()
    a, b = [plain.base(int(each)) for each in A], [tuple(row) for row in B.tolist()]
    return value == plain.times(plain.evaluate(a, point), plain.evaluate(b, point))


def proof_of_product() -> bytes:
    return prove(lambda sender: prover.prove(sender, [(ONE, (0, 1))], [A, B])).proof


def weighted_proof() -> bytes:
    return prove(lambda sender: prover.prove_weighted(sender, WEIGHTED_CLAIM, AT, [(B, C)])).proof


def test_a_true_claim_is_accepted():
    assert accepts(proof_of_product())
    assert plain_accepts(proof_of_product())
    assert accepts_weighted(weighted_proof())


def test_each_message_altered_is_rejected():
    proofs = list(altered(proof_of_product()))
    assert len(proofs) >= 3 * 2 * VARIABLES
    for proof in proofs:
        assert not accepts(proof)
        assert not plain_accepts(proof)
    for proof in altered(weighted_proof()):
        assert not accepts_weighted(proof)


@pytest.mark.parametrize("wrong", [Element(1), Element(0, 1), Element(-1)])
def test_a_wrong_claim_is_rejected(wrong):
    assert not accepts(proof_of_product(), CLAIM + wrong)
    assert not accepts_weighted(weighted_proof(), WEIGHTED_CLAIM + wrong)
    told = prove(lambda sender: prover.prove_weighted(sender, WEIGHTED_CLAIM + wrong, AT, [(B, C)])).proof
    assert not accepts_weighted(told, WEIGHTED_CLAIM + wrong)


def test_a_proof_for_another_instance_is_rejected():
    assert not accepts(proof_of_product(), instance=b"another")


def test_a_proof_that_is_cut_off_or_goes_on_is_refused():
    proof = proof_of_product()
    for changed, message in ((proof[:-1], "ends inside"), (proof[:-16], "ends inside"), (proof + b"\0", "follow")):
        with pytest.raises(ProofError, match=message):
            accepts(changed)


def test_challenges_follow_from_the_messages_before_them():
    """A prover who learnt a challenge before its message could tell any lie: so a message changes its challenge."""
    proof = proof_of_product()
    points = set()
    for place in range(VARIABLES):
        begin = 32 * place
        changed = proof[:begin] + bytes(8) + proof[begin + 8 :]
        point, _ = verify(lambda receiver: verifier.verify(receiver, CLAIM, VARIABLES, 2), changed)
        points.add(tuple(point))
        honest, _ = verify(lambda receiver: verifier.verify(receiver, CLAIM, VARIABLES, 2), proof)
        assert point[:place] == honest[:place]
        assert point[place] != honest[place]
    assert len(points) == VARIABLES

"""Certificates: what is written comes back and verifies, and nothing else does."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import cache

import msgspec
import numpy as np
import pytest

from tacit.errors import FormatError, ProofError
from tacit.graph import Graph, Linear, Sigmoid
from tacit.proofs.certificate import Certificate
from tacit.proofs.certificate.kinds import KINDS
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.public import PublicSet
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.fairness import DemographicParity, EqualisedOdds, Sizes
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.optimality import Optimality
from tacit.proofs.statements.optimality.fitting import fit
from tacit.proofs.statements.proving import prove
from tacit.proofs.statements.well_formed import WellFormed

RNG = np.random.default_rng(5)
ROWS = 20


@cache
def parts():
    """A committed model of one score, and a committed set with groups."""
    graph = Graph.build(
        [Linear.of(RNG.normal(size=(1, 3))), Sigmoid.of()], -1.0, 1.0, input_shape=(3,), fraction_bits=8
    )
    model = CommittedModel.new(graph, uses=40)
    rows = graph.encode(RNG.uniform(-1, 1, (ROWS, 3)))
    labels = (graph.evaluate(rows)[:, 0] > 128).astype(np.int64)
    labels[0] ^= 1
    groups = (np.arange(ROWS) % 3 == 0).astype(np.int64)
    description = SetDescription.of(model.commitment.architecture, ROWS, classes=2, grouped=True)
    return model, CommittedSet.new(description, rows, labels, groups, uses=40)


def statements():
    model, data = parts()
    commitments = model.commitment, data.commitment
    rows = data.parts["rows"][:2]
    yield Inference(model.commitment, rows, model.graph.evaluate(rows)), (model,)
    yield WellFormed(model.commitment), (model,)
    yield Accuracy(*commitments, ROWS - 1), (model, data)
    yield DemographicParity(*commitments, Fraction(9, 10), Sizes.of(data.parts, by_label=False)), (model, data)
    yield EqualisedOdds(*commitments, Fraction(99, 100), Sizes.of(data.parts, by_label=True)), (model, data)


@cache
def optimal():
    """A logistic regression at its minimum, with the rows that it is the best for."""
    features = np.random.default_rng(2).uniform(-1, 1, (30, 3))
    found = fit(features, (features.sum(axis=1) > 0).astype(float), "logistic", 0.1, table_bits=8)
    data = CommittedSet.new(found.description, found.rows, found.labels, uses=40)
    model = CommittedModel.new(found.graph, uses=40)
    return Optimality(model.commitment, data.commitment, found.objective), (model, data)


@cache
def certificates():
    every = [*statements(), optimal()]
    return {each.kind: Certificate.of(each, prove(each, *secrets, context=b"c"), b"c") for each, secrets in every}


KIND = pytest.mark.parametrize("kind", KINDS)


@KIND
def test_every_kind_comes_back_from_its_bytes_and_verifies(kind):
    certificate = certificates()[kind]
    data = certificate.encode()
    again = Certificate.decode(data)
    assert again.encode() == data
    assert again.verify(context=b"c").bits >= 100
    assert again.statement.sentence() == certificate.statement.sentence()
    assert "not say" in again.statement.sentence() or "says nothing" in again.statement.sentence()


@KIND
def test_another_context_or_commitment_is_refused(kind):
    certificate = certificates()[kind]
    model, _ = parts() if kind != Optimality.kind else optimal()[1]
    certificate.verify([model.commitment.to_bytes()])
    other = CommittedModel.new(model.graph, uses=3).commitment.to_bytes()
    with pytest.raises(ProofError, match="another commitment"):
        certificate.verify([other])
    with pytest.raises(ProofError, match="another context"):
        certificate.verify(context=b"d")
    assert (certificate.data is not None) == KINDS[kind].needs_data


def altered(certificate, **changes):
    fields = {name: getattr(certificate, name) for name in ("kind", "model", "data", "parts", "context", "proof")}
    return Certificate(**fields | changes)


def test_claims_that_were_raised_afterwards_are_refused():
    made = certificates()
    accuracy, parity = made[Accuracy.kind], made[DemographicParity.kind]
    for wrong in (
        altered(accuracy, parts=msgspec.structs.replace(accuracy.parts, least=ROWS)),
        altered(accuracy, parts=msgspec.structs.replace(accuracy.parts, least=ROWS - 2)),
        altered(parity, parts=msgspec.structs.replace(parity.parts, bound=(1, 100))),
        altered(parity, kind=EqualisedOdds.kind, parts=made[EqualisedOdds.kind].parts),
        altered(accuracy, context=b"d"),
        altered(accuracy, proof=made[DemographicParity.kind].proof),
    ):
        with pytest.raises(ProofError):
            Certificate.decode(wrong.encode()).verify()


def test_other_outputs_are_refused():
    certificate = certificates()[Inference.kind]
    outputs = np.frombuffer(certificate.parts.outputs, "<i8").copy()
    outputs[0] += 1
    wrong = altered(certificate, parts=msgspec.structs.replace(certificate.parts, outputs=outputs.tobytes()))
    with pytest.raises(ProofError):
        Certificate.decode(wrong.encode()).verify()


@pytest.mark.parametrize("seed", range(150))
def test_any_bytes_end_in_one_error_or_verify_nothing(seed):
    draw = random.Random(seed)
    data = bytearray(certificates()[draw.choice(list(KINDS))].encode())
    for _ in range(draw.choice((1, 1, 3))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    if draw.random() < 0.2:
        del data[draw.randrange(len(data)) :]
    with pytest.raises((FormatError, ProofError)):
        Certificate.decode(bytes(data)).verify(context=b"c")


def test_unknown_versions_and_kinds_are_named():
    certificate = certificates()[WellFormed.kind]
    data = certificate.encode()
    with pytest.raises(FormatError, match="certificate/9"):
        Certificate.decode(data.replace(b"tacit.certificate/1", b"tacit.certificate/9"))
    with pytest.raises(ProofError, match="Well-formed model"):
        Certificate.decode(data.replace(b"well-formed model", b"Well-formed model"))
    with pytest.raises(FormatError, match="no certificate"):
        Certificate.decode(b"")
    with pytest.raises(FormatError, match="about data"):
        Certificate.decode(altered(certificates()[Accuracy.kind], data=None).encode())


def test_a_public_set_has_no_certificate():
    model, data = parts()
    public = PublicSet(data.commitment.description, *data.parts.values())
    statement = Accuracy(model.commitment, public, 1)
    with pytest.raises(ProofError, match="committed data set"):
        Certificate.of(statement, b"")


def test_files_name_themselves(tmp_path):
    path = tmp_path / "a.proof"
    certificates()[Accuracy.kind].save(path)
    assert Certificate.load(path).verify(context=b"c").bits >= 100
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"a\.proof"):
        Certificate.load(path)

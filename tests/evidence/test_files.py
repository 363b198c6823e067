"""The two files of a commitment."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import FormatError, ProofError, TacitError
from tacit.evidence import load_commitment, load_model, load_set, save
from tacit.graph import Graph, Linear
from tacit.keys import Identity
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.secret import CommittedModel


@pytest.fixture(scope="module")
def identity():
    return Identity.new("owner")


def graph():
    return Graph.build([Linear.of(np.ones((2, 3)))], -1.0, 1.0, input_shape=(3,), fraction_bits=8)


def committed_set(model):
    description = SetDescription.of(model.commitment.architecture, 2, classes=2)
    return CommittedSet.new(description, np.zeros((2, 3), np.int64), np.zeros(2, np.int64), uses=2)


def test_a_secret_comes_back_to_its_owner_alone(identity, tmp_path):
    model = CommittedModel.new(graph(), uses=2)
    kept, shown = save(model, tmp_path / "m", identity)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert b"model-secret" not in kept.read_bytes()
    assert load_model(kept, identity).commitment.to_bytes() == shown.read_bytes() == model.commitment.to_bytes()
    with pytest.raises(FormatError, match="cannot be used"):
        load_model(kept, Identity.new("owner"))


def test_uses_are_counted_in_the_sealed_file(identity, tmp_path):
    model = CommittedModel.new(graph(), uses=2)
    kept, _ = save(model, tmp_path / "m", identity)
    first, second = load_model(kept, identity), load_model(kept, identity)
    first.spend()
    second.spend()
    assert load_model(kept, identity).left == 0
    with pytest.raises(ProofError, match="anew"):
        first.spend()


def test_a_set_comes_back_and_is_no_model(identity, tmp_path):
    data = committed_set(CommittedModel.new(graph(), uses=2))
    kept, shown = save(data, tmp_path / "d", identity)
    assert load_set(kept, identity).commitment.to_bytes() == load_commitment(shown).to_bytes()
    with pytest.raises(FormatError, match="committed model"):
        load_model(kept, identity)


def test_nothing_is_written_over(identity, tmp_path):
    model = CommittedModel.new(graph(), uses=2)
    (tmp_path / "m.commitment").write_bytes(b"there")
    with pytest.raises(TacitError, match="there already"):
        save(model, tmp_path / "m", identity)
    assert not (tmp_path / "m.secret").exists()


def test_what_is_no_commitment_is_refused(identity, tmp_path):
    (tmp_path / "x").write_bytes(b"{}")
    with pytest.raises(FormatError, match="no commitment"):
        load_commitment(tmp_path / "x")
    with pytest.raises(FormatError, match="everybody may see"):
        load_model(tmp_path / "m.commitment", identity)

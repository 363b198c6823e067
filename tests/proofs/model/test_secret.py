"""Committed models: uses are counted before proofs are made, and secrets stay in their file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tacit.errors import FormatError, ProofError
from tacit.graph import Linear, Softmax
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements import proving, statement

from ..models import dense, graph_of, inference, rows_for


def test_a_model_loaded_from_its_file_has_the_same_commitment_and_proves(tmp_path: Path) -> None:
    model = CommittedModel.new(dense([3, 2]), uses=3)
    model.save(tmp_path / "model")
    again = CommittedModel.load(tmp_path / "model")
    assert again.commitment.to_bytes() == model.commitment.to_bytes()
    claim = inference(again, rows_for(again.graph, 1))
    statement.verify(claim, proving.prove(claim, again))
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o600


def test_uses_are_counted_in_the_file_before_a_proof_and_refused_when_spent(tmp_path: Path) -> None:
    model = CommittedModel.new(dense([3, 2]), uses=2)
    model.save(tmp_path / "model")
    claim = inference(model, rows_for(model.graph, 1))
    proving.prove(claim, model)
    loaded = CommittedModel.load(tmp_path / "model")
    assert loaded.left == 1
    loaded.spend()
    with pytest.raises(ProofError, match="made for 2 proofs, and all are made"):
        proving.prove(claim, CommittedModel.load(tmp_path / "model"))


def test_two_who_hold_one_file_count_together(tmp_path: Path) -> None:
    model = CommittedModel.new(dense([3, 2]), uses=3)
    model.save(tmp_path / "model")
    first, second = (CommittedModel.load(tmp_path / "model") for _ in range(2))
    for each in (first, second, first):
        each.spend()
    assert CommittedModel.load(tmp_path / "model").left == 0
    with pytest.raises(ProofError, match="all are made"):
        second.spend()


def test_a_statement_that_is_false_spends_no_use() -> None:
    model = CommittedModel.new(dense([3, 2]), uses=1)
    rows = rows_for(model.graph, 1)
    with pytest.raises(ProofError, match="other outputs"):
        proving.prove(inference(model, rows, model.graph.evaluate(rows) + 1), model)
    assert model.left == 1


def test_a_statement_about_another_model_is_not_proved() -> None:
    model, other = CommittedModel.new(dense([3, 2]), uses=1), CommittedModel.new(dense([3, 2]), uses=1)
    with pytest.raises(ProofError, match="another committed model or data set"):
        proving.prove(inference(other, rows_for(model.graph, 1)), model)
    assert model.left == 1


def test_the_repr_shows_neither_weights_nor_key() -> None:
    model = CommittedModel.new(dense([3, 2]), uses=5)
    assert repr(model) == f"CommittedModel(root={model.commitment.root.hex()[:16]}..., 5 of 5 proofs left)"


@pytest.mark.parametrize("uses", [-1, 5000])
def test_numbers_of_uses_out_of_range_are_refused(uses: int) -> None:
    with pytest.raises(ProofError, match="1 to 4096"):
        CommittedModel.new(dense([3, 2]), uses=uses)


def test_an_unprovable_layer_is_named_before_any_work() -> None:
    graph = graph_of([Linear.of([[1.0], [2.0]], name="scores"), Softmax.of(name="last")], (1,))
    with pytest.raises(ProofError, match=r"layer 'last' \(softmax\) cannot be proved; layers that can: .*linear"):
        CommittedModel.new(graph)


def test_files_that_are_no_committed_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with pytest.raises(FormatError, match="committed model"):
        CommittedModel.load(path)
    model = CommittedModel.new(dense([3, 2]), uses=1)
    model.save(path)
    data = path.read_bytes()
    for bad in (b"", data[:-1], data.replace(b"model-secret/1", b"model-secret/2"), data + b"\0"):
        path.write_bytes(bad)
        with pytest.raises(FormatError):
            CommittedModel.load(path)


def test_a_commitment_is_the_same_from_its_bytes_and_other_bytes_are_refused() -> None:
    commitment = CommittedModel.new(dense([3, 2]), uses=1).commitment
    data = commitment.to_bytes()
    assert ModelCommitment.from_bytes(data).to_bytes() == data
    for bad in (b"", data[:-1], data.replace(b'"uses":1', b'"uses":5000'), data + b" "):
        with pytest.raises(FormatError):
            ModelCommitment.from_bytes(bad)
    with pytest.raises(ProofError, match="version"):
        ModelCommitment.from_bytes(data.replace(b"model-commitment/1", b"model-commitment/2"))

"""Committed sets: one commitment for all statements, rows in their range, secrets in their file, uses counted."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tacit.errors import FormatError, ProofError
from tacit.graph import Graph, Linear
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.dataset.layout import Layout
from tacit.proofs.dataset.ranges import COUNTS
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.field import MODULUS, Words
from tacit.proofs.layers.proving import Proving
from tacit.proofs.plan import Witness
from tacit.proofs.statements import proving, statement
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.fairness import DemographicParity, EqualisedOdds, Sizes

from ..models import committed, dense, graph_of, rows_for
from .sets import arrays, cheat, committed_set, describe, gaps, refused, unchecked, with_vector

GRAPH = dense([3, 2])


def test_one_commitment_serves_all_statements_and_counts_them() -> None:
    parts = arrays(GRAPH, 16, seed=1)
    parts["labels"], parts["groups"] = np.arange(16) % 2, np.arange(16) // 2 % 2
    model, data = committed(GRAPH, 3), committed_set(GRAPH, parts, 3)
    public = SetCommitment.from_bytes(data.commitment.to_bytes())
    predicted = GRAPH.decide(GRAPH.evaluate(parts["rows"]))
    right, (parity, odds) = int((predicted == parts["labels"]).sum()), gaps(predicted, parts)
    assert max(parity, odds) < 1
    for claim in (
        Accuracy(model.commitment, public, right),
        DemographicParity(model.commitment, public, parity, Sizes.of(parts, by_label=False)),
        EqualisedOdds(model.commitment, public, odds, Sizes.of(parts, by_label=True)),
    ):
        assert not refused(claim, proving.prove(claim, model, data))
    assert data.left == 0
    another = committed(GRAPH, 3)
    with pytest.raises(ProofError, match="the set's commitment was made for 3 proofs, and all are made"):
        proving.prove(Accuracy(another.commitment, public, 1), another, data)


def test_the_same_set_has_another_commitment_each_time_it_is_hidden() -> None:
    parts = arrays(GRAPH, 4)
    roots = {committed_set(GRAPH, parts, uses).commitment.root for uses in (0, 0, 2, 2)}
    assert len(roots) == 3


@pytest.mark.parametrize("grouped", [True, False])
def test_a_set_loaded_from_its_file_has_the_same_commitment_and_proves(grouped: bool, tmp_path: Path) -> None:
    parts = arrays(GRAPH, 5)
    described = describe(GRAPH, 5, 2)
    if not grouped:
        parts.pop("groups")
        described = msgspec.structs.replace(described, grouped=False)
    data = CommittedSet.new(described, **parts, uses=2)
    data.save(tmp_path / "set")
    assert stat.S_IMODE((tmp_path / "set").stat().st_mode) == 0o600
    again = CommittedSet.load(tmp_path / "set")
    assert again.commitment.to_bytes() == data.commitment.to_bytes()
    assert {name: part.tolist() for name, part in again.parts.items()} == {
        name: part.tolist() for name, part in parts.items()
    }
    model = committed(GRAPH, 2)
    claim = Accuracy(model.commitment, data.commitment, 5)
    statement.verify(claim, proving.prove(claim, model, again))
    assert CommittedSet.load(tmp_path / "set").left == 1


def test_files_that_are_no_committed_set_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "set"
    committed_set(GRAPH, arrays(GRAPH, 5), 2).save(path)
    found = msgspec.msgpack.decode(path.read_bytes())
    for change, message in (
        ({"version": "tacit.set-secret/9"}, "of version"),
        ({"rows": found["rows"][:-8]}, "another number of values"),
        ({"labels": found["labels"][:-1]}, "another number of values"),
        ({"groups": found["groups"] + bytes(8)}, "another number of values"),
        ({"uses": -1}, "no committed set"),
    ):
        path.write_bytes(msgspec.msgpack.encode({**found, **change}))
        with pytest.raises(FormatError, match=message):
            CommittedSet.load(path)


def test_the_public_side_is_read_back_and_anything_else_refused() -> None:
    commitment = committed_set(GRAPH, arrays(GRAPH, 4), 2).commitment
    data = commitment.to_bytes()
    assert SetCommitment.from_bytes(data).source == commitment.source
    for wrong in (data[:-1], data + b" ", b"{}", data.replace(b'"grouped":true', b'"grouped":1')):
        with pytest.raises(FormatError):
            SetCommitment.from_bytes(wrong)
    for old, new in ((b"set-commitment/1", b"set-commitment/2"), (b"tacit.set/1", b"tacit.set/2")):
        with pytest.raises(ProofError, match="is of version"):
            SetCommitment.from_bytes(data.replace(old, new))
    with pytest.raises(ProofError, match="does not fit rows of shape"):
        SetCommitment.from_bytes(data.replace(b'"shape":[3]', b'"shape":[4]'))


def test_the_repr_of_a_set_shows_no_secret() -> None:
    data = committed_set(GRAPH, arrays(GRAPH, 4), 2)
    assert repr(data).startswith("CommittedSet(root=")
    assert len(repr(data)) < 80


@pytest.mark.parametrize("bits", [3, 19, 33, 53])
def test_rows_of_any_range_can_be_committed_and_proved(bits: int) -> None:
    """One digit or several, the ends of the range among the values, and different ranges side by side."""
    scale = 2.0 ** (bits - 9)
    graph = Graph.build(
        [Linear.of([[1.0 / scale, 1.0]], [0.0])], [-scale, -1.0], [scale, 0.5], input_shape=(2,), fraction_bits=8
    )
    low, high = graph.bounds["input"].low, graph.bounds["input"].high
    rows = np.concatenate([np.stack([low, high]), rows_for(graph, 5)])
    labels = graph.decide(graph.evaluate(rows))
    data = committed_set(graph, {"rows": rows, "labels": labels, "groups": labels}, 0)
    model = committed(graph, 0)
    claim = Accuracy(model.commitment, data.commitment, 7)
    assert not refused(claim, proving.prove(claim, model, data))


@pytest.mark.parametrize("delta", [1, -1])
def test_a_committed_row_outside_the_range_is_refused(delta: int) -> None:
    """u (or v) is -1: modulo p the sum fits, and only the lookup of the digits tells."""
    graph = graph_of([Linear.of([[1.0, 1.0, 1.0]], [0.0])], (3,))
    parts = arrays(graph, 5)
    end = 256 * delta
    parts["rows"][1, 1] = end

    def alter(vector: Words, honest: CommittedSet) -> None:
        layout, index = Layout(honest.commitment.description), 4 + 1
        for tensor, value in ((layout.above, 512 * (delta > 0) + delta), (layout.below, 512 * (delta < 0) - delta)):
            for place, part in enumerate(tensor.parts):
                vector[part.block.offset + index] = np.uint64(0 if place else value % MODULUS)

    model, data = committed(graph, 0), with_vector(graph, parts, alter)
    parts["rows"][1, 1] = end + delta
    labels = parts["labels"]
    labels[1] = int(parts["rows"][1].sum() > 0)
    claim = Accuracy(model.commitment, data.commitment, 4)
    values = data.opened.values
    assert int(values.max()) > 2**60
    assert "lookup" in refused(claim, cheat(claim, model, data))


def test_a_committed_row_whose_two_numbers_do_not_add_up_is_refused() -> None:
    """u is one more than v says, and all are digits."""
    graph = graph_of([Linear.of([[1.0, 1.0, 1.0]], [0.0])], (3,))
    parts = arrays(graph, 5)
    parts["rows"][0, 0] = 100

    def alter(vector: Words, honest: CommittedSet) -> None:
        layout = Layout(honest.commitment.description)
        first = layout.above.parts[0].block.offset
        vector[first] += np.uint64(1)

    data = with_vector(graph, parts, alter)
    parts["rows"][0, 0] = 101
    model = committed(graph, 0)
    claim = Accuracy(model.commitment, data.commitment, 1)

    def counts(witness: Words, plan: object) -> None:
        column = claim.planning.witness.columns()[COUNTS]
        layout = Layout(data.commitment.description)
        region = data.opened.values[: 1 << layout.region.variables].astype(np.int64)
        witness[column.offset : column.offset + (1 << column.variables)] = np.bincount(
            region, minlength=1 << column.variables
        )

    assert "claims on the set" in refused(claim, cheat(claim, model, data, alter=counts))


def lookup_of(claim: Accuracy, region: Words, counts: Words) -> None:
    """Make the prover look up another region, with other counts, than those committed."""
    ranges = claim.placed.ranges
    assert ranges is not None
    prove = ranges.prove

    def lie(proving: Proving) -> None:
        lookup = proving.lookup
        proving.lookup = lambda table, columns, known: lookup(table, [region], counts)  # type: ignore[method-assign]
        prove(proving)
        proving.lookup = lookup  # type: ignore[method-assign]

    object.__setattr__(ranges, "prove", lie)


def test_the_digits_that_are_looked_up_are_those_committed() -> None:
    """One digit is no digit, and the prover looks up zero instead."""
    parts = arrays(GRAPH, 5)

    def alter(vector: Words, honest: CommittedSet) -> None:
        layout = Layout(honest.commitment.description)
        vector[layout.above.parts[0].block.offset + 3] = np.uint64(MODULUS - 1)  # in the filling
        vector[layout.below.parts[0].block.offset + 3] = np.uint64(1)

    model, data = committed(GRAPH, 0), with_vector(GRAPH, parts, alter)
    claim, layout = Accuracy(model.commitment, data.commitment, 5), Layout(data.commitment.description)
    region = data.opened.values[: 1 << layout.region.variables].copy()
    region[region == MODULUS - 1] = 0
    counts = np.bincount(region.astype(np.int64), minlength=1 << layout.digit_bits).astype(np.uint64)
    lookup_of(claim, region, counts)

    def commit(witness: Words, plan: Witness) -> None:
        start = plan.columns()[COUNTS].offset
        witness[start : start + len(counts)] = counts

    assert "claims on the set" in refused(claim, cheat(claim, model, data, alter=commit))


def test_the_counts_of_the_lookup_are_those_committed() -> None:
    model, data = committed(GRAPH, 0), committed_set(GRAPH, arrays(GRAPH, 5), 0)
    claim, layout = Accuracy(model.commitment, data.commitment, 5), Layout(data.commitment.description)
    lookup_of(claim, data.opened.values[: 1 << layout.region.variables], layout.counts(data.parts["rows"]))

    def alter(witness: Words, plan: Witness) -> None:
        witness[plan.columns()[COUNTS].offset] += np.uint64(1)

    assert "claims on the witness" in refused(claim, cheat(claim, model, data, alter=alter))


def test_a_model_and_a_set_of_other_owners_do_not_go_together() -> None:
    model, data = committed(GRAPH, 0), committed_set(GRAPH, arrays(GRAPH, 4), 0)
    other = unchecked(GRAPH, arrays(GRAPH, 4, seed=5), 0)
    claim = Accuracy(model.commitment, data.commitment, 1)
    for secrets in ((model, other), (data, model), (model,)):
        with pytest.raises(ProofError, match="another committed model or data set"):
            proving.prove(claim, *secrets)
    with pytest.raises(ProofError, match="need a tolerance"):
        Accuracy(model.commitment, committed_set(GRAPH, arrays(GRAPH, 4), 0, 0).commitment, 1)


VERIFIER = """
import sys
from pathlib import Path
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements import accuracy, fairness, statement

model, data, proof = ((Path(sys.argv[1]) / name).read_bytes() for name in ("model", "set", "proof"))
claim = accuracy.Accuracy(ModelCommitment.from_bytes(model), SetCommitment.from_bytes(data), 4)
statement.verify(claim, proof)
loaded = [name for name in sys.modules if name.split(".")[0] in ("numba", "llvmlite", "torch")]
loaded += [name for name in sys.modules if name.startswith("tacit.kernels.")]
ours = [name for name in sys.modules if name.startswith("tacit.proofs.")]
loaded += [name for name in ours if name.split(".")[-1] in ("prover", "proving", "secret")]
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""


def test_a_verifier_of_a_committed_set_loads_neither_a_prover_nor_a_compiler(tmp_path: Path) -> None:
    model, data = committed(GRAPH, 2), committed_set(GRAPH, arrays(GRAPH, 4), 2)
    claim = Accuracy(model.commitment, data.commitment, 4)
    (tmp_path / "proof").write_bytes(proving.prove(claim, model, data))
    (tmp_path / "model").write_bytes(model.commitment.to_bytes())
    (tmp_path / "set").write_bytes(data.commitment.to_bytes())
    subprocess.run([sys.executable, "-c", VERIFIER, str(tmp_path)], check=True)

"""Well-formed models: parameters within their bits, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.graph import Conv2d, Flatten, Linear, ReLU
from tacit.proofs import field
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements import proving, statement
from tacit.proofs.statements.well_formed import WellFormed

from ..models import MODES, accepted, committed, dense, graph_of


@pytest.mark.parametrize("uses", MODES)
def test_a_graph_s_model_is_well_formed(uses: int) -> None:
    rng = np.random.default_rng(1)
    layers = [
        Conv2d.of(rng.normal(size=(3, 1, 2, 2))),
        ReLU.of(),
        Flatten.of(),
        Linear.of(rng.normal(size=(2, 27)), [1, -30]),
    ]
    model = committed(graph_of(layers, (1, 4, 4)), uses)
    proof = proving.prove(WellFormed(model.commitment), model)
    assert statement.verify(WellFormed(model.commitment), proof).bits >= 100


@pytest.mark.parametrize("error", [1, -1])
def test_a_parameter_past_its_bits_is_refused(error: int) -> None:
    """The owner commits to a parameter that is one over 2^bits - 1, or one under -2^bits."""

    class Forged(CommittedModel):
        """Its first weight is altered as it is committed."""

        def _commit(self, values: field.Words, code: object) -> object:  # type: ignore[override]
            bits = int(np.abs(self.graph.layers[0].weight).max()).bit_length()  # type: ignore[attr-defined]
            values[0] = (2**bits if error > 0 else -(2**bits) - 1) % field.MODULUS
            return super()._commit(values, code)  # type: ignore[arg-type]

    model = Forged.new(dense([3, 2]), uses=0)
    claim = WellFormed(model.commitment)
    assert not accepted(claim, proving.prove(claim, model))


def test_parameters_whose_bits_could_pass_2_to_the_62_are_refused_with_advice() -> None:
    graph = graph_of([Linear.of(np.diag([1.0] * 40), weight_bits=40)], (40,), fraction_bits=16)
    model = committed(graph, 0)
    with pytest.raises(ProofError, match=r"could reach 2\^6\d, past 2\^62; build the graph with fewer weight_bits"):
        WellFormed(model.commitment)

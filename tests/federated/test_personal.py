"""Personalisation: the last layer alone moves, and rows held back decide how far."""

import numpy as np
import pytest

from tacit.federated.contributions import Contributor
from tacit.federated.models import capped
from tacit.federated.personal import STEPS, personalise
from tacit.federated.validation import split

from .agreements import make_agreement, make_table
from .test_contributions import SCALING, by_hand, random_parameters


def make_rows(rows: int, **settings):
    agreement = make_agreement(hidden=(5,), validation_share=0.3, personal="last-layer", **settings)
    kept, held = split(agreement, make_table(agreement.data, rows), "ash")
    return Contributor(agreement, kept, SCALING, held, "ash"), held, agreement


def mean_loss(agreement, parameters, table) -> float:
    return float(capped(by_hand(agreement, parameters, table)[1]).mean())


@pytest.mark.parametrize("unit", ["none", "record", "party"])
def test_the_last_layer_alone_moves_and_does_better_on_rows_held_back(unit):
    rows, held, agreement = make_rows(100, unit=unit)
    common = random_parameters(agreement)
    own, steps = personalise(common, 6, rows)
    assert 0 < steps <= STEPS
    assert (own[:-6] == common[:-6]).all()
    assert (own[-6:] != common[-6:]).all()
    assert mean_loss(agreement, own, held) < mean_loss(agreement, common, held)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_party_that_holds_no_rows_back_keeps_the_common_model(rows):
    contributor, _, agreement = make_rows(rows)
    common = random_parameters(agreement)
    own, steps = personalise(common, 6, contributor)
    assert steps == 0
    assert own is common


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1.0, 100.0, 1e9, 1e200])
@pytest.mark.parametrize("learning_rate", [0.5, 1000.0])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_it_is_never_worse_than_the_common_model_on_rows_held_back(task, size, learning_rate):
    rows, _, agreement = make_rows(30, task=task, learning_rate=learning_rate)
    common = random_parameters(agreement, size)
    own, _ = personalise(common, 6, rows)
    assert rows.held_loss(own).mean() <= rows.held_loss(common).mean()
    assert np.isfinite(own).all()

"""The plan of a computation follows from the agreement alone."""

import msgspec
import pytest

from tacit.data import Column, Schema
from tacit.errors import AgreementError
from tacit.run.epochs import make_epochs, training_settings
from tacit.run.preparing import check_method, make_plan

from .test_parts import agreed

replace = msgspec.structs.replace


def test_every_setting_is_heeded():
    agreement = agreed("multiclass", hidden=(4,), batch_rows=16, momentum=0.25, l2=0.125)
    settings = training_settings(agreement, rows=99)
    assert (settings.loss, settings.outputs, settings.hidden) == ("classes", 3, (4,))
    assert (settings.epochs, settings.learning_rate, settings.momentum, settings.l2) == (3, 0.5, 0.25, 0.125)
    assert (settings.batch_rows, settings.fraction_bits, settings.seed) == (16, 16, 0)
    for name, value in (("seed", 5), ("fraction_bits", 12)):
        other = replace(agreement, model=replace(agreement.model, **{name: value}))
        assert getattr(training_settings(other, rows=99), name) == value


def test_without_batches_all_rows_are_one():
    assert training_settings(agreed(), rows=99).batch_rows == 99


def test_the_plan_is_the_beginning_and_the_epochs():
    plan = make_plan(agreed())
    assert list(plan.steps) == [0, 1, 2, 3]
    assert plan.digest == make_epochs(agreed()).digest


@pytest.mark.parametrize("name", ["rounds", "learning_rate", "momentum", "l2", "batch_rows"])
def test_another_setting_is_another_plan(name):
    agreement = agreed()
    other = replace(agreement, training=replace(agreement.training, **{name: 0.75 if name != "rounds" else 4}))
    if name == "batch_rows":
        other = replace(agreement, training=replace(agreement.training, batch_rows=7))
    assert make_epochs(other).digest != make_epochs(agreement).digest


def test_a_model_that_no_graph_can_hold_is_refused_before_anything_is_signed():
    label = Column("ill", "number", low=0.0, high=1e12)
    schema = Schema("ill", (Column("f0", "number", low=0.0, high=1.0), label))
    agreement = replace(agreed("regression"), data=schema)
    for check in (make_epochs, check_method):
        with pytest.raises(AgreementError, match="cannot be exported"):
            check(agreement)

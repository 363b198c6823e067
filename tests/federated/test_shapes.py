"""Shapes from the agreement alone: those of the very modules that are trained."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import AgreementError
from tacit.federated.models import make_module
from tacit.federated.plan import make_plan
from tacit.federated.shapes import dense_widths, layer_widths, parameter_count, parameter_shapes
from tacit.study import Convolution, Model

from .agreements import make_agreement

LENET = Model(
    "cnn", (120, 84), image=(1, 28, 28), convolutions=(Convolution(6, 5, 2, pool=2), Convolution(16, 5, pool=2))
)


def test_lenet_has_the_parameters_that_it_is_known_for() -> None:
    """LeCun et al. 1998, with all 6 maps read by each of the 16: 61,706 where there are ten outputs; here three."""
    agreement = make_agreement("multiclass", features=784, model=LENET)
    assert parameter_shapes(agreement)[:4] == ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,))
    assert layer_widths(agreement) == (784, 120, 84, 3)
    assert dense_widths(agreement) == (400, 120, 84, 3)
    assert parameter_count(agreement) == 61_706 - 7 * 85 == make_plan(agreement).parameters


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_shapes_are_those_of_the_module(data: st.DataObject) -> None:
    image = data.draw(st.tuples(st.integers(1, 2), st.integers(4, 6), st.integers(4, 6)))
    few = st.integers(1, 3)
    layers = data.draw(
        st.lists(
            st.builds(Convolution, few, few, st.just(0), st.integers(1, 2), st.sampled_from(["average", "max"]))
            | st.builds(Convolution, few, st.just(3), st.integers(0, 2)),
            min_size=1,
            max_size=3,
        )
    )
    hidden = tuple(data.draw(st.lists(few, max_size=2)))
    features = image[0] * image[1] * image[2]
    model = Model("cnn", hidden, image=image, convolutions=tuple(layers))
    try:
        agreement = make_agreement("multiclass", features=features, model=model)
    except AgreementError as error:
        assert "kernel" in str(error) or "pool less" in str(error)
        return
    module = make_module(agreement)
    assert parameter_shapes(agreement) == tuple(tuple(each.shape) for each in module.parameters())
    assert dense_widths(agreement)[1:] == layer_widths(agreement)[1:]


def test_of_torch_code_the_agreement_says_how_many() -> None:
    """Whoever has not got the code, as the coordinator, plans all the same."""
    model = Model("torch", factory="lost.package:make", source="sha256:" + 64 * "0", parameters=1234)
    assert parameter_count(make_agreement(model=model)) == make_plan(make_agreement(model=model)).parameters == 1234


def test_more_parameters_than_can_be_trained_are_refused_before_there_is_one() -> None:
    agreement = make_agreement(hidden=(4096, 4096, 4096))
    with pytest.raises(AgreementError, match="has 33,583,105 parameters, and 20,000,000 are the most"):
        make_plan(agreement)


def test_plans_of_images_and_of_torch_code_need_no_torch() -> None:
    code = "import sys, tacit.federated.plan, tacit.federated.shapes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph.fixed import as_floats, check_fraction_bits, dequantise, nearest, quantise, rescale

BITS = st.integers(8, 20)


@given(st.floats(-(2.0**40), 2.0**40), BITS)
def test_encoding_is_the_floor_of_the_scaled_value_plus_a_half(value: float, bits: int) -> None:
    expected = floor(Fraction(value) * 2**bits + Fraction(1, 2))
    assert int(nearest(np.array(value), bits)) == expected


@pytest.mark.parametrize("bits", range(8, 21))
def test_ties_go_up(bits: int) -> None:
    ties = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]) / 2**bits
    assert nearest(ties, bits).tolist() == [-2, -1, 0, 1, 2, 3]


def test_just_beside_a_tie() -> None:
    below, above = np.nextafter(0.5, 0), np.nextafter(0.5, 1)
    assert nearest(np.array([below, above, -below, -above]) / 2**16, 16).tolist() == [0, 1, 0, -1]
    assert nearest(np.array([-5e-324, 5e-324, -0.0]), 16).tolist() == [0, 0, 0]


@given(st.integers(-(2**62), 2**62), st.integers(1, 60))
def test_rescaling_is_round_half_up(x: int, bits: int) -> None:
    assert int(rescale(np.array([x]), bits)[0]) == floor(Fraction(x, 2**bits) + Fraction(1, 2))


def test_rescaling_at_the_ends() -> None:
    ends = np.array([-(2**62), -1, 0, 1, 2**15, -(2**15), 2**62])
    assert rescale(ends, 16).tolist() == [-(2**46), 0, 0, 0, 1, 0, 2**46]


@given(st.integers(-(2**53), 2**53), BITS)
def test_decoding_is_exact_and_undone_by_encoding(x: int, bits: int) -> None:
    real = dequantise(np.array([x]), bits)
    assert Fraction(float(real[0])) == Fraction(x, 2**bits)
    assert int(nearest(real, bits)[0]) == x


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_quantise_names_the_index_of_what_is_not_finite(bad: float) -> None:
    with pytest.raises(GraphError, match=r"^weight: the value at \(1, 0\) is not a finite number$"):
        quantise(np.array([[1.0, 2.0], [bad, 3.0]]), 16, "weight")


def test_quantise_at_the_limit() -> None:
    assert quantise([2.0**46, -(2.0**46)], 16, "bias").tolist() == [2**62, -(2**62)]
    with pytest.raises(GraphError, match=r"^bias: the value at 1 passes 2\*\*62 with 16 fractional bits$"):
        quantise([0.0, np.nextafter(2.0**46, np.inf)], 16, "bias")
    with pytest.raises(GraphError, match="passes"):
        quantise([1e300], 40, "bias")


def test_quantise_keeps_weights_out_of_its_errors() -> None:
    with pytest.raises(GraphError) as caught:
        quantise([123456789e30], 16, "weight")
    assert "123456789" not in str(caught.value)


@pytest.mark.parametrize("bad", [["a"], [1j], [[1.0], [2.0, 3.0]], [None, {}], np.array(["2020-01-01"], dtype="M8[D]")])
def test_what_is_no_real_number_is_named(bad: object) -> None:
    with pytest.raises(GraphError, match="^x: not an array of real numbers"):
        as_floats(bad, "x")  # type: ignore[arg-type]


def test_no_value_is_quoted_where_it_is_no_number() -> None:
    """Such a value may be a patient's name. Text that looks like a number is none either."""
    for values in (
        np.array(["Alice", 1], dtype=object),
        np.array([["0.5"]], dtype=object),
        [b"Alice"],
        [["Alice"], []],
    ):
        with pytest.raises(GraphError) as caught:
            as_floats(values, "x")  # type: ignore[arg-type]
        assert "Alice" not in f"{caught.value}{caught.value.__cause__}{caught.value.__context__}"


def test_numbers_that_no_float_holds() -> None:
    for values in ([10**400], [Decimal("sNaN")]):
        with pytest.raises(GraphError, match="a number that no float holds"):
            as_floats(values, "x")  # type: ignore[arg-type]
    assert as_floats([Fraction(1, 4), Decimal("0.5")], "x").tolist() == [0.25, 0.5]  # type: ignore[arg-type]


def test_other_numbers_become_float64() -> None:
    for values in ([1, 2], [True, False], np.array([1, 2], dtype=np.float16), np.array([1, 2], dtype=object)):
        assert as_floats(values, "x").dtype == np.float64


@pytest.mark.parametrize("bad", [7, 21, 0, -16, 16.0, True, "16", None])
def test_fraction_bits_that_a_graph_may_not_have(bad: object) -> None:
    with pytest.raises(GraphError, match="from 8 to 20"):
        check_fraction_bits(bad)  # type: ignore[arg-type]


def test_a_tensor_with_a_gradient_says_what_to_give_instead():
    torch = pytest.importorskip("torch")
    with pytest.raises(GraphError, match=r"sample: not an array of real numbers .*detach"):
        as_floats(torch.ones(2, requires_grad=True), "sample")

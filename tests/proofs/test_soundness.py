"""Soundness: the sum of all terms, and what is under 100 bits is refused."""

from __future__ import annotations

from math import log2

import pytest

from tacit.errors import ProofError
from tacit.proofs.commitment.parameters import choose
from tacit.proofs.soundness import FIELD_BITS, Report, Term, of_argument, of_challenge, of_code


def test_errors_add_up() -> None:
    report = Report((Term("a", 101.0), Term("b", 101.0)))
    assert report.bits == pytest.approx(100.0)
    assert report.lines() == ["a: 2^-101.0", "b: 2^-101.0", "all together: 2^-100.0"]


def test_a_proof_under_100_bits_is_refused_with_its_terms() -> None:
    with pytest.raises(ProofError, match=r"99\.0 bits only, under 100.*weak: 2\^-99\.0"):
        Report((Term("weak", 99.0),)).require()
    assert Report((Term("fine", 100.5),)).require().bits == 100.5


def test_a_challenge_lets_bad_values_pass_and_no_bad_values_are_no_error() -> None:
    assert of_challenge("x", 8).bits == pytest.approx(FIELD_BITS - 3)
    assert pytest.approx(128, abs=1e-6) == FIELD_BITS
    assert Report((of_challenge("x", 0),)).bits == float("inf")


def test_a_code_has_a_proximity_and_a_query_term() -> None:
    code = choose(2**17, 64)
    proximity, columns = of_code("model", code)
    rows = (code.rows - 1).bit_length()
    assert proximity.bits == pytest.approx(FIELD_BITS - log2((rows + 1) * code.points))
    missed = 1 - (1 - code.length / code.points) / 2
    assert columns.bits == pytest.approx(-code.queries * log2(missed))


def test_every_part_of_an_argument_has_its_term() -> None:
    codes = [("witness", choose(1000, 1)), ("model", choose(2**22, 64))]
    report = of_argument(500, [10, 20], 40, codes, 2**23)
    assert len(report.terms) == 4 + 2 * len(codes)
    assert report.bits >= 100
    assert len(of_argument(500, [10, 20], 0, codes, 2**23).terms) == 3 + 2 * len(codes)
    assert of_argument(500, [10], 0, codes, 2**28).bits < report.bits
    with pytest.raises(ProofError):
        of_argument(500, [10], 0, codes, 2**29).require()

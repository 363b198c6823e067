from __future__ import annotations

import re
from pathlib import Path

import pytest

from tacit.federated.secagg import costs
from tacit.federated.secagg.costs import download_bytes, upload_bytes
from tacit.federated.secagg.thresholds import threshold

from .driver import STEPS, Session, make_setting

NAME_BYTES = len("party-00")


@pytest.mark.parametrize(
    ("n", "length", "word_bits"),
    [
        (3, 0, 32),
        (3, 1, 16),
        (4, 31, 64),
        (5, 32, 64),
        (15, 100, 16),
        (16, 16383, 32),
        (17, 16384, 32),
        (18, 5, 64),
        (4, 1001, 27),
    ],
)
def test_measured_bytes_are_the_formula(n: int, length: int, word_bits: int) -> None:
    session = Session(make_setting(n=n, length=length, word_bits=word_bits)).go()
    assert set(session.sent.values()) == {upload_bytes(n, length, word_bits, NAME_BYTES)}
    assert set(session.received.values()) == {download_bytes(n, session.setting.quorum, NAME_BYTES)}


@pytest.mark.parametrize("n", range(3, 16))
@pytest.mark.parametrize(("length", "header"), [(0, 2), (63, 2), (64, 3), (16383, 3), (16384, 5)])
def test_the_closed_form_of_the_docstring(n: int, length: int, header: int) -> None:
    a, v = 8, 4 * length
    assert upload_bytes(n, length, 32, a) == 2_481 * n + 5 * a + 6_835 + v + header
    for t in range(1, n + 1):
        assert download_bytes(n, t, a) == 8_340 * n + 3_391 * t + (4 * n + t - 1) * a - 2_426


def test_the_examples_of_the_docstring() -> None:
    up, down = (
        (upload_bytes(10, 0, 32, 8), download_bytes(10, threshold(10, 0), 8)),
        (upload_bytes(100, 0, 32, 8), download_bytes(100, threshold(100, 0), 8)),
    )
    assert [round(value / 1000) for value in (*up, *down)] == [32, 102, 255, 1008]


def test_the_table_on_the_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "protocols" / "secure-aggregation.md"
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) (kB|MB) \| ([\d.]+) (kB|MB) \|$", page.read_text(), re.MULTILINE)
    assert [int(row[0]) for row in rows] == [3, 5, 10, 30, 100]
    for n, up, up_unit, down, down_unit in rows:
        # A sum over no words: its vector costs two bytes.
        for stated, unit, exact in (
            (up, up_unit, upload_bytes(int(n), 0, 32, 8)),
            (down, down_unit, download_bytes(int(n), threshold(int(n), 0), 8)),
        ):
            decimals = len(stated.partition(".")[2])
            assert float(stated) == round(exact / {"kB": 1e3, "MB": 1e6}[unit], decimals)


def test_names_of_another_length() -> None:
    assert upload_bytes(5, 0, 16, 31) - upload_bytes(5, 0, 16, 30) == 5
    assert upload_bytes(5, 0, 16, 32) - upload_bytes(5, 0, 16, 31) == 10


def test_rounds() -> None:
    assert len(STEPS) == costs.ROUNDS


def test_a_dropout_makes_it_less() -> None:
    session = Session(make_setting(n=5), absent={"party-04": "mask"}).go()
    assert max(session.sent.values()) <= upload_bytes(5, 8, 32, NAME_BYTES)
    assert max(session.received.values()) <= download_bytes(5, session.setting.quorum, NAME_BYTES)

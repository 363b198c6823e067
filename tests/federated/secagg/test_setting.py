from __future__ import annotations

import dataclasses
import re

import pytest

from tacit.errors import AgreementError, FormatError
from tacit.keys import Identity

from .driver import identity, make_setting

SETTING = make_setting(n=5, corrupt=1, dropping=1, instance=bytes(32))


def test_derived_numbers() -> None:
    assert SETTING.threshold == 4
    assert SETTING.minimum_survivors == 4
    assert SETTING.minimum_honest_survivors == 3
    assert SETTING.vector_bytes == 32
    assert SETTING.positions["party-03"] == 3
    assert SETTING.in_order(["party-03", "nobody", "party-01", "party-03"]) == ("party-01", "party-03")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dropping": 2}, "at most 1 may drop"),
        ({"corrupt": -1}, "negative"),
        ({"parties": SETTING.parties[:2]}, "3 or more"),
        ({"parties": (*SETTING.parties[:4], SETTING.parties[0])}, "the same name"),
        ({"parties": (*SETTING.parties[:4], Identity.new("party-00").public)}, "the same name"),
        ({"coordinator": "party-02"}, "the same name"),
        ({"instance": bytes(31)}, "31 bytes"),
        ({"instance": bytes(33)}, "33 bytes"),
        ({"word_bits": 7}, "choose 8 to 64"),
        ({"word_bits": 65}, "choose 8 to 64"),
        ({"length": -1}, "bytes fit"),
        ({"length": 2**29 + 1}, "bytes fit"),
    ],
)
def test_refused(change: dict, reason: str) -> None:
    with pytest.raises(AgreementError, match=re.escape(reason)):
        dataclasses.replace(SETTING, **change)


def test_a_coordinator_needs_a_name() -> None:
    with pytest.raises(FormatError):
        dataclasses.replace(SETTING, coordinator="The Server")


@pytest.mark.parametrize(
    "change",
    [
        {"corrupt": 0},
        {"dropping": 0},
        {"length": 9},
        {"word_bits": 64},
        {"instance": b"\x01" + bytes(31)},
        {"coordinator": "operator"},
        {"parties": SETTING.parties[::-1]},
        {"parties": SETTING.parties[:4]},
        {"parties": (*SETTING.parties[:4], Identity.new("party-04").public)},
        {"parties": (*SETTING.parties, identity(7).public)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_covers_every_field(change: dict) -> None:
    assert dataclasses.replace(SETTING, **change).digest != SETTING.digest


def test_the_digest_is_the_same_for_equal_settings() -> None:
    assert dataclasses.replace(SETTING).digest == SETTING.digest
    assert len(SETTING.digest) == 32


def test_it_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SETTING.corrupt = 0

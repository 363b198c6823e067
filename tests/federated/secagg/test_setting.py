from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from tacit.errors import AgreementError, FormatError
from tacit.federated.secagg.regular_graph import regular_graph
from tacit.federated.secagg.thresholds import least_in_sum
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


def test_derived_numbers_of_the_sparse_graph() -> None:
    setting = make_setting(n=101, corrupt=1, dropping=25, sparse=True)
    graph = regular_graph(101, 1, 25)
    assert setting.graph == graph
    assert graph.cut_off > 0
    assert (setting.threshold, setting.quorum, len(setting.committee)) == (
        graph.threshold,
        graph.quorum,
        graph.committee,
    )
    assert setting.minimum_survivors == 76
    assert setting.minimum_honest_survivors == 75 - graph.cut_off
    assert setting.minimum_honest_survivors == least_in_sum(101, 1, 25) - 1


def test_the_sparse_graph_bears_more_parties_and_refuses_what_it_cannot_keep() -> None:
    parties = make_setting(n=101, corrupt=0, dropping=1, sparse=True).parties
    with pytest.raises(AgreementError, match="101 parties: at most 100 can take part on a complete graph"):
        dataclasses.replace(SETTING, parties=parties)
    with pytest.raises(AgreementError, match="on no sparse graph"):
        dataclasses.replace(SETTING, parties=parties, corrupt=100, dropping=0, sparse=True)


@pytest.mark.parametrize("number", ["degree", "threshold", "committee", "quorum"])
def test_the_digest_covers_the_numbers_of_the_graph(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever works with others, say by another version of the program, is in another sum."""
    sparse = make_setting(n=12, corrupt=1, dropping=1, instance=bytes(32), sparse=True)
    graph = sparse.graph
    other = dataclasses.replace(graph, **{number: getattr(graph, number) + 1})
    monkeypatch.setattr("tacit.federated.secagg.setting.regular_graph", lambda *_: other)
    assert dataclasses.replace(sparse).digest != sparse.digest
    assert dataclasses.replace(sparse, sparse=False).digest != sparse.digest


@pytest.mark.parametrize("word_bits", [8, 13, 16, 27, 64])
def test_vectors_are_packed_in_the_width_of_the_setting(word_bits: int) -> None:
    setting = dataclasses.replace(SETTING, length=5, word_bits=word_bits)
    words = np.arange(5, dtype=setting.dtype)
    data = setting.pack(words)
    assert len(data) == setting.vector_bytes
    np.testing.assert_array_equal(setting.unpack(data), words)
    for wrong in (b"", data[:-1], data + b"\x00"):
        assert setting.unpack(wrong) is None


def test_the_digest_is_the_same_for_equal_settings() -> None:
    assert dataclasses.replace(SETTING).digest == SETTING.digest
    assert len(SETTING.digest) == 32


def test_it_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SETTING.corrupt = 0

"""The functionality on the sparse graph: the same sum, whoever drops out when."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProtocolError
from tacit.federated.secagg import Setting, shamir

from .driver import STEPS, Session, make_setting, make_vectors, plain_sum

SIZES = [(12, 0, 1), (12, 1, 1), (14, 1, 3), (16, 2, 2)]


def sparse(n: int, corrupt: int, dropping: int, **options: int) -> Setting:
    return make_setting(n, corrupt, dropping, sparse=True, **options)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Setting, dict[str, str]]:
    n, corrupt, dropping = draw(st.sampled_from(SIZES))
    length = draw(st.sampled_from([0, 1, 7, 8, 17]))
    setting = sparse(n, corrupt, dropping, length=length, word_bits=draw(st.integers(8, 64)))
    gone = draw(st.lists(st.sampled_from(setting.names), max_size=dropping, unique=True))
    return setting, {name: draw(st.sampled_from(STEPS)) for name in gone}


@settings(max_examples=15, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_the_sum_is_over_the_survivors(case: tuple[Setting, dict[str, str]], seed: int) -> None:
    setting, absent = case
    session = Session(setting, make_vectors(setting, seed), absent).go()
    expected = tuple(name for name in setting.names if absent.get(name) not in STEPS[:3])
    assert session.server.surviving == expected
    assert session.total.dtype == setting.dtype
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, expected))
    assert session.errors == {}
    assert set(session.server.excluded) == set(absent)


@pytest.mark.parametrize("word_bits", [8, 9, 13, 16, 17, 27, 32, 33, 47, 63, 64])
def test_words_of_any_width_wrap(word_bits: int) -> None:
    setting, top = sparse(12, 0, 1, length=3, word_bits=word_bits), 2**word_bits - 1
    vectors = {name: np.array([0, 1, top], setting.dtype) for name in setting.names}
    session = Session(setting, vectors).go()
    assert session.total.tolist() == [0, 12, top - 11]
    assert {len(message.vector) for message in session.messages["mask"].values()} == {setting.vector_bytes}


@pytest.mark.parametrize("step", STEPS[2:])
def test_more_parties_than_the_complete_graph_bears(step: str) -> None:
    setting = sparse(101, 1, 4, length=5, word_bits=27)
    assert setting.graph.degree < 10
    # Two of the committee and two others go.
    inside = [name for name in setting.names if name in setting.committee][:2]
    outside = [name for name in setting.names if name not in setting.committee][:2]
    session = Session(setting, absent=dict.fromkeys((*inside, *outside), step)).go()
    assert len(session.server.surviving) == (97 if step in STEPS[:3] else 101)
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, session.server.surviving))


def test_dropouts_in_every_step_of_one_sum() -> None:
    setting = sparse(20, 0, 5, word_bits=27)
    absent = dict(zip(setting.names[::4], STEPS, strict=True))
    session = Session(setting, absent=absent).go()
    assert set(session.server.excluded) == set(absent)
    assert set(setting.names) - set(session.server.surviving) == set(setting.names[:12:4])
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, session.server.surviving))


@pytest.mark.parametrize("step", STEPS[:3])
def test_one_dropout_too_many_stops_the_sum_and_is_named(step: str) -> None:
    setting = sparse(12, 1, 1)
    gone = setting.names[3:5]
    with pytest.raises(ProtocolError, match="10 valid messages, 11 needed") as caught:
        Session(setting, absent=dict.fromkeys(gone, step)).go()
    assert (caught.value.culprit, caught.value.step) == (", ".join(gone), step)


def test_after_the_survivor_set_the_quorum_and_t_holders_of_each_are_enough() -> None:
    setting = sparse(12, 0, 1)
    assert (setting.quorum, setting.threshold, setting.graph.degree + 1) == (2, 5, 7)
    one_signer = [name for name in setting.names if name in setting.committee][:1]
    outside = [name for name in setting.names if name not in setting.committee][:1]
    session = Session(setting, absent=dict.fromkeys(one_signer + outside, "confirm")).go()
    assert len(session.messages["confirm"]) == 10
    np.testing.assert_array_equal(session.total, plain_sum(setting, session.vectors, setting.names))


def test_shares_of_a_secret_that_too_few_hold_stop_the_sum_and_name_the_silent() -> None:
    setting = sparse(12, 0, 1)
    session = Session(setting).go("confirm")
    topology = session.server._memory._known.ledger.topology
    holders = topology.holders("party-05", setting.names)
    assert len(holders) == setting.graph.degree + 1 == 7
    silent = [name for name in holders if name != "party-05"][: 7 - setting.threshold + 1]
    session.absent = dict.fromkeys(silent, "unmask")
    with pytest.raises(ProtocolError, match=f"{setting.threshold - 1} shares of a secret of") as caught:
        session.go()
    assert caught.value.step == "unmask"
    assert set(caught.value.culprit.split(", ")) <= set(silent)


def test_each_party_hears_from_its_neighbours_alone() -> None:
    setting = sparse(24, 1, 2)
    session = Session(setting).go()
    picks = {name: {setting.names[p] for p in ad.picks} for name, ad in session.messages["advertise"].items()}
    for name in setting.names:
        neighbours = {other for other in setting.names if other in picks[name] or name in picks[other]}
        assert len(neighbours) < 23
        roster = [ad.party for ad in session.replies["advertise"][name].advertisements]
        assert tuple(roster) == setting.in_order(neighbours | {name})
        inbox = session.replies["share"][name]
        assert tuple(delivery.sender for delivery in inbox.deliveries) == setting.in_order(neighbours)
        assert inbox.dealers == setting.names
        with_shares = {delivery.sender for delivery in inbox.deliveries if delivery.piece.dealing is not None}
        assert with_shares == {other for other in neighbours if name in picks[other]}
        assert len(session.messages["mask"][name].tags) == len(picks[name])
        assert len(session.replies["mask"][name].tags) == len(with_shares)
        assert len(session.messages["unmask"][name].seed_shares) == len(with_shares) + 1


def test_shares_go_to_the_picks_and_to_the_dealer_itself() -> None:
    """t of k + 1 hold shares of each secret, and they fit the polynomial at the holders' places in the agreement."""
    setting = sparse(12, 1, 1)
    session = Session(setting).go("share")
    secrets = {name: party._memory._known.secrets for name, party in session.parties.items()}
    session.go("mask")
    held = {name: party._memory._known.held for name, party in session.parties.items()}
    for owner, secret in secrets.items():
        holders = [name for name in setting.names if owner in held[name]]
        assert len(holders) == setting.graph.degree + 1
        for field, value in (("seed_share", secret.seed), ("root_share", secret.root)):
            shares = {setting.positions[name] + 1: getattr(held[name][owner], field) for name in holders}
            assert shamir.combine(shares) == value
            fewer = dict(list(shares.items())[: setting.threshold])
            assert shamir.combine(fewer) == value
            del fewer[next(iter(fewer))]
            assert shamir.combine(fewer) != value

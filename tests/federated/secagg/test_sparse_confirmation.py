"""A malicious server and the committee: one survivor set in a sum, known to the quorum, or nothing is revealed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Confirmation, Confirmations, Survivors
from tacit.federated.secagg.confirmation import View, sign_confirmation
from tacit.federated.secagg.setting import Setting

from .driver import Session, identity, make_setting
from .sparse import COMMITTEE, QUORUM, VICTIM, drawn, refused, revive, shared, sparse_setting


def at_unmask() -> tuple[Session, dict[str, Confirmation]]:
    """A session, and what all survivors signed."""
    session = shared("confirm")
    return session, {name: session.messages["confirm"][name] for name in session.server.surviving}


def members(setting: Setting) -> tuple[str, ...]:
    return setting.in_order(setting.committee)


def given(signed: dict[str, Confirmation], names: tuple[str, ...] | list[str]) -> Confirmations:
    return Confirmations(tuple(signed[name] for name in names))


# --- who is on the committee


def test_the_committee_is_named_by_the_sum() -> None:
    setting = sparse_setting()
    assert (len(setting.committee), setting.quorum) == (COMMITTEE, QUORUM)
    assert setting.committee < set(setting.names)
    assert dataclasses.replace(setting).committee == setting.committee
    others = {dataclasses.replace(setting, instance=bytes([place]) * 32).committee for place in range(8)}
    assert len(others) > 1
    assert {len(other) for other in others} == {COMMITTEE}


def test_everybody_is_on_some_committee() -> None:
    """Of 200 sums, 6 of 20 each: that one party is on none has a chance of 20 * 0.7^200, below 10^-29."""
    setting = sparse_setting()
    sums = (dataclasses.replace(setting, instance=bytes([place]) * 32) for place in range(200))
    assert set().union(*(one.committee for one in sums)) == set(setting.names)


def test_on_the_complete_graph_everyone_is_and_the_quorum_is_the_threshold() -> None:
    setting = make_setting(n=7, corrupt=2, dropping=1)
    assert setting.committee == set(setting.names)
    assert setting.quorum == setting.threshold == 5


# --- the confirmations


def test_the_quorum_of_the_committee_is_enough_and_one_less_is_not() -> None:
    session, signed = at_unmask()
    assert [item.party for item in session.replies["confirm"][VICTIM].confirmations] == [*members(session.setting)][:4]
    known = session.parties[VICTIM]._memory._known
    for chosen in itertools.combinations(members(session.setting), QUORUM):
        revive(session, VICTIM, known).unmask(given(signed, chosen))
    for fewer in range(QUORUM):
        revive(session, VICTIM, known)
        reason = refused(session, "unmask", given(signed, members(session.setting)[:fewer]))
        assert f"{fewer} confirmations are fewer than 4" in reason


def test_more_than_the_quorum_may_be_given() -> None:
    session, signed = at_unmask()
    session.parties[VICTIM].unmask(given(signed, members(session.setting)))


def test_signatures_from_outside_the_committee_do_not_count() -> None:
    session, signed = at_unmask()
    known = session.parties[VICTIM]._memory._known
    outside = [name for name in session.setting.names if name not in session.setting.committee]
    inside = members(session.setting)
    for names in (outside, (*inside[: QUORUM - 1], outside[0]), (*inside, outside[0]), session.setting.names):
        revive(session, VICTIM, known)
        reason = refused(session, "unmask", given(signed, session.setting.in_order(names)))
        assert "not by survivors of the committee, each once" in reason


@pytest.mark.parametrize("change", ["twice", "order", "unknown"])
def test_signers_that_are_not_each_there_once(change: str) -> None:
    session, signed = at_unmask()
    listed = [signed[name] for name in members(session.setting)]
    listed = {
        "twice": [*listed[:3], listed[2]],
        "order": [listed[1], listed[0], *listed[2:]],
        "unknown": [*listed, replace(listed[0], party="zz")],
    }[change]
    assert "not by survivors of the committee, each once" in refused(session, "unmask", Confirmations(tuple(listed)))


def test_a_member_who_is_not_a_survivor() -> None:
    session = drawn("share")
    gone = next(name for name in members(session.setting) if name != VICTIM)
    session.absent = {gone: "mask"}
    session.go("confirm")
    view = session.parties[VICTIM]._memory._known.view
    signed = dict(session.messages["confirm"])
    signed[gone] = sign_confirmation(session.setting, identity(session.setting.positions[gone]), view)
    reason = refused(session, "unmask", given(signed, members(session.setting)))
    assert "not by survivors of the committee" in reason


@pytest.mark.parametrize(
    "change",
    [
        lambda view: View(bytes(32), view.dealers, view.survivors),
        lambda view: View(view.roster_digest, view.dealers[:19], view.survivors[:19]),
        lambda view: View(view.roster_digest, view.dealers, view.survivors[:19]),
        lambda view: View(view.roster_digest, view.dealers[1:], view.survivors[1:]),
    ],
    ids=["roster", "dealers and survivors", "survivors", "others"],
)
def test_genuine_signatures_of_another_view(change: Callable[[View], View]) -> None:
    session, signed = at_unmask()
    name = members(session.setting)[1]
    view = change(session.parties[VICTIM]._memory._known.view)
    signed[name] = sign_confirmation(session.setting, identity(session.setting.positions[name]), view)
    reason = refused(session, "unmask", given(signed, members(session.setting)))
    assert f"'{name}' is not its signature of this roster" in reason


def test_a_confirmation_of_another_sum() -> None:
    session, signed = at_unmask()
    view = session.parties[VICTIM]._memory._known.view
    name = members(session.setting)[0]
    own, elsewhere = identity(session.setting.positions[name]), dataclasses.replace(session.setting, instance=bytes(32))
    signed[name] = sign_confirmation(elsewhere, own, view)
    reason = refused(session, "unmask", given(signed, members(session.setting)))
    assert f"'{name}' is not its signature" in reason


# --- two survivor sets in one sum


@pytest.mark.parametrize("corrupt_inside", [True, False])
def test_two_sets_are_never_both_confirmed(corrupt_inside: bool) -> None:
    """Everyone of the committee is shown one of two sets, in every way; a corrupt member signs both."""
    setting = sparse_setting(n=12, corrupt=1, dropping=1)
    inside = members(setting)
    assert (len(inside), setting.quorum) == (4, 3)
    session = Session(setting).go("mask")
    known = {name: party._memory._known for name, party in session.parties.items()}
    left_out = next(name for name in setting.names if name not in inside)
    sets = (setting.names, tuple(name for name in setting.names if name != left_out))
    signed, confirmed = [{}, {}], [{}, {}]
    for which, names in enumerate(sets):
        for name in inside:
            tags = dict(zip(tellers(session, name, setting.names), session.replies["mask"][name].tags, strict=True))
            told = Survivors(names, tuple(tags[owner] for owner in tellers(session, name, names)))
            party = revive(session, name, known[name])
            signed[which][name] = party.confirm(told)
            confirmed[which][name] = party._memory._known
    corrupt = {inside[-1]} if corrupt_inside else set()
    honest = [name for name in inside if name not in corrupt]
    unmasked = 0
    for shown in itertools.product((0, 1), repeat=len(honest)):
        open_sets = set()
        for which in (0, 1):
            agree = {name for name, seen in zip(honest, shown, strict=True) if seen == which} | corrupt
            for name in agree - corrupt:
                party = revive(session, name, confirmed[which][name])
                message = given(signed[which], [other for other in inside if other in agree])
                try:
                    party.unmask(message)
                    open_sets.add(which)
                except ProtocolError as error:
                    assert "fewer than 3" in str(error)
        assert len(open_sets) <= 1
        unmasked += len(open_sets)
    assert unmasked > 0


def tellers(session: Session, holder: str, among: tuple[str, ...]) -> list[str]:
    position = session.setting.positions[holder]
    return [name for name in among if position in session.messages["advertise"][name].picks]


def test_honest_parties_sign_once() -> None:
    session = shared("mask")
    message = session.replies["mask"][VICTIM]
    session.parties[VICTIM].confirm(message)
    with pytest.raises(ProtocolError, match="over"):
        session.parties[VICTIM].confirm(message)


def test_never_both_shares_of_one_peer() -> None:
    """Of each dealer that one holds shares of, one share: of the seed if it is in the set, else of the root."""
    session = drawn("share")
    gone = session.setting.names[7]
    session.absent = {gone: "mask"}
    session.go("mask")
    held = {name: session.parties[name]._memory._known.held for name in session.server.surviving}
    session.go()
    given_roots = 0
    for name in session.server.surviving:
        message, survivors = session.messages["unmask"][name], session.server.surviving
        assert message.seed_shares == tuple(held[name][peer].seed_share for peer in survivors if peer in held[name])
        assert message.root_shares == tuple(held[name][peer].root_share for peer in (gone,) if peer in held[name])
        assert len(message.seed_shares) + len(message.root_shares) == len(held[name])
        given_roots += len(message.root_shares)
    assert given_roots == 7


# --- survivor sets that are refused


@pytest.mark.parametrize("case", ["itself missing", "too small", "order", "twice", "unknown"])
def test_a_set_that_is_refused(case: str) -> None:
    session = shared("mask")
    names, tags = session.setting.names, session.replies["mask"][VICTIM].tags
    changed, reason = {
        "itself missing": ((names[0], *names[2:]), "leave out 'party-01'"),
        "too small": (names[:17], "17 survivors are fewer than 18"),
        "order": ((names[1], names[0], *names[2:]), "each once"),
        "twice": ((*names, names[-1]), "each once"),
        "unknown": ((*names, "zz"), "each once"),
    }[case]
    assert reason in refused(session, "confirm", Survivors(changed, tags))


def test_a_survivor_who_never_dealt() -> None:
    session = drawn("advertise")
    session.absent = {"party-19": "share"}
    session.go("mask")
    message = session.replies["mask"][VICTIM]
    assert "never delivered" in refused(session, "confirm", Survivors(session.setting.names, message.tags))

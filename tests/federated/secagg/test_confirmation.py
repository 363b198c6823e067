"""A malicious server and the survivor set: one set in a sum, known to t parties, or nothing is revealed."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import Confirmation, Confirmations, Survivors
from tacit.federated.secagg.confirmation import View, sign_confirmation

from .driver import Session, identity, make_setting

VICTIM = "party-01"
NAMES = make_setting(n=5).names


def refused_by(session: Session, name: str, message: Confirmations) -> str:
    with pytest.raises(ProtocolError) as caught:
        session.parties[name].unmask(message)
    return str(caught.value)


def refused(session: Session, step: str, message: object) -> str:
    with pytest.raises(ProtocolError) as caught:
        getattr(session.parties[VICTIM], step)(message)
    assert (caught.value.culprit, caught.value.step) == ("coordinator", step)
    with pytest.raises(ProtocolError, match="over"):
        getattr(session.parties[VICTIM], step)(session.replies["mask" if step == "confirm" else "confirm"][VICTIM])
    return str(caught.value)


# --- the survivor set


def at_confirm(**options: object) -> Session:
    return Session(make_setting(n=5, dropping=1), **options).go("mask")


@pytest.mark.parametrize("missing", [None, "party-00", "party-04"])
def test_the_set_of_all_or_all_but_one_is_confirmed(missing: str | None) -> None:
    session = at_confirm()
    session.parties[VICTIM].confirm(Survivors(tuple(name for name in NAMES if name != missing), ()))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((*NAMES, "party-04"), "each once"),
        ((NAMES[1], NAMES[0], *NAMES[2:]), "each once"),
        ((*NAMES, "nobody"), "each once"),
        ((*NAMES[:1], *NAMES[2:]), "leave out 'party-01'"),
        (NAMES[:3], "3 survivors are fewer than 4"),
        ((VICTIM,), "1 survivors are fewer than 4"),
        ((), "leave out 'party-01'"),
    ],
    ids=["twice", "order", "unknown", "itself missing", "too small", "alone", "empty"],
)
def test_a_set_that_is_refused(names: tuple[str, ...], reason: str) -> None:
    assert reason in refused(at_confirm(), "confirm", Survivors(names, ()))


def test_a_survivor_whose_shares_were_never_delivered() -> None:
    session = at_confirm(absent={"party-04": "share"})
    assert "never delivered" in refused(session, "confirm", Survivors(NAMES, ()))


# --- the confirmations


def at_unmask(**options: object) -> tuple[Session, list[Confirmation]]:
    session = Session(make_setting(n=5, dropping=1), **options).go("confirm")
    in_order = (session.messages["confirm"][name] for name in session.server.surviving)
    return session, list(in_order)


def view(session: Session) -> View:
    return session.parties[VICTIM]._memory._known.view


def test_t_confirmations_are_enough_and_one_less_is_not() -> None:
    session, signed = at_unmask()
    assert session.setting.threshold == 3
    assert len(session.replies["confirm"][VICTIM].confirmations) == 3
    session.parties[VICTIM].unmask(Confirmations(tuple(signed[2:])))
    session, signed = at_unmask()
    assert "2 confirmations are fewer than 3" in refused(session, "unmask", Confirmations(tuple(signed[3:])))
    session, _ = at_unmask()
    assert "0 confirmations" in refused(session, "unmask", Confirmations(()))


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: [*signed, signed[-1]],
        lambda signed: [signed[0], signed[0], signed[0]],
        lambda signed: [signed[1], signed[0], *signed[2:]],
        lambda signed: [*signed, replace(signed[0], party="nobody")],
    ],
    ids=["twice", "one thrice", "order", "unknown"],
)
def test_signers_that_are_not_survivors_each_once(change: Callable[[list], list]) -> None:
    session, signed = at_unmask()
    assert "not by survivors of the committee, each once" in refused(
        session, "unmask", Confirmations(tuple(change(signed)))
    )


def test_a_signer_who_is_not_a_survivor() -> None:
    session, signed = at_unmask(absent={"party-04": "mask"})
    extra = sign_confirmation(session.setting, identity(4), view(session))
    assert "not by survivors" in refused(session, "unmask", Confirmations((*signed, extra)))


@pytest.mark.parametrize(
    "change",
    [
        lambda view: View(bytes(32), view.dealers, view.survivors),
        lambda view: View(view.roster_digest, view.dealers[:4], view.survivors[:4]),
        lambda view: View(view.roster_digest, view.dealers, view.survivors[:4]),
        lambda view: View(view.roster_digest, view.survivors, view.dealers[:4]),
    ],
    ids=["roster", "dealers and survivors", "survivors", "exchanged"],
)
def test_genuine_signatures_of_another_view(change: Callable[[View], View]) -> None:
    session, signed = at_unmask()
    signed[3] = sign_confirmation(session.setting, identity(3), change(view(session)))
    assert "'party-03' is not its signature of this roster" in refused(session, "unmask", Confirmations(tuple(signed)))


def test_a_genuine_signature_of_other_dealers_with_the_same_survivors() -> None:
    session, signed = at_unmask(absent={"party-04": "mask"})
    mine = view(session)
    assert mine.dropped == ("party-04",)
    signed[3] = sign_confirmation(session.setting, identity(3), View(mine.roster_digest, NAMES[:4], mine.survivors))
    assert "'party-03' is not its signature" in refused(session, "unmask", Confirmations(tuple(signed)))


def test_a_signature_by_another_party() -> None:
    session, signed = at_unmask()
    signed[3] = replace(signed[2], party="party-03")
    assert "'party-03' is not its signature" in refused(session, "unmask", Confirmations(tuple(signed)))


def test_a_signature_from_another_instance_or_step() -> None:
    for wrong in ("instance", "step"):
        session, signed = at_unmask()
        if wrong == "instance":
            elsewhere, _ = at_unmask()
            signature = sign_confirmation(elsewhere.setting, identity(3), view(session)).signature
        else:
            signature = session.messages["advertise"]["party-03"].signature
        signed[3] = Confirmation("party-03", signature)
        assert "'party-03' is not its signature" in refused(session, "unmask", Confirmations(tuple(signed)))


def test_a_forged_signature() -> None:
    for signature in (b"", bytes(64 + 3309), bytes(10)):
        session, signed = at_unmask()
        signed[3] = Confirmation("party-03", signature)
        assert "'party-03' is not its signature" in refused(session, "unmask", Confirmations(tuple(signed)))


# --- two survivor sets in one sum


@pytest.mark.parametrize("split", range(1, 16))
def test_two_sets_shown_to_different_parties_unmask_nothing(split: int) -> None:
    """n = 5, c = 1, d = 1, t = 4; the corrupt party-04 signs both sets, the honest four are split in every way."""
    setting = make_setting(n=5, corrupt=1, dropping=1)
    everyone, fewer = NAMES, NAMES[:4]
    shown = {name: everyone if split >> place & 1 else fewer for place, name in enumerate(NAMES[:4])}
    session = Session(setting).go("mask")
    honest = {name: session.parties[name].confirm(Survivors(shown[name], ())) for name in NAMES[:4]}
    views = {name: session.parties[name]._memory._known.view for name in NAMES[:4]}
    unmasked = set()
    for name in NAMES[:4]:
        agree = [honest[other] for other in NAMES[:4] if shown[other] == shown[name]]
        if "party-04" in shown[name]:
            agree.append(sign_confirmation(setting, identity(4), views[name]))
        if len(agree) >= setting.threshold:
            session.parties[name].unmask(Confirmations(tuple(agree)))
            unmasked.add(shown[name])
        else:
            assert "fewer than 4" in refused_by(session, name, Confirmations(tuple(agree)))
    assert len(unmasked) <= 1
    assert unmasked == ({everyone} if split == 15 or split.bit_count() == 3 else set())


def test_a_party_isolated_by_a_different_inbox_is_not_unmasked() -> None:
    """The server tells party-00 that only party-01 dealt, and then that party-01 dropped and party-02 survived.

    Unmasked so, the vector of party-00 would have no mask left that the server does not know.
    """
    setting = make_setting(n=3, corrupt=0, dropping=1)

    def isolate(step: str, name: str, message: object) -> object:
        if step == "share" and name == "party-00":
            return replace(message, dealers=message.dealers[:2], deliveries=message.deliveries[:1])
        return Survivors(("party-00", "party-02"), ()) if step == "mask" else message

    session = Session(setting, down=isolate)
    with pytest.raises(ProtocolError):
        session.go()
    assert "never delivered" in str(session.errors["party-00"])
    assert "leave out 'party-01'" in str(session.errors["party-01"])
    signed = Confirmations((session.messages["confirm"]["party-02"],))
    with pytest.raises(ProtocolError, match="1 confirmations are fewer than 2"):
        session.parties["party-02"].unmask(signed)


def test_honest_parties_sign_once() -> None:
    session = at_confirm()
    session.parties[VICTIM].confirm(Survivors(NAMES, ()))
    with pytest.raises(ProtocolError, match="over"):
        session.parties[VICTIM].confirm(Survivors(NAMES[:4], ()))


def test_never_both_shares_of_one_peer() -> None:
    """Whatever set is confirmed, what leaves a party has one share for each dealer, of the right kind."""
    setting = make_setting(n=5, corrupt=0, dropping=1)
    for missing in (None, *NAMES):
        session = Session(setting).go("mask")
        held = {name: party._memory._known.held for name, party in session.parties.items()}
        survivors = tuple(name for name in NAMES if name != missing)
        signed = [session.parties[name].confirm(Survivors(survivors, ())) for name in survivors]
        for name in survivors:
            message = session.parties[name].unmask(Confirmations(tuple(signed)))
            assert message.seed_shares == tuple(held[name][peer].seed_share for peer in survivors)
            assert message.root_shares == tuple(held[name][peer].root_share for peer in NAMES if peer == missing)


def test_no_step_reveals_the_other_kind_later() -> None:
    session, signed = at_unmask()
    party = session.parties[VICTIM]
    party.unmask(Confirmations(tuple(signed)))
    requests = itertools.product(
        ("unmask", "confirm", "unmask"), (Confirmations(tuple(signed)), Survivors(NAMES[:4], ()), Survivors(NAMES, ()))
    )
    for step, message in requests:
        with pytest.raises(ProtocolError, match="over"):
            getattr(party, step)(message)

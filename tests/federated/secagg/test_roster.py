"""A malicious server and the roster: no key is used that a party of the agreement did not sign for this sum."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import AggregationParty, Roster
from tacit.federated.secagg.advertisement import roster_digest, sign_advertisement
from tacit.federated.secagg.seeds import KemKeys
from tacit.keys import Identity

from .driver import Session, identity, make_setting

VICTIM = "party-01"
LOW_ORDER = bytes(32)


def refused(session: Session, roster: Roster) -> str:
    """The victim refuses, blames the coordinator, and is dead."""
    with pytest.raises(ProtocolError) as caught:
        session.parties[VICTIM].share(roster)
    assert (caught.value.culprit, caught.value.step) == ("coordinator", "share")
    with pytest.raises(ProtocolError, match="over"):
        session.parties[VICTIM].share(session.replies["advertise"][VICTIM])
    return str(caught.value)


def start(**setting: int) -> tuple[Session, list]:
    session = Session(make_setting(**{"n": 5, "dropping": 1, **setting})).go("advertise")
    return session, list(session.replies["advertise"][VICTIM].advertisements)


def test_the_honest_roster_is_accepted() -> None:
    session, ads = start()
    assert len(session.parties[VICTIM].share(Roster(tuple(ads))).pieces) == 4


@pytest.mark.parametrize("field", ["channel_key", "mask_key", "seed_commitment"])
def test_a_replaced_key_or_commitment(field: str) -> None:
    session, ads = start()
    ads[3] = replace(ads[3], **{field: KemKeys.fresh().public if field != "seed_commitment" else bytes(32)})
    assert "'party-03' is not signed by the identity" in refused(session, Roster(tuple(ads)))


def test_exchanged_keys_of_one_party() -> None:
    session, ads = start()
    ads[3] = replace(ads[3], channel_key=ads[3].mask_key, mask_key=ads[3].channel_key)
    assert "'party-03' is not signed" in refused(session, Roster(tuple(ads)))


def test_a_flipped_signature_bit_in_either_half() -> None:
    for place in (0, 3000):
        session, ads = start()
        signature = bytearray(ads[3].signature)
        signature[place] ^= 1
        ads[3] = replace(ads[3], signature=bytes(signature))
        assert "'party-03' is not signed" in refused(session, Roster(tuple(ads)))


def test_the_advertisement_of_another_party_under_this_name() -> None:
    session, ads = start()
    fresh = AggregationParty(session.setting, identity(4)).advertise()
    ads[3] = replace(fresh, party="party-03")
    assert "'party-03' is not signed" in refused(session, Roster(tuple(ads)))


def test_an_identity_of_the_same_name_that_the_agreement_does_not_have() -> None:
    session, ads = start()
    impostor, keys = Identity.new("party-03"), (KemKeys.fresh().public, KemKeys.fresh().public)
    ads[3] = sign_advertisement(session.setting, impostor, *keys, bytes(32))
    assert "'party-03' is not signed" in refused(session, Roster(tuple(ads)))


@pytest.mark.parametrize(
    "change",
    [{"instance": bytes(32)}, {"corrupt": 0}, {"dropping": 0}, {"length": 9}, {"word_bits": 16}],
    ids=["instance", "lower threshold", "survivors", "length", "word"],
)
def test_an_advertisement_for_another_instance_or_other_parameters(change: dict) -> None:
    session, ads = start(corrupt=1)
    elsewhere = dataclasses.replace(session.setting, **change)
    ads[3] = AggregationParty(elsewhere, identity(3)).advertise()
    assert "'party-03' is not signed" in refused(session, Roster(tuple(ads)))


def test_without_its_own_advertisement() -> None:
    session, ads = start()
    del ads[1]
    assert "does not have the advertisement that 'party-01' sent" in refused(session, Roster(tuple(ads)))


def test_with_another_advertisement_that_it_did_sign() -> None:
    session, ads = start()
    ads[1] = AggregationParty(session.setting, identity(1)).advertise()
    assert "does not have the advertisement that 'party-01' sent" in refused(session, Roster(tuple(ads)))


@pytest.mark.parametrize(
    "change",
    [
        lambda ads: [*ads, ads[4]],
        lambda ads: [ads[0], *ads],
        lambda ads: [ads[1], ads[0], *ads[2:]],
        lambda ads: [*ads, replace(ads[4], party="nobody")],
        lambda ads: [*ads[:4], replace(ads[4], party="")],
    ],
    ids=["twice", "twice in order", "order", "unknown", "empty"],
)
def test_names_that_are_not_the_agreements(change: Callable[[list], list]) -> None:
    session, ads = start()
    assert "each once, in its order" in refused(session, Roster(tuple(change(ads))))


def test_too_small() -> None:
    session, ads = start()
    assert "has 3 parties, fewer than 4" in refused(session, Roster(tuple(ads[:3])))
    session, ads = start()
    assert len(session.parties[VICTIM].share(Roster(tuple(ads[:4]))).pieces) == 3


def test_empty() -> None:
    session, _ = start()
    assert "does not have the advertisement" in refused(session, Roster(()))


@pytest.mark.parametrize("own", ["channel_key", "mask_key"])
@pytest.mark.parametrize("stolen", ["channel_key", "mask_key"])
def test_a_party_that_advertises_anothers_key(own: str, stolen: str) -> None:
    session, ads = start()
    keys = {"channel_key": KemKeys.fresh().public, "mask_key": KemKeys.fresh().public, own: getattr(ads[2], stolen)}
    ads[4] = sign_advertisement(session.setting, identity(4), **keys, seed_commitment=bytes(32))
    assert "two keys on the roster are the same" in refused(session, Roster(tuple(ads)))


def test_a_party_that_advertises_one_key_twice() -> None:
    session, ads = start()
    key = KemKeys.fresh().public
    ads[4] = sign_advertisement(session.setting, identity(4), key, key, bytes(32))
    assert "two keys on the roster are the same" in refused(session, Roster(tuple(ads)))


@pytest.mark.parametrize(
    "bad", [b"", LOW_ORDER + KemKeys.fresh().public[32:], KemKeys.fresh().public[:32] + b"\xff" * 1184]
)
@pytest.mark.parametrize("field", ["channel_key", "mask_key"])
def test_a_key_that_nothing_can_be_sealed_to(bad: bytes, field: str) -> None:
    session, ads = start()
    keys = {"channel_key": KemKeys.fresh().public, "mask_key": KemKeys.fresh().public, field: bad}
    ads[4] = sign_advertisement(session.setting, identity(4), **keys, seed_commitment=bytes(32))
    with pytest.raises(ProtocolError, match="'party-04' advertises a key that nothing can be sealed to"):
        session.parties[VICTIM].share(Roster(tuple(ads)))


def test_the_digest_covers_setting_and_every_advertisement() -> None:
    session, ads = start()
    elsewhere = dataclasses.replace(session.setting, length=9)
    digests = [roster_digest(setting, Roster(tuple(ads))) for setting in (session.setting, elsewhere)]
    digests.append(roster_digest(session.setting, Roster(tuple(ads[:4]))))
    for field in ("channel_key", "mask_key", "seed_commitment", "signature"):
        changed = replace(ads[2], **{field: bytes(len(getattr(ads[2], field)))})
        digests.append(roster_digest(session.setting, Roster((*ads[:2], changed, *ads[3:]))))
    assert len(set(digests)) == len(digests)


def test_different_rosters_to_different_parties_end_in_pieces_that_do_not_open() -> None:
    setting = make_setting(n=5, dropping=1)
    other = AggregationParty(setting, identity(4)).advertise()  # by a corrupt party that signs two advertisements

    def show(step: str, name: str, message: object) -> object:
        if step == "advertise" and name in ("party-00", "party-01"):
            return Roster((*message.advertisements[:4], other))
        return message

    session = Session(setting, down=show)
    with pytest.raises(ProtocolError):
        session.go()
    assert set(session.errors) == set(setting.names)
    assert "not have the advertisement" not in str(session.errors["party-00"])
    assert {error.step for name, error in session.errors.items()} == {"mask"}

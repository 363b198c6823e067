"""Joining a run: whatever the coordinator, the leader or another party alters is refused, and the liar is named."""

import os

import pytest

from tacit import canonical
from tacit.errors import ProtocolError
from tacit.federated.blinding import GROUP_KEY_BYTES
from tacit.federated.plan import make_plan
from tacit.run.continuing import BEGINNING, Claim, Mark
from tacit.run.joining import (
    GRANT_DOMAIN,
    JOIN_DOMAIN,
    Joining,
    canonical_digest,
    commitment,
    grants_fault,
    join_fault,
    run_identity,
)
from tacit.run.messages import Join, Participants, SignedJoin

from .acting import COORDINATOR, NAMES, flip, replace

HISTORY = b"\x07" * 32


class Party:
    def __init__(self, people, study, name):
        self.identity = people.identities[name]
        self.joining = Joining(study, make_plan(study.agreement), self.identity, HISTORY, Claim((BEGINNING,), 0, 0))
        self.join = self.joining.join()


@pytest.fixture
def parties(people, study):
    return {name: Party(people, study, name) for name in NAMES}


@pytest.fixture
def plan(study):
    return make_plan(study.agreement)


def together(parties, names=NAMES):
    return Participants(tuple(parties[name].join.signed for name in names), parties[names[0]].join.grants)


def signed(by, **changes) -> SignedJoin:
    """The join of `by`, changed and signed again by itself."""
    body = replace(by.join.signed.body, **changes)
    return SignedJoin(body, by.identity.sign(JOIN_DOMAIN, canonical.encode(body)))


def refused(party, participants, reason, culprit=COORDINATOR):
    with pytest.raises(ProtocolError, match=reason) as caught:
        party.joining.begin(participants)
    assert (caught.value.culprit, caught.value.step) == (culprit, "join")


def test_all_know_the_same_and_can_take_off_each_others_blinding(parties):
    joined = [parties[name].joining.begin(together(parties)) for name in NAMES]
    assert len({each.run_id for each in joined}) == 1
    assert len({each.group_key.derive("content key") for each in joined}) == 1
    assert {each.participants for each in joined} == {NAMES}
    assert {each.leader for each in joined} == {"north"}
    assert joined[0].histories == dict.fromkeys(NAMES, HISTORY)


def test_as_many_may_be_missing_as_agreed_on(parties):
    assert parties["east"].joining.begin(together(parties, NAMES[1:])).leader == "east"
    refused(parties["east"], together(parties, NAMES[:2]), "2 participants are fewer than the 3 agreed on")


def test_participants_come_once_and_in_order(parties):
    everyone = together(parties)
    for joins in (everyone.joins[::-1], (*everyone.joins, everyone.joins[-1]), everyone.joins[:1] + everyone.joins):
        refused(parties["north"], replace(everyone, joins=joins), "each once, in its order")


def test_a_stranger_takes_no_part(parties):
    first, *rest = together(parties).joins
    stranger = replace(first, body=replace(first.body, party="stranger"))
    refused(parties["east"], Participants((*rest, stranger), {}), "each once, in its order")


def test_our_own_join_is_among_them_and_from_this_run(people, study, parties):
    refused(parties["south"], together(parties, ("north", "east", "west")), "our own join is missing")
    earlier = Party(people, study, "south")
    replayed = together({**parties, "south": earlier})
    refused(parties["south"], replayed, "our own join is missing or comes from another run")


def test_an_old_run_cannot_be_replayed(people, study, parties):
    """Everyone else's joins, grants and signatures are those of an earlier run: our nonce is not."""
    old = together(parties)
    again = Party(people, study, "south")
    refused(again, old, "comes from another run")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda join: replace(join, signature=flip(join.signature)), "'west' the signature of 'west' .* is false"),
        (lambda join: replace(join, body=replace(join.body, history=bytes(32))), "is false"),
        (lambda join: replace(join, body=replace(join.body, step=1)), "is false"),
        (lambda join: replace(join, body=replace(join.body, study=bytes(32))), "'west' joins under another agreement"),
    ],
)
def test_the_coordinator_answers_for_each_join_that_it_passes_on(parties, change, reason):
    """An honest one has checked them all, so `west` is not to blame."""
    everyone = together(parties)
    refused(parties["north"], replace(everyone, joins=(*everyone.joins[:-1], change(everyone.joins[-1]))), reason)


def test_a_join_in_anothers_name_is_none(parties, study, plan):
    east = signed(parties["north"], party="east")
    assert "is false" in join_fault(study, plan, east)
    assert join_fault(study, plan, signed(parties["north"], party="carrier")) == "is not a party"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plan": bytes(32)}, "works out another plan"),
        ({"step": -1}, "a step that the plan does not have"),
        ({"step": 99}, "a step that the plan does not have"),
        ({"marks": (Mark(bytes(32), 99, 1, bytes(32)),)}, "a step that the plan does not have"),
        ({"marks": (Mark(bytes(32), -1, 1, bytes(32)),)}, "a step that the plan does not have"),
        ({"lost": -1}, "counts sums of the statistics that cannot be"),
        ({"lost": 2**31}, "counts sums of the statistics that cannot be"),
        ({"lost": 1}, "would begin with no round left"),
        ({"study": bytes(32)}, "joins under another agreement"),
    ],
)
def test_a_party_that_signs_what_cannot_be_is_refused(parties, study, plan, changes, reason):
    assert join_fault(study, plan, parties["west"].join.signed) is None
    assert reason in join_fault(study, plan, signed(parties["west"], **changes))


def test_who_holds_the_statistics_needs_no_round_to_pay_for_them(parties, study, plan):
    held = signed(parties["west"], marks=(Mark(bytes(32), 0, 1, bytes(32)),), step=1, lost=1)
    assert join_fault(study, plan, held) is None


def test_a_join_signed_for_another_purpose_is_none(parties, study, plan):
    west = parties["west"]
    body = west.join.signed.body
    other = SignedJoin(body, west.identity.sign("agreement", canonical.encode(body)))
    assert "is false" in join_fault(study, plan, other)


def test_grants_are_the_signed_ones_for_all_others(parties, study):
    join = parties["north"].join
    assert grants_fault(study, join) is None
    east = join.grants["east"]
    for grants in (
        {},
        {name: grant for name, grant in join.grants.items() if name != "west"},
        {**join.grants, "north": east},
        {**join.grants, "stranger": east},
    ):
        assert "to every other party" in grants_fault(study, Join(join.signed, grants))
    assert "other grants than it sends" in grants_fault(study, Join(join.signed, {**join.grants, "east": flip(east)}))


def test_nobody_begins_with_who_claims_a_step_that_others_do_not_know_of(people, tmp_path):
    """The coordinator leaves such a one out; if it does not, the parties refuse."""
    study = people.study(tmp_path / "study", rounds=8)
    parties = {name: Party(people, study, name) for name in NAMES}
    mark = Mark(b"\x01" * 32, 0, 3, bytes(32))
    everyone = together(parties)
    joins = [signed(parties[name], marks=(mark,), step=1) for name in NAMES]
    assert parties["north"].joining.begin(replace(everyone, joins=tuple(joins))).start.step == 1
    joins[3] = signed(parties["west"], marks=(mark,), step=3)
    refused(parties["north"], replace(everyone, joins=tuple(joins)), "too few of the others know", culprit="west")


def test_the_leaders_grants_are_those_that_it_signed(parties):
    everyone = together(parties)
    for grants in ({**everyone.grants, "east": flip(everyone.grants["east"])}, parties["east"].join.grants, {}):
        refused(parties["south"], replace(everyone, grants=grants), "the leader's grants were altered")


def led_by_north(parties, grants, **changes):
    """The participants when `north` leads with other grants, which it has signed."""
    first = signed(parties["north"], grants=canonical_digest(grants), **changes)
    return replace(together(parties), joins=(first, *together(parties).joins[1:]), grants=grants)


def granted(people, study, nonce, secret, name, to=None):
    return people.identities[to or name].public.seal(GRANT_DOMAIN, secret, study.digest + nonce)


def test_a_leader_that_gives_two_parties_two_keys_is_found_out_at_once(people, study, parties):
    """Before anything is spent: else their models would differ, and nobody could say by whose fault."""
    join = parties["north"].join
    nonce, other = join.signed.body.nonce, os.urandom(GROUP_KEY_BYTES)
    lie = led_by_north(parties, {**join.grants, "south": granted(people, study, nonce, other, "south")})
    parties["east"].joining.begin(lie)
    refused(parties["south"], lie, "another group key than it committed to", culprit="north")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_group_key_of_another_length_is_refused(people, study, parties, length):
    nonce, secret = parties["north"].join.signed.body.nonce, bytes(length)
    grants = {name: granted(people, study, nonce, secret, name) for name in NAMES[1:]}
    lie = led_by_north(parties, grants, group_key=commitment(secret, nonce))
    refused(parties["east"], lie, "another group key than it committed to", culprit="north")


def test_a_grant_that_does_not_open_blames_the_leader(people, study, parties):
    grants = parties["north"].join.grants
    nonce = parties["north"].join.signed.body.nonce
    for bad in (
        {**grants, "east": flip(grants["east"])},
        {**grants, "east": grants["south"]},
        {**grants, "east": granted(people, study, bytes(32), bytes(GROUP_KEY_BYTES), "east")},
        {**grants, "east": granted(people, study, nonce, bytes(GROUP_KEY_BYTES), "east", to="west")},
        {name: grant for name, grant in grants.items() if name != "east"},
    ):
        refused(parties["east"], led_by_north(parties, bad), "its group key does not open", culprit="north")


def test_the_runs_id_covers_every_join(study, parties):
    everyone = together(parties)
    ids = {run_identity(study, everyone)[0], run_identity(study, together(parties, NAMES[1:]))[0]}
    west = parties["west"]
    for changes in ({"nonce": bytes(32)}, {"history": bytes(32)}, {"grants": bytes(32)}, {"step": 1}, {"lost": 1}):
        joins = (*everyone.joins[:-1], signed(west, **changes))
        ids.add(run_identity(study, replace(everyone, joins=joins))[0])
    assert len(ids) == 7


def test_the_runs_id_covers_the_agreement(people, study, parties, tmp_path):
    other = people.study(tmp_path / "other", purpose="another test")
    assert run_identity(study, together(parties))[0] != run_identity(other, together(parties))[0]


def test_secrets_are_in_no_text(parties):
    joined = parties["north"].joining.begin(together(parties))
    secret = parties["north"].joining._Joining__secret
    for text in (repr(joined), repr(parties["north"].joining), repr(parties["north"].join)):
        assert secret.hex() not in text
        assert repr(secret)[2:14] not in text

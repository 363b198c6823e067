"""A party against a coordinator that lies, repeats itself or mixes things up; and what a party killed has spent."""

import pytest

from tacit.errors import AgreementError, BudgetError, DataError, ProtocolError
from tacit.federated.secagg.messages import Confirmations, Inbox, Roster, Survivors
from tacit.keys import Identity
from tacit.run import party_steps
from tacit.run.messages import ManifestSignatures, Participants, Proposal, Signers, Stop, Total
from tacit.study import Log, Study

from .acting import COORDINATOR, NAMES, flip, mutations, own_copy, replace

# In the order in which a party hears them: once, in each of the sums (here two), at the end.
FIRST, OF_A_SUM, LAST = (Participants,), (Roster, Inbox, Survivors, Confirmations, Total), (Signers, Proposal)
HEARD = (*FIRST, *OF_A_SUM, *OF_A_SUM, *LAST, ManifestSignatures)


@pytest.fixture
def quick(people, tmp_path):
    """Without noise, which has no part in what is said."""
    return people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0)


def lied_to(people, study, victim, lie):
    """A run in which the coordinator says `lie(step, message)` to `victim`; it ends when the victim's part does."""
    return people.run(
        study,
        intercept=lambda step, name, message: lie(step, message) if name == victim else message,
        until=victim,
    ).try_it()


def accused(run, victim, *, of=COORDINATOR):
    """The error of the victim, which has no result and whom nobody made to stop but its own check."""
    assert victim not in run.results
    error = run.errors[victim]
    assert isinstance(error, ProtocolError), error
    assert error.culprit == of, error
    assert str(error).isprintable()
    return error


def test_hears_in_this_order(people, quick):
    heard = []
    people.run(quick, intercept=lambda step, name, message: heard.append((name, type(message))) or message).go()
    for name in NAMES:
        assert tuple(kind for who, kind in heard if who == name) == HEARD


# What to alter of each message, so that the party sees it from this message alone.
ALTERED = [
    (1, ".joins[0].body.nonce flipped"),
    (2, ".advertisements[0].channel_key flipped"),
    (3, ".deliveries[0].piece.dealing.shares flipped"),
    (4, ".parties with its last twice"),
    (5, ".confirmations[0].signature flipped"),
    (6, ".words cut"),
    (12, ".parties with its last twice"),
    (13, ".payload flipped"),
    (13, ".manifest flipped"),
    (14, ".signatures.north flipped"),
]
MORE_ALTERED = [
    (1, ".joins with its last twice"),
    (1, ".joins reversed"),
    (1, ".joins[0].body.group_key flipped"),
    (1, ".joins[0].signature flipped"),
    (1, ".grants.east flipped"),
    (1, ".grants without east"),
    (2, ".advertisements with its last twice"),
    (2, ".advertisements[0].signature flipped"),
    (3, ".deliveries with its last twice"),
    (3, ".deliveries[0].sender another"),
    (3, ".deliveries[0].piece.contribution flipped"),
    (4, ".parties reversed"),
    (5, ".confirmations with its last twice"),
    (6, ".words longer"),
    (12, ".parties reversed"),
    (12, ".parties[0] another"),
    (13, ".manifest longer"),
    (13, ".payload cut"),
    (13, ".signature flipped"),
    (14, ".signatures without north"),
]
ALTERED += [pytest.param(*each, marks=pytest.mark.slow) for each in MORE_ALTERED]


@pytest.mark.parametrize(("place", "what"), ALTERED, ids=lambda value: str(value))
def test_an_altered_message_is_refused_and_the_coordinator_named(people, quick, place, what):
    def lie(step, message):
        return dict(mutations(message))[what] if step == place else message

    accused(lied_to(people, quick, "south", lie), "south")


@pytest.mark.parametrize("place", range(1, len(HEARD) + 1))
def test_another_kind_of_message_than_is_due_is_refused(people, quick, place):
    """Left out, repeated, or out of order: then another kind comes than the one that is due."""
    before = []

    def lie(step, message):
        before.append(message)
        if step != place:
            return message
        return Total(b"", ()) if place in (1, 13) else before[-2]

    run = lied_to(people, quick, "south", lie)
    assert f"where {HEARD[place - 1].__name__} belongs" in str(accused(run, "south"))


def test_signers_are_told_again_only_with_fewer_of_them(people, quick):
    """Else a coordinator could make a party sign results without end."""
    told = []

    def lie(step, message):
        told.extend([message] if isinstance(message, Signers) else [])
        return told[0] if isinstance(message, Proposal) else message

    run = lied_to(people, quick, "south", lie)
    assert "names signers that cannot be" in str(accused(run, "south"))


@pytest.mark.parametrize("kind", [Roster, Inbox, Survivors, Confirmations])
def test_a_message_of_an_earlier_sum_is_refused(people, quick, kind):
    """The same kind at the same place, but of the sum before: no signature or seal of one sum holds in the next."""
    earlier = []

    def lie(step, message):
        if not isinstance(message, kind):
            return message
        earlier.append(message)
        return earlier[0]

    run = lied_to(people, quick, "south", lie)
    if kind is Survivors:  # says only names: the same as it would have been
        assert "south" in run.results
    else:
        accused(run, "south")


@pytest.mark.parametrize("kind", [Participants, Proposal, ManifestSignatures])
def test_a_message_of_an_earlier_run_is_refused(people, tmp_path, kind):
    """As the coordinator said it to the same party, in a whole run before, under the same agreement."""
    study = people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0)
    earlier = []

    def keep(step, name, message):
        if name == "south" and isinstance(message, kind):
            earlier.append(message)
        return message

    people.run(study, intercept=keep).go()
    run = lied_to(people, study, "south", lambda step, message: earlier[0] if isinstance(message, kind) else message)
    # A proposal is signed by its leader, which may have made it again just as well.
    accused(run, "south", of=f"north, {COORDINATOR}" if kind is Proposal else COORDINATOR)


def flipped(total):
    return replace(total, words=flip(total.words))


def test_a_total_told_differently_to_one_party_shows_in_the_next_sum(people, quick):
    """Nothing of its own sum shows it: but the log's head goes into the next one, which all sign."""
    run = people.run(
        quick,
        intercept=lambda step, name, message: flipped(message) if step == 6 and name == "south" else message,
    ).go()
    assert "south" not in run.results
    assert "not signed by the identity in the agreement, for this sum" in run.dropped["south"]
    assert set(run.results) == {"north", "east", "west"}


def test_the_last_total_told_differently_to_one_party_shows_in_the_result(people, quick):
    """Its log is not the leader's: either the coordinator told one of them another total, or the leader lies."""
    run = people.run(
        quick,
        intercept=lambda step, name, message: flipped(message) if step == 11 and name == "south" else message,
    ).go()
    assert "the proposed manifest's log.root is not what this party was told" in str(
        accused(run, "south", of=f"north, {COORDINATOR}")
    )
    assert run.bundle.manifest.absent == ("south",)


def test_parties_told_of_different_signers_do_not_sign(people, quick):
    def lie(step, name, message):
        without = tuple(other for other in NAMES if other != "west")
        return Signers(without) if isinstance(message, Signers) and name == "south" else message

    run = people.run(quick, intercept=lie).try_it()
    error = accused(run, "south", of=f"north, {COORDINATOR}")
    assert "one of them lies: the proposed manifest's signers is not what this party was told" in str(error)


def test_a_group_that_is_told_of_other_participants_is_another_run(people, quick):
    """Two of four hear of three participants, two of four: neither group has enough for a sum."""

    def lie(step, name, message):
        if isinstance(message, Participants) and name in ("south", "west"):
            return replace(message, joins=message.joins[1:], grants=message.grants)
        return message

    run = people.run(quick, intercept=lie).try_it()
    assert isinstance(run.failure, ProtocolError)
    assert run.results == {}


def test_a_stop_ends_it_with_the_reason_given(people, quick):
    run = lied_to(people, quick, "south", lambda step, message: Stop("no \x1b[31mroom") if step == 5 else message)
    assert "stopped the run: no" in str(accused(run, "south"))


def charged(study, name):
    logs = (own_copy(study, name).folder / "log" / name).glob("*.jsonl")
    return [entry.body["step"] for path in logs for entry in Log(path) if entry.kind == "release"]


@pytest.mark.parametrize(
    ("step", "spent"), [(0, []), (1, []), (2, []), (3, [0]), (4, [0]), (6, [0]), (7, [0]), (8, [0, 1]), (12, [0, 1])]
)
def test_what_may_have_left_is_charged_before_it_can(people, study, step, spent):
    """A party killed at any point: what it has written says what others may have, never less, and can be read."""

    def killed(now, name, message):
        return None if (now, name) == (step, "south") else message

    people.run(study, reply=killed).try_it()
    assert charged(study, "south") == spent


def test_a_party_killed_before_anything_left_may_begin_again(people, study):
    people.run(study, lose=dict.fromkeys(NAMES, 2)).try_it()
    run = people.run(study).go()
    assert set(run.results) == set(NAMES)


def test_nothing_leaves_when_it_cannot_be_written_down(people, study):
    """The disk is full, say: then the vector stays where it is."""
    copy = own_copy(study, "south")

    def reply(step, name, message):
        if step == 2 and name == "south":  # shares are out; next it would mask its vector
            (log,) = (copy.folder / "log" / "south").glob("*.jsonl")
            log.unlink()
            log.mkdir()
        return message

    run = people.run(study, reply=reply).try_it()
    assert "cannot append to the log" in str(run.errors["south"])
    kinds = [type(message).__name__ for message in run.sent if getattr(message, "party", "") == "south"]
    assert kinds == ["Advertisement", "Shares"]


def test_two_runs_at_once_do_not_spend_the_budget_twice(people, study):
    """Both see the whole budget at their start: so there is only one at a time."""
    first = people.party(study, "south")
    next(first)
    with pytest.raises(AgreementError, match="'south' is in another run"):
        next(people.party(Study.load(study.folder), "south"))
    assert next(people.party(study, "east")) is not None
    first.close()
    next(people.party(study, "south"))


def test_a_spent_budget_is_refused_before_anything_is_said(people, study):
    people.run(study).go()
    with pytest.raises(BudgetError, match="Nothing was released: agree on a new study"):
        next(people.party(own_copy(study, "south"), "south"))


def test_only_a_party_with_its_own_key_takes_part(people, study):
    for identity in (people.identities[COORDINATOR], Identity.new("south"), Identity.new("stranger")):
        with pytest.raises(AgreementError, match="is not a"):
            next(party_steps(study, identity, people.tables["south"], lambda event: None))
    assert not (study.folder / "log").exists()


def test_nothing_is_said_under_an_agreement_that_not_all_have_signed(people, study):
    (study.folder / "signatures" / "east.sig").unlink()
    with pytest.raises(AgreementError, match="east: has not signed"):
        next(people.party(Study.load(study.folder), "south"))


def test_a_table_that_does_not_fit_is_refused_before_anything_is_said(people, study):
    table = people.tables["south"]
    empty = type(table)(table.features[:0], table.labels[:0], table.schema, "south.csv")
    other = type(table)(table.features, table.labels, replace(table.schema, max_rows=7), "south.csv")
    for bad, reason in ((empty, "0 rows"), (other, "another schema")):
        with pytest.raises((DataError, AgreementError), match=reason):
            next(party_steps(study, people.identities["south"], bad, lambda event: None))

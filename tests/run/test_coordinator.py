"""An honest coordinator against a party that cheats: it leaves that one out, names it, and blames nobody else."""

import pytest

from tacit.bundle import verify
from tacit.errors import AgreementError, ProtocolError
from tacit.federated.secagg.messages import Advertisement, Confirmation, MaskedVector, Shares, Unmasking
from tacit.run import coordinator_steps
from tacit.run.messages import Done, Join, ManifestSignature, Ready, Stop
from tacit.study import Log

from .acting import COORDINATOR, NAMES, mutations, own_copy

OF_A_SUM = (Advertisement, Shares, MaskedVector, Confirmation, Unmasking)
SAID = (Join, *OF_A_SUM, *OF_A_SUM, Ready, Ready, ManifestSignature)


@pytest.fixture
def quick(people, tmp_path):
    return people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0)


def cheated(people, study, cheat, who="west"):
    """A run in which `who` says `cheat(step, message)`."""
    return people.run(
        study, reply=lambda step, name, message: cheat(step, message) if name == who else message
    ).try_it()


def left_out(run, study, who="west"):
    """Assert that the others ended with one good bundle, without `who`; returns why it was left out."""
    assert run.failure is None, run.failure
    assert set(run.results) == set(NAMES) - {who}
    assert {result.bundle.encode() for result in run.results.values()} == {run.bundle.encode()}
    assert run.bundle.manifest.absent == (who,)
    assert verify(run.bundle.encode(), study=study).holds
    assert list(run.dropped) == [who], run.dropped
    return run.dropped[who]


def test_hears_in_this_order(people, quick):
    said = []
    people.run(quick, reply=lambda step, name, message: said.append((name, type(message))) or message).go()
    assert tuple(kind for name, kind in said if name == "west") == SAID


ALTERED = [
    (0, ".signed.body.nonce flipped", "is false"),
    (0, ".signed.body.party another", "in another's name"),
    (0, ".grants.north flipped", "other grants than it sends"),
    (0, ".grants without north", "to every other party"),
    (1, ".channel_key flipped", "is not signed by the identity"),
    (2, ".pieces without its last", "dealt 2 pieces to 3 others"),
    (3, ".vector cut", "is not one of"),
    (3, ".vector longer", "is not one of"),
    (3, ".party another", "another party's name"),
    (4, ".signature flipped", "is not its signature"),
    (5, ".seed_shares[0] flipped", "is not the one it was dealt"),
    (5, ".seed_shares without its last", "does not reveal one share"),
    (13, ".signature flipped", "on this bundle manifest is false"),
]


@pytest.mark.parametrize(("place", "what", "reason"), ALTERED, ids=lambda value: str(value))
def test_who_sends_what_cannot_be_is_left_out_and_named(people, quick, place, what, reason):
    def cheat(step, message):
        return dict(mutations(message))[what] if step == place else message

    assert reason in left_out(cheated(people, quick, cheat), quick)


@pytest.mark.parametrize("place", range(len(SAID)))
def test_who_says_something_else_than_is_due_is_left_out(people, quick, place):
    run = cheated(people, quick, lambda step, message: Done() if step == place else message)
    assert left_out(run, quick) == f"sent Done where {SAID[place].__name__} belongs"


# Not a masked vector: any words are one, and what is in it nobody can see.
@pytest.mark.parametrize("kind", [Advertisement, Shares, Confirmation, Unmasking])
def test_who_repeats_an_earlier_sums_message_is_left_out(people, quick, kind):
    earlier = []

    def cheat(step, message):
        if not isinstance(message, kind):
            return message
        earlier.append(message)
        return earlier[0]

    run = cheated(people, quick, cheat)
    if kind is Shares:  # sealed for another roster, so nobody can open them; the coordinator cannot either
        assert isinstance(run.failure, ProtocolError)
    else:
        left_out(run, quick)


def test_who_repeats_another_runs_join_is_left_out_by_the_others(people, quick):
    """The coordinator cannot know that it is old: but its owner, who has another nonce, will not go on with it."""
    old = []

    def keep(step, name, message):
        old.extend([message] if step == 0 and name == "west" else [])
        return message

    people.run(quick, reply=keep, until="west").try_it()
    run = cheated(people, quick, lambda step, message: old[0] if step == 0 else message)
    assert "our own join is missing or comes from another run" in str(run.errors["west"])
    assert set(run.results) == set(NAMES) - {"west"}


def test_who_is_lost_is_told_of_once(people, tmp_path):
    """Not in every sum anew, with another reason."""
    study = people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0, rounds=4)
    run = people.run(study, reply=lambda step, name, message: Done() if (step, name) == (3, "west") else message).go()
    assert [event.body["party"] for event in run.events if event.kind == "dropped"] == ["west", "west"]
    assert run.dropped["west"] == "sent Done where MaskedVector belongs"


def test_a_sum_that_cannot_be_taken_names_who_made_it_so(people, quick):
    def cheat(step, message):
        return dict(mutations(message))[".pieces[0].contribution_commitment flipped"] if step == 2 else message

    run = cheated(people, quick, cheat)
    assert run.failure.culprit == "west"


def test_too_few_to_begin_with_are_named(people, quick):
    run = people.run(quick, lose={"south": 0, "east": 0}).try_it()
    assert (run.failure.culprit, run.failure.step) == ("east, south", "join")


def test_nothing_is_coordinated_under_an_agreement_that_not_all_have_signed(quick):
    (quick.folder / "signatures" / "east.sig").unlink()
    with pytest.raises(AgreementError, match="east: has not signed"):
        next(coordinator_steps(quick, lambda event: None))


def test_a_party_that_stops_is_left_out(people, quick):
    run = cheated(people, quick, lambda step, message: Stop("no room") if step == 4 else message)
    assert left_out(run, quick) == "sent Stop where Confirmation belongs"


def test_keeps_the_log_that_the_parties_keep(people, quick):
    people.run(quick).go()
    logs = set()
    for name in (*NAMES, COORDINATOR):
        (path,) = (own_copy(quick, name).folder / "log" / name).glob("*.jsonl")
        logs.add(path.read_bytes())
    assert len(logs) == 1
    assert [entry.kind for entry in Log(path)][-1] == "sealed"


def test_has_neither_rows_nor_totals_nor_the_model_on_its_disk(people, quick):
    """All that it writes is its log: names, numbers of steps, and hashes of totals that are blinded to it."""
    run = people.run(quick).go()
    folder = own_copy(quick, COORDINATOR).folder
    written = [path for path in folder.rglob("*") if path.is_file() and "log" in path.parts]
    assert [path.suffix for path in written] == [".jsonl"]
    model = run.bundle.open(people.identities["north"])
    text = written[0].read_bytes()
    for layer in model.layers:
        for field in ("weights", "bias"):
            if hasattr(layer, field):
                assert getattr(layer, field).tobytes()[:8] not in text
    assert {key for entry in Log(written[0]) for key in entry.body} <= {
        *("agreement", "run", "participants", "histories", "start", "lost", "continues"),
        *("step", "kind", "multiplier", "survivors", "sha256", "sums"),
    }

"""The end of a run: a lie in the proposal is not signed, whoever lies; who is lost does not cost the others theirs."""

import hashlib

import pytest

from tacit.bundle import Manifest, verify
from tacit.bundle.ledger import faults
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.federated.plan import make_plan
from tacit.federated.privacy.budget import epsilon_of
from tacit.run.messages import ManifestSignature, ManifestSignatures, Proposal, Ready, Signers
from tacit.run.sealing import privacy_ledger

from .acting import COORDINATOR, NAMES, flip, replace


@pytest.fixture
def quick(people, tmp_path):
    return people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0)


def proposing(people, lie):
    """The ways of a leader that proposes `lie(manifest, payload)` and signs it, and does not look at it again."""
    honest, lied = [], []

    def reply(step, name, message):
        if name == "north" and isinstance(message, Proposal):
            honest.append(message)
            manifest, payload = lie(Manifest.decode(message.manifest), message.payload)
            data = manifest if isinstance(manifest, bytes) else manifest.encode()
            lied.append(Proposal(data, payload, people.identities["north"].sign(SIGNING_DOMAIN, data)))
            return lied[-1]
        if name == "north" and isinstance(message, ManifestSignature):
            return ManifestSignature(lied[-1].signature)
        return message

    def intercept(step, name, message):
        return honest[-1] if name == "north" and isinstance(message, Proposal) else message

    return {"reply": reply, "intercept": intercept}


def changed(**changes):
    return lambda manifest, payload: (replace(manifest, **changes), payload)


def of_another_payload(manifest, payload):
    payload = flip(payload)
    model = replace(manifest.model, payload_digest=hashlib.sha256(payload).digest())
    return replace(manifest, model=model), payload


def with_seals_flipped(manifest, payload):
    return replace(
        manifest, holders=tuple(replace(each, sealed=flip(each.sealed)) for each in manifest.holders)
    ), payload


SEEN_THROUGH = {
    "run": changed(run=bytes(32)),
    "agreement": changed(agreement=bytes(32)),
    "signers": changed(signers=NAMES[:3], absent=NAMES[3:]),
    "log": lambda manifest, payload: (replace(manifest, log=replace(manifest.log, size=1)), payload),
    "payload": lambda manifest, payload: (manifest, flip(payload)),
    "no manifest": lambda manifest, payload: (b"{}", payload),
}


@pytest.mark.parametrize("lie", SEEN_THROUGH)
def test_a_leader_whose_proposal_the_coordinator_sees_through_is_left_out(people, quick, lie):
    """So that nobody is asked to sign it, and blamed for not doing so. The next one leads."""
    run = people.run(quick, **proposing(people, SEEN_THROUGH[lie])).go()
    assert set(run.results) == set(NAMES[1:])
    assert run.bundle.manifest.signers == NAMES[1:]
    assert list(run.dropped) == ["north"]


@pytest.mark.parametrize("answer", [None, Ready()], ids=["lost", "another"])
def test_a_leader_that_proposes_nothing_is_left_out(people, quick, answer):
    run = people.run(
        quick, reply=lambda step, name, said: answer if isinstance(said, Proposal) and name == "north" else said
    )
    assert run.go().bundle.manifest.signers == NAMES[1:]
    assert run.dropped == ({"north": "sent Ready where Proposal belongs"} if answer else {})


@pytest.mark.parametrize(
    ("lie", "field"),
    [
        (changed(study="another"), "study"),
        (of_another_payload, "model.payload_digest"),
        (lambda manifest, payload: (replace(manifest, trust=replace(manifest.trust, corrupt=0)), payload), "trust"),
        (
            lambda manifest, payload: (replace(manifest, privacy=replace(manifest.privacy, void="")), payload),
            "privacy.void",
        ),
        (lambda manifest, payload: (replace(manifest, holders=manifest.holders[:1]), payload), "holders"),
        (with_seals_flipped, "sealed is not this model's key"),
    ],
    ids=["study", "payload", "trust", "privacy", "holders", "seals"],
)
def test_a_leader_whose_lie_only_the_parties_see_is_named_by_all_of_them(people, quick, lie, field):
    run = people.run(quick, **proposing(people, lie)).try_it()
    assert set(run.results) == set()
    for name in NAMES[1:]:
        assert run.errors[name].culprit == "north"
        assert field in str(run.errors[name])
        assert "nothing was signed" in str(run.errors[name])
    assert [type(message) for message in run.sent].count(ManifestSignature) == 1, "but for the leader nobody signs"
    assert run.failure.culprit == "north"
    assert "a result that east, south, west did not sign" in str(run.failure)


def test_a_leader_that_cheats_one_holder_of_its_key_is_named_by_it(people, quick):
    def lie(manifest, payload):
        holders = [
            replace(each, sealed=flip(each.sealed)) if each.name == "south" else each for each in manifest.holders
        ]
        return replace(manifest, holders=tuple(holders)), payload

    run = people.run(quick, **proposing(people, lie)).go()
    assert run.errors["south"].culprit == "north"
    assert run.bundle.manifest.absent == ("south",)


def told(people, study, kind, change, who):
    """A run in which the coordinator says something else to `who` than it should; returns the error of `who`."""

    def intercept(step, name, message):
        return change(message) if name == who and isinstance(message, kind) else message

    run = people.run(study, intercept=intercept, until=who).try_it()
    assert run.errors[who].culprit == COORDINATOR
    return str(run.errors[who])


def test_a_leader_knows_its_own_proposal_again(people, quick):
    """Another one with its signature can only be of an earlier round; it signs none but the last."""
    for change in (
        lambda message: replace(message, payload=flip(message.payload)),
        lambda message: replace(message, signature=flip(message.signature)),
    ):
        assert "altered our own proposal" in told(people, quick, Proposal, change, "north")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda message: replace(message, manifest=message.manifest + b" "), "on this bundle manifest is false"),
        (lambda message: replace(message, signature=flip(message.signature)), "on this bundle manifest is false"),
        (lambda message: replace(message, payload=message.payload[:-1]), "is not the one that its manifest states"),
    ],
    ids=["manifest", "signature", "payload"],
)
def test_whoever_passes_on_what_its_leader_did_not_sign_is_to_blame(people, quick, change, reason):
    error = told(people, quick, Proposal, change, "south")
    assert "passed on a proposal that it must not" in error
    assert reason in error


@pytest.mark.parametrize(
    "signers", [NAMES[::-1], ("north", "south"), ("north", "east", "west"), (*NAMES, "west"), (*NAMES, "stranger"), ()]
)
def test_signers_are_enough_participants_in_order_and_we_among_them(people, quick, signers):
    assert "signers that cannot be" in told(people, quick, Signers, lambda message: Signers(signers), "south")


def test_who_will_not_sign_is_asked_no_more_and_the_others_are_asked_again(people, quick):
    heard = []

    def reply(step, name, message):
        return Ready() if name == "east" and isinstance(message, ManifestSignature) else message

    def intercept(step, name, message):
        heard.append((name, type(message)))
        return message

    run = people.run(quick, reply=reply, intercept=intercept).go()
    assert run.bundle.manifest.signers == ("north", "south", "west")
    assert [kind for name, kind in heard if name == "south"][-4:] == [Proposal, Signers, Proposal, ManifestSignatures]


def test_asked_again_the_leader_proposes_the_same_model_under_the_same_key(people, quick):
    """Its nonce is fixed: another plaintext under this key would give both away."""
    proposals = []

    def reply(step, name, message):
        proposals.extend([message] if isinstance(message, Proposal) else [])
        return message

    people.run(quick, reply=reply, lose={"west": 13}).go()
    first, again = (proposal for proposal in proposals[-2:])
    assert Manifest.decode(first.manifest).signers == NAMES
    assert Manifest.decode(again.manifest).signers == NAMES[:3]
    assert first.payload == again.payload


def test_more_lost_at_the_end_than_agreed_on_are_named(people, quick):
    run = people.run(quick, lose={"south": 13, "west": 13}).try_it()
    assert (run.failure.culprit, run.failure.step) == ("south, west", "seal")
    assert run.results == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda signatures: {},
        lambda signatures: {**signatures, "east": signatures["west"]},
        lambda signatures: {name: each for name, each in signatures.items() if name != "north"},
    ],
    ids=["none", "another's", "one less"],
)
def test_signatures_that_the_coordinator_withholds_or_alters_blame_it(people, quick, change):
    def intercept(step, name, message):
        if name == "south" and isinstance(message, ManifestSignatures):
            return ManifestSignatures(change(message.signatures))
        return message

    run = people.run(quick, intercept=intercept).go()
    assert run.errors["south"].culprit == COORDINATOR
    assert set(run.results) == {"north", "east", "west"}


def test_a_leader_that_is_lost_with_all_the_others_is_not_blamed_for_it(people, quick):
    run = people.run(quick, lose=dict.fromkeys(NAMES, 13)).try_it()
    assert run.failure.culprit == ", ".join(NAMES)


def test_signatures_of_others_do_not_get_into_the_bundle(people, quick):
    """Else each party could end up with another file."""
    extra = {"west-2": bytes(3373)}
    run = people.run(
        quick,
        intercept=lambda step, name, message: (
            ManifestSignatures({**message.signatures, **extra}) if isinstance(message, ManifestSignatures) else message
        ),
    ).go()
    assert {result.bundle.encode() for result in run.results.values()} == {run.bundle.encode()}


def test_the_ledger_is_of_the_whole_plan_and_true(people, study):
    plan = make_plan(study.agreement)
    ledger = privacy_ledger(study.agreement, plan, 0)
    assert [(release.step, release.count) for release in ledger.releases] == [("statistics", 1), ("round", 1)]
    releases = {release.noise_multiplier: release.count for release in ledger.releases}
    assert ledger.epsilon_spent == epsilon_of(releases, study.agreement.privacy.delta)
    assert 0.99 * study.agreement.privacy.epsilon < ledger.epsilon_spent <= study.agreement.privacy.epsilon
    assert (ledger.unit, ledger.void) == ("record", "")


@pytest.mark.parametrize(
    ("changes", "void"),
    [({"unit": "none", "epsilon": 0.0, "delta": 0.0}, "no differential privacy"), ({"test_seed": 1}, "TEST SEED")],
)
def test_the_ledger_says_when_there_is_no_privacy(people, tmp_path, changes, void):
    agreement = people.study(tmp_path / "study", **changes).agreement
    assert void in privacy_ledger(agreement, make_plan(agreement), 0).void


def test_the_ledger_has_statistics_that_were_lost_and_the_rounds_that_pay_for_them(people, tmp_path):
    agreement = people.study(tmp_path / "study", rounds=30).agreement
    plan = make_plan(agreement)
    whole, ledger = privacy_ledger(agreement, plan, 0), privacy_ledger(agreement, plan, 2)
    given_up = 2 * plan.statistics_in_rounds
    assert given_up > 0
    assert [release.count for release in ledger.releases] == [3, 30 - given_up]
    assert 0.9 * whole.epsilon_spent < ledger.epsilon_spent <= whole.epsilon_spent
    assert faults(ledger, agreement) == []


def test_a_test_seed_is_in_the_bundle_for_all_to_see(people, tmp_path):
    study = people.study(tmp_path / "study", test_seed=7)
    run = people.run(study).go()
    report = verify(run.bundle.encode(), study=study)
    assert "NO PRIVACY" in next(row.detail for row in report.rows if row.check == "privacy")

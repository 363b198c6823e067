"""For each check a bundle in which everything else is right: the check's row is the only one that fails."""

import hashlib

import msgspec
import pytest

from tacit.bundle import Evidence, Holder, Manifest, Rounds, container, propose, verify
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.keys import Identity
from tacit.study import AgreementSignature, Head
from tacit.study.agreement import digest

replace = msgspec.structs.replace


def failing(data, **rest):
    return [row.check for row in verify(data, **rest).failures]


def only(data, check, reason, **rest):
    """Assert that `check` alone does not hold, and why."""
    report = verify(data, **rest)
    assert [row.check for row in report.failures] == [check], str(report)
    assert reason in report.failures[0].detail
    assert not report.holds


def test_an_honest_bundle_holds_in_every_row(world):
    report = verify(world.data, study=world.study)
    assert report.holds
    assert {row.result for row in report.rows} == {"holds"}
    assert [row.check for row in report.rows] == [
        "format",
        "agreement",
        "identities",
        *[f"agreement signed by {name}" for name in ("ash", "birch", "cedar", "dogwood")],
        *[f"result signed by {name}" for name in ("ash", "birch", "cedar")],
        *["signers", "model", "rounds", "holders", "privacy", "trust", "log", "payload", "evidence", "keys pinned"],
    ]


def test_the_absent_are_named(world):
    (row,) = [row for row in verify(world.data).rows if row.check == "signers"]
    assert row.detail == "3 of 4 parties signed the result; absent: dogwood"


def test_nobody_is_absent_when_all_have_signed(world):
    data = world.sealed(world.outcome(signers=world.study.agreement.names))
    (row,) = [row for row in verify(data).rows if row.check == "signers"]
    assert row.detail == "4 of 4 parties signed the result; none is absent"


def test_agreement_of_another_digest(world):
    only(world.conspire(agreement=bytes(32)), "agreement", "about another agreement")


def test_agreement_of_another_name(world):
    only(world.conspire(study="mortality"), "agreement", "about the study 'mortality'")


def test_agreement_changed_after_the_run(world):
    """Every party has signed the new text; the manifest is still about the old one."""
    text = world.sections.agreement.replace(b"thirty", b"ninety")
    signed = tuple(
        AgreementSignature.make(world.identities[name], digest(text)).encode() for name in world.study.agreement.names
    )
    only(world.packed(agreement=text, agreement_signatures=signed), "agreement", "changed after the run")


@pytest.mark.parametrize(("index", "name"), [(4, "carrier"), (5, "buyer")])
def test_identity_of_another_key(world, index, name):
    identities = list(world.sections.identities)
    identities[index] = Identity.new(name).public.encode()
    only(world.packed(identities=tuple(identities)), "identities", f"the key of {name!r} is not the one")


def test_identities_swapped(world):
    identities = list(world.sections.identities)
    identities[4], identities[5] = identities[5], identities[4]
    only(world.packed(identities=tuple(identities)), "identities", "the key of 'carrier' is not the one")


def test_identity_of_a_party_exchanged_with_all_its_signatures(world):
    """A stranger takes a party's place completely; only the agreement's fingerprint gives it away."""
    stranger = Identity.new("ash")
    identities = (stranger.public.encode(), *world.sections.identities[1:])
    signed = (AgreementSignature.make(stranger, world.study.digest).encode(), *world.sections.agreement_signatures[1:])
    results = (stranger.sign(SIGNING_DOMAIN, world.proposal.manifest), *world.sections.manifest_signatures[1:])
    data = world.packed(identities=identities, agreement_signatures=signed, manifest_signatures=results)
    only(data, "identities", "the key of 'ash' is not the one")


def with_agreement_signature(world, signature):
    signed = list(world.sections.agreement_signatures)
    signed[1] = signature.encode()
    return world.packed(agreement_signatures=tuple(signed))


def test_agreement_signature_of_another(world):
    signature = AgreementSignature.make(world.identities["ash"], world.study.digest)
    only(
        with_agreement_signature(world, signature),
        "agreement signed by birch",
        "the signature in its place is by 'ash'",
    )


def test_agreement_signature_under_another_text(world):
    signature = AgreementSignature.make(world.identities["birch"], bytes(32))
    only(with_agreement_signature(world, signature), "agreement signed by birch", "under another text")


def test_agreement_signature_that_is_false(world):
    ash = AgreementSignature.make(world.identities["ash"], world.study.digest)
    birch = AgreementSignature.make(world.identities["birch"], world.study.digest)
    only(
        with_agreement_signature(world, replace(birch, signature=ash.signature)),
        "agreement signed by birch",
        "is false",
    )


def with_manifest_signature(world, signature, index=1):
    signatures = list(world.sections.manifest_signatures)
    signatures[index] = signature
    return world.packed(manifest_signatures=tuple(signatures))


def test_result_signature_of_another(world):
    only(with_manifest_signature(world, world.sections.manifest_signatures[0]), "result signed by birch", "is false")


def test_result_signature_under_another_domain(world):
    signature = world.identities["birch"].sign("agreement", world.proposal.manifest)
    only(with_manifest_signature(world, signature), "result signed by birch", "is false")


def test_result_signature_of_half_the_scheme(world):
    """Ed25519 alone, or ML-DSA-65 alone, is no signature."""
    true, other = world.sections.manifest_signatures[1], world.sections.manifest_signatures[0]
    only(with_manifest_signature(world, true[:64] + other[64:]), "result signed by birch", "is false")
    only(with_manifest_signature(world, other[:64] + true[64:]), "result signed by birch", "is false")
    only(with_manifest_signature(world, true[:64]), "result signed by birch", "is false")


def test_result_signatures_swapped(world):
    first, second, third = world.sections.manifest_signatures
    data = world.packed(manifest_signatures=(second, first, third))
    assert failing(data) == ["result signed by ash", "result signed by birch"]


def test_manifest_of_another_run_under_these_signatures(world):
    other = propose(world.outcome(run=bytes(32)))
    data = world.packed(manifest=other.manifest, payload=other.payload)
    assert failing(data) == [f"result signed by {name}" for name in world.manifest.signers]


def test_payload_of_another_run(world):
    other = propose(world.outcome(run=bytes(32)))
    only(world.packed(payload=other.payload), "payload", "exchanged or damaged")


def test_signatures_of_another_run_under_this_manifest(world):
    other = world.sealed(world.outcome(run=bytes(32)))
    data = world.packed(manifest_signatures=container.unpack(other).manifest_signatures)
    assert failing(data) == [f"result signed by {name}" for name in world.manifest.signers]


def test_too_few_signers(world):
    data = world.conspire(signers=("ash", "birch"), absent=("cedar", "dogwood"))
    only(data, "signers", "2 of 4 parties signed; the agreement lets only 1 be absent")


def test_duplicate_signer(world):
    only(world.conspire(signers=("ash", "ash", "birch", "cedar")), "signers", "each once")


def test_duplicate_signers_do_not_make_a_quorum(world):
    data = world.conspire(signers=("ash", "ash", "birch"), absent=("cedar", "dogwood"))
    only(data, "signers", "2 of 4 parties signed")


def test_signers_out_of_order(world):
    only(world.conspire(signers=("birch", "ash", "cedar")), "signers", "in the order of the agreement")


def test_removed_signer(world):
    """Without its name the manifest is another one; with its name it lacks a signature."""
    data = world.packed(manifest_signatures=world.sections.manifest_signatures[:2])
    assert failing(data) == ["manifest", "everything else"]
    assert "names 3 signers, but the bundle has 2 signatures" in verify(data).first_fault
    manifest = replace(world.manifest, signers=("ash", "birch"), absent=("cedar", "dogwood")).encode()
    data = world.packed(manifest=manifest, manifest_signatures=world.sections.manifest_signatures[:2])
    assert failing(data) == ["result signed by ash", "result signed by birch", "signers"]


@pytest.mark.parametrize(
    "absent", [(), ("cedar",), ("dogwood", "dogwood"), ("dogwood", "nobody"), ("cedar", "dogwood")]
)
def test_the_absent_are_not_those_named(world, absent):
    only(world.conspire(absent=absent), "signers", "the absent are not exactly")


@pytest.mark.parametrize("stranger", ["carrier", "buyer"])
def test_a_signer_that_is_no_party(world, stranger):
    data = world.conspire(signers=("ash", "birch", "cedar", stranger))
    assert failing(data) == [f"result signed by {stranger}", "signers"]
    assert f"{stranger!r} is not a party" in verify(data).first_fault


def test_nobody_signed(world):
    only(world.conspire(signers=(), absent=world.study.agreement.names), "signers", "0 of 4 parties signed")


@pytest.mark.parametrize(("name", "value"), [("task", "regression"), ("kind", "mlp")])
def test_model_that_was_not_agreed_on(world, name, value):
    only(world.conspire(model=replace(world.manifest.model, **{name: value})), "model", f"its {name} is {value!r}")


@pytest.mark.parametrize("rounds", [Rounds(4, 4), Rounds(6, 5), Rounds(5, 6), Rounds(5, -1)])
def test_rounds_that_cannot_be(world, rounds):
    only(world.conspire(rounds=rounds), "rounds", "cannot be: the agreement plans 5")


def rounds_row(data):
    return next(row for row in verify(data).rows if row.check == "rounds")


def test_rounds_that_were_lost_are_shown(world, tmp_path):
    assert rounds_row(world.data)[1:] == ("holds", "5 of 5 planned rounds of training are in the model")
    some = rounds_row(world.conspire(rounds=Rounds(5, 2)))
    assert (some.result, some.detail[:6]) == ("holds", "2 of 5")
    assert some.detail.endswith("the others were lost when a run broke off")
    study = world.another_study(
        tmp_path / "study",
        lambda text: text.replace("rounds = 5", "rounds = 5\nvalidation_share = 0.2\npatience = 2"),
    )
    stopped = rounds_row(world.sealed(world.outcome(study=study, rounds=Rounds(5, 2))))
    assert stopped.detail.endswith("or left out by early stopping")


def test_a_model_of_no_round_is_a_loud_warning(world):
    none = rounds_row(world.conspire(rounds=Rounds(5, 0)))
    assert none.result == "warning"
    assert "NO ROUND" in none.detail


def holders(world, *names):
    kept = {holder.name: holder for holder in world.manifest.holders}
    sealed = kept["ash"].sealed
    return tuple(kept.get(name) or Holder(name, world.identities[name].public.fingerprint, sealed) for name in names)


@pytest.mark.parametrize(
    "names", [(), ("ash",), ("buyer", "ash"), ("ash", "buyer", "birch"), ("ash", "birch"), ("ash", "ash", "buyer")]
)
def test_holders_that_were_not_agreed_on(world, names):
    only(world.conspire(holders=holders(world, *names)), "holders", "not exactly the holders")


def test_holder_under_another_key(world, outsider):
    ash, buyer = world.manifest.holders
    for key in (outsider.public.fingerprint, world.identities["birch"].public.fingerprint, ash.key):
        only(world.conspire(holders=(ash, replace(buyer, key=key))), "holders", "not exactly the holders")


def test_sealed_key_of_another_length(world):
    ash, buyer = world.manifest.holders
    for sealed in (b"", ash.sealed[:-1], ash.sealed + b"\x00"):
        only(world.conspire(holders=(ash, replace(buyer, sealed=sealed))), "holders", "a length that none can have")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unit": "party"}, "unit is 'party'"),
        ({"epsilon_budget": 8.0}, "epsilon_budget is 8.0"),
        ({"delta": 0.0}, "delta is 0.0"),
        ({"epsilon_spent": 4.5}, "outside the budget"),
        ({"epsilon_spent": 0.0}, "epsilon_spent is 0"),
        ({"epsilon_spent": 1.0}, "epsilon_spent is 1.0, but the noise in its releases is too little for that"),
        ({"releases": ()}, "releases is not what the agreement's training releases"),
    ],
)
def test_privacy_ledger_that_contradicts_the_agreement(world, changes, reason):
    only(world.conspire(privacy=replace(world.manifest.privacy, **changes)), "privacy", reason)


def test_no_privacy_is_a_loud_warning(world):
    data = world.conspire(privacy=replace(world.manifest.privacy, void="the noise generator was seeded"))
    report = verify(data, study=world.study)
    assert report.holds
    (row,) = report.warnings
    assert row.check == "privacy"
    assert row.detail == "there is NO PRIVACY for the training data. Reason: the noise generator was seeded"


def test_to_say_that_there_is_no_privacy_excuses_no_other_fault(world):
    lie = replace(world.manifest.privacy, void="the noise generator was seeded", epsilon_spent=4.5)
    only(world.conspire(privacy=lie), "privacy", "outside the budget")


def other_world(world, folder, change):
    """The same run under another agreement, and the outcome of it."""
    return world.outcome(study=world.another_study(folder, change))


def seeded(text):
    return text.replace("[data]", "[insecure]\ntest_seed = 7\n\n[data]")


def test_a_test_seed_means_no_privacy(world, tmp_path):
    own = other_world(world, tmp_path / "study", seeded)
    honest = replace(own.ledger, void="test seed: the noise can be predicted")
    report = verify(world.sealed(world.outcome(study=own.study, ledger=honest)))
    assert report.holds
    assert "NO PRIVACY" in next(row.detail for row in report.rows if row.check == "privacy")


def forged_ledger(world, own, honest, lie):
    """A bundle of this outcome, but for its ledger."""
    study, sections = own.study, container.unpack(world.sealed(world.outcome(study=own.study, ledger=honest)))
    manifest = replace(Manifest.decode(sections.manifest), privacy=lie).encode()
    signatures = tuple(world.identities[name].sign(SIGNING_DOMAIN, manifest) for name in own.signers)
    assert study.digest == Manifest.decode(manifest).agreement
    return container.pack(sections._replace(manifest=manifest, manifest_signatures=signatures))


def test_a_test_seed_that_is_kept_quiet(world, tmp_path):
    own = other_world(world, tmp_path / "study", seeded)
    data = forged_ledger(world, own, replace(own.ledger, void="test seed"), own.ledger)
    only(data, "privacy", "the agreement has a test seed")


def test_no_unit_that_is_kept_quiet(world, tmp_path):
    def change(text):
        return text.replace('unit = "record"\nepsilon = 4.0\ndelta = 1e-5', 'unit = "none"')

    own = other_world(world, tmp_path / "study", change)
    quiet = replace(own.ledger, unit="none", epsilon_budget=0.0, epsilon_spent=0.0, delta=0.0, releases=())
    data = forged_ledger(world, own, replace(quiet, void="unit none"), quiet)
    only(data, "privacy", "the agreement's unit is 'none'")


@pytest.mark.parametrize("changes", [{"corrupt": 0}, {"corrupt": 2}, {"dropping": 2}, {"poisoning": 1}])
def test_trust_that_was_not_agreed_on(world, changes):
    only(world.conspire(trust=replace(world.manifest.trust, **changes)), "trust", "another number of corrupt")


def test_log_without_entries(world):
    only(world.conspire(log=Head(0, hashlib.sha256(b"").digest())), "log", "no entries")


def test_log_of_the_study_with_another_history(world):
    data = world.conspire(log=replace(world.manifest.log, root=bytes(32)))
    assert verify(data).holds
    only(data, "log", "has another history", study=world.study)


def test_a_run_that_is_in_no_log_of_a_folder_with_logs_is_a_warning(world, tmp_path):
    """A run that its members were not told of, or an old one put in the place of another."""
    study = world.another_study(tmp_path / "copy")
    (row,) = [row for row in verify(world.data, study=study).rows if row.check == "log"]
    assert row.result == "holds"
    study.run_log("ash", bytes(32)).append("run", {})
    report = verify(world.data, study=study)
    assert report.holds
    assert "logs of other runs, and none of this one" in next(row.detail for row in report.warnings)


def test_log_of_the_study_may_have_gone_on(world):
    log = world.study.run_log("ash", world.own.run)
    log.append("sealed", {"sha256": "00"})
    try:
        (row,) = [row for row in verify(world.data, study=world.study).rows if row.check == "log"]
    finally:
        lines = log.path.read_bytes().split(b"\n")
        log.path.write_bytes(b"\n".join(lines[:-2]) + b"\n")
    assert row.result == "holds"
    assert "as in the study" in row.detail


def test_log_of_the_study_that_cannot_be_compared(world):
    path = world.study.run_log("ash", world.own.run).path
    before = path.read_bytes()
    for damaged in (b"", before[:40] + b"\n", before.replace(b'"index":3', b'"index":9')):
        path.write_bytes(damaged)
        try:
            report = verify(world.data, study=world.study)
        finally:
            path.write_bytes(before)
        assert report.holds
        assert [row.check for row in report.warnings] == ["log"]
        assert "cannot be compared" in report.warnings[0].detail


def test_log_that_cannot_be_compared_does_not_hide_one_that_differs(world, tmp_path):
    study = world.another_study(tmp_path / "copy")
    study.run_log("birch", world.own.run).append("other", {})
    for index in range(5):
        study.run_log("cedar", world.own.run).append("other", {"index": index})
    only(world.data, "log", "the log that 'cedar' kept of this run has another history", study=study)
    assert "'birch' kept of this run cannot be compared" in verify(world.data, study=study).first_fault


def test_log_of_another_member_who_took_no_part(world, tmp_path):
    report = verify(world.data, study=world.another_study(tmp_path / "copy"))
    assert report.holds
    assert not report.warnings


def test_payload_of_another_size(world):
    size = len(world.proposal.payload)
    only(world.conspire(model=replace(world.manifest.model, payload_size=1)), "payload", f"{size} bytes, not 1")


def test_payload_of_another_digest(world):
    only(
        world.conspire(model=replace(world.manifest.model, payload_digest=bytes(32))), "payload", "exchanged or damaged"
    )


def test_unknown_evidence_is_not_passed_over(world):
    data = world.conspire(evidence=(Evidence("zero-knowledge proof", "1", bytes(32), 1),))
    only(data, "evidence", "cannot check evidence of the kinds ['zero-knowledge proof']")
    assert [row.result for row in verify(data).failures] == ["not checked"]


def keys_row(data, **rest):
    (row,) = [row for row in verify(data, **rest).rows if row.check == "keys pinned"]
    return row


def test_without_pins_the_fingerprints_are_there_to_compare(world):
    row = keys_row(world.data)
    assert row.result == "warning"
    assert row.detail.startswith("NOBODY'S KEY WAS COMPARED, one person can have made them all")
    for party in world.study.parties:
        assert f"{party.name} {party.fingerprint}" in row.detail


def test_a_study_pins_all_keys(world, tmp_path):
    row = keys_row(world.data, study=world.study)
    assert row.result == "holds"
    assert f"are those of the study in {world.study.folder}" in row.detail
    copy = world.another_study(tmp_path / "copy")
    assert keys_row(world.data, study=copy).result == "holds"


def test_pins_are_identities_or_fingerprints(world):
    parties = world.study.parties
    row = keys_row(world.data, pins=parties)
    assert row.result == "holds"
    assert row.detail == "every party's key is one that you gave: ash, birch, cedar, dogwood"
    assert keys_row(world.data, pins=[party.fingerprint for party in parties]).result == "holds"
    assert keys_row(world.data, pins=iter([*parties, world.study.coordinator])).result == "holds"


def test_a_party_without_a_pin_is_a_warning(world):
    row = keys_row(world.data, pins=world.study.parties[:3])
    assert row.result == "warning"
    assert row.detail.startswith("no key was compared of dogwood; compare")
    assert f"dogwood {world.study.parties[3].fingerprint}" in row.detail
    assert "ash" not in row.detail


def test_the_coordinator_vouches_for_nobody(world):
    assert keys_row(world.data, pins=[world.study.coordinator]).result == "warning"


def test_a_bundle_of_others_in_the_same_names(world, tmp_path, outsider):
    """Everything is consistent and signed, by people who only call themselves like the parties."""
    only(world.data, "keys pinned", "another agreement", study=world.another_study(tmp_path / "real", keep=False))
    only(world.data, "keys pinned", "no member of this study has the key", pins=[outsider.public])
    only(world.data, "keys pinned", "no member of this study", pins=[*world.study.parties, "tacit1:" + "0" * 64])


def test_a_bundle_of_an_earlier_agreement_of_the_same_parties(world, tmp_path):
    older = world.another_study(tmp_path / "older", lambda text: text.replace("4.0", "8.0"))
    only(world.data, "keys pinned", "another agreement", study=older)

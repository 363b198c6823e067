"""Who agreed on it, who signed it, whose keys these are: for each check a bundle in which everything else is right."""

import msgspec
import pytest

from tacit.bundle import container, propose, verify
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.keys import Identity
from tacit.study import AgreementSignature
from tacit.study.agreement import digest

from .checking import failing, only

replace = msgspec.structs.replace


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

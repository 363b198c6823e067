"""The bundle as one file: sealed by all who finished, opened by its holders, and by nobody under another key."""

import pickle
from dataclasses import replace as but

import msgspec
import pytest

from tacit.bundle import Bundle, Holder, Manifest, payload, propose, sign, verify
from tacit.bundle.manifest import SEALING_DOMAIN
from tacit.bundle.sealing import sealing_context
from tacit.errors import AgreementError, FormatError, IdentityError, ProofError, ProtocolError
from tacit.graph import (
    Graph,
)
from tacit.keys import Identity

replace = msgspec.structs.replace


def signatures(world, proposal=None):
    manifest = (proposal or world.proposal).manifest
    return {name: sign(world.identities[name], manifest) for name in Manifest.decode(manifest).signers}


def resealed(world, name, secret, **bound) -> bytes:
    """The bundle with another secret sealed to `name`, signed by all signers."""
    public = world.identities[name].public
    context = sealing_context(
        bound.get("agreement", world.study.digest), bound.get("run", world.own.run), public.fingerprint
    )
    sealed = Holder(name, public.fingerprint, public.seal(SEALING_DOMAIN, secret, context))
    return world.conspire(holders=tuple(sealed if h.name == name else h for h in world.manifest.holders))


def test_bytes_come_back(world):
    assert Bundle.decode(world.data).encode() == world.data


def test_file_comes_back(world, tmp_path):
    path = tmp_path / "model.tacit"
    Bundle.decode(world.data).save(path)
    assert path.read_bytes() == world.data
    assert Bundle.load(path).encode() == world.data


def test_load_names_the_file(world, tmp_path):
    path = tmp_path / "model.tacit"
    with pytest.raises(FormatError, match=r"model\.tacit"):
        Bundle.load(path)
    path.write_bytes(world.data[:-1])
    with pytest.raises(FormatError, match=r"model\.tacit: .*truncated"):
        Bundle.load(path)


def test_says_what_it_is_about(world):
    bundle = Bundle.decode(world.data)
    assert bundle.agreement == world.study.agreement
    assert bundle.manifest == world.manifest
    assert "readmission" in repr(bundle)


@pytest.mark.parametrize("name", ["ash", "buyer"])
def test_every_holder_opens_the_very_model(world, name):
    graph = Bundle.decode(world.data).open(world.identities[name])
    assert graph.to_bytes() == world.own.graph
    rows = [[30.0], [80.0]]
    assert (graph.predict(rows) == Graph.from_bytes(world.own.graph).predict(rows)).all()


def test_the_model_is_not_in_the_file(world):
    assert world.own.graph[8:40] not in world.data
    assert world.own.content_key not in world.data
    assert world.own.salt not in world.data


@pytest.mark.parametrize("name", ["birch", "dogwood", "carrier"])
def test_who_is_no_holder_is_told_what_to_do(world, name):
    with pytest.raises(IdentityError) as caught:
        Bundle.decode(world.data).open(world.identities[name])
    text = str(caught.value)
    assert f"{name!r}" in text
    assert "is not a holder" in text
    assert "ash, buyer" in text
    assert "ask one of them for predictions" in text


def test_a_namesake_of_a_holder_is_no_holder(world):
    with pytest.raises(IdentityError, match="is not a holder"):
        Bundle.decode(world.data).open(Identity.new("ash"))


def test_reports_what_verify_says(world):
    for rest in ({}, {"study": world.study}, {"pins": world.study.parties[:1]}):
        form, *rows = verify(world.data, **rest).rows
        assert form.check == "format"
        assert Bundle.decode(world.data).report(**rest).rows == tuple(rows)


def test_a_bundle_that_does_not_hold_is_not_opened(world):
    altered = world.packed(payload=bytes(len(world.proposal.payload)))
    with pytest.raises(ProofError, match=r"does not hold.*payload: .*SHA-256"):
        Bundle.decode(altered).open(world.identities["ash"])


def test_opening_heeds_study_and_pins(world, tmp_path, outsider):
    bundle, ash = Bundle.decode(world.data), world.identities["ash"]
    bundle.open(ash, world.study, [party.fingerprint for party in world.study.parties])
    with pytest.raises(ProofError, match="keys pinned"):
        bundle.open(ash, pins=[outsider.public])
    with pytest.raises(ProofError, match="keys pinned"):
        bundle.open(ash, world.another_study(tmp_path / "other", keep=False))


def test_a_key_sealed_for_another_run_does_not_open(world):
    data = resealed(world, "buyer", world.own.content_key + world.own.salt, run=bytes(32))
    assert verify(data).holds
    with pytest.raises(IdentityError, match="not sealed to 'buyer'"):
        Bundle.decode(data).open(world.identities["buyer"])
    Bundle.decode(data).open(world.identities["ash"])


def test_a_key_sealed_under_another_agreement_does_not_open(world):
    data = resealed(world, "buyer", world.own.content_key + world.own.salt, agreement=bytes(32))
    with pytest.raises(IdentityError, match="not sealed to 'buyer'"):
        Bundle.decode(data).open(world.identities["buyer"])


def test_the_key_of_another_bundle_does_not_open(world):
    data = resealed(world, "buyer", bytes(32) + world.own.salt)
    with pytest.raises(FormatError, match="does not open under this content key"):
        Bundle.decode(data).open(world.identities["buyer"])


def test_a_model_other_than_the_committed_one_is_refused(world):
    """A coalition of all signers encrypts a second model under the first one's commitment."""
    commitment = world.manifest.model.commitment
    cipher = payload._cipher(world.own.content_key, world.study.digest, world.own.run, commitment)
    second = cipher.encrypt(bytes(12), b"another model", payload.PAYLOAD_DOMAIN + world.study.digest + world.own.run)
    described = replace(
        world.manifest.model, payload_digest=payload.hashlib.sha256(second).digest(), payload_size=len(second)
    )
    data = world.resigned(replace(world.manifest, model=described), payload=second)
    assert verify(data).holds
    with pytest.raises(FormatError, match="another model than the one committed to"):
        Bundle.decode(data).open(world.identities["ash"])


def test_a_salt_other_than_the_committed_one_is_refused(world):
    data = resealed(world, "ash", world.own.content_key + bytes(32))
    with pytest.raises(FormatError, match="another model than the one committed to"):
        Bundle.decode(data).open(world.identities["ash"])


def test_a_payload_that_is_no_model_is_refused(world):
    data = world.sealed(world.outcome(graph=b"not a graph"))
    with pytest.raises(FormatError):
        Bundle.decode(data).open(world.identities["ash"])


def test_a_key_of_another_length_is_refused(world):
    for secret in (world.own.content_key, world.own.content_key + world.own.salt + b"\x00"):
        with pytest.raises(ProofError, match="holders"):
            Bundle.decode(resealed(world, "ash", secret)).open(world.identities["ash"])


def test_all_parties_may_sign(world):
    data = world.sealed(world.outcome(signers=("ash", "birch", "cedar", "dogwood")))
    assert verify(data).holds
    assert Bundle.decode(data).manifest.absent == ()


def test_assembling_names_who_has_not_signed(world):
    given = signatures(world)
    del given["birch"]
    with pytest.raises(ProtocolError, match="birch, in step seal: has not signed"):
        Bundle.assemble(world.study, world.proposal.manifest, given, world.proposal.payload)


def test_assembling_names_whose_signature_is_false(world):
    for false in (bytes(3373), b"", signatures(world)["ash"], signatures(world, propose(world.own))["birch"]):
        with pytest.raises(ProtocolError, match="birch, in step seal: its signature of the manifest is false"):
            Bundle.assemble(
                world.study, world.proposal.manifest, {**signatures(world), "birch": false}, world.proposal.payload
            )


def test_assembling_ignores_signatures_that_are_not_needed(world):
    given = dict(zip(world.manifest.signers, world.sections.manifest_signatures, strict=True))
    given["dogwood"] = b"whatever"
    assert Bundle.assemble(world.study, world.proposal.manifest, given, world.proposal.payload).encode() == world.data


def test_assembling_refuses_a_signer_that_is_no_party(world):
    manifest = replace(world.manifest, signers=("ash", "birch", "cedar", "carrier")).encode()
    given = {name: world.identities[name].sign("bundle manifest", manifest) for name in world.identities}
    with pytest.raises(ProtocolError, match="carrier, in step seal: is not a party"):
        Bundle.assemble(world.study, manifest, given, world.proposal.payload)


def test_assembling_refuses_what_would_not_verify(world):
    manifest = replace(world.manifest, trust=replace(world.manifest.trust, corrupt=0)).encode()
    given = {name: world.identities[name].sign("bundle manifest", manifest) for name in world.manifest.signers}
    with pytest.raises(ProofError, match="trust"):
        Bundle.assemble(world.study, manifest, given, world.proposal.payload)
    with pytest.raises(ProofError, match="payload"):
        Bundle.assemble(world.study, world.proposal.manifest, signatures(world), b"")
    with pytest.raises(FormatError):
        Bundle.assemble(world.study, b"{}", {}, b"")


def test_assembling_needs_an_agreement_that_all_have_signed(world, tmp_path):
    study = world.another_study(tmp_path / "study")
    (study.folder / "signatures" / "dogwood.sig").unlink()
    own = but(world.own, study=study)
    proposal = propose(own)
    with pytest.raises(AgreementError, match="dogwood: has not signed"):
        Bundle.assemble(study, proposal.manifest, signatures(world, proposal), proposal.payload)


def test_secrets_are_in_no_text(world):
    bundle = Bundle.decode(world.data)
    for text in (repr(bundle), str(bundle), repr(bundle._contents)):
        assert len(text) < 300
    with pytest.raises(TypeError):
        pickle.dumps(world.identities["ash"])

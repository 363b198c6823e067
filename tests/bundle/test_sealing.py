import json
from dataclasses import fields

import msgspec
import pytest

from tacit import canonical
from tacit.bundle import Evidence, Holder, Manifest, NoisyRelease, Rounds, check_proposal, propose, sign
from tacit.bundle.manifest import SEALING_DOMAIN, SIGNING_DOMAIN
from tacit.bundle.sealing import sealing_context, unseal
from tacit.errors import AgreementError, FormatError, IdentityError, ProtocolError
from tacit.keys import Identity
from tacit.study import Head

replace = msgspec.structs.replace


def check(world, manifest_bytes=None, payload=None, *, party="birch", own=None):
    """Let `party` check what "ash" proposes: by default the honest proposal."""
    check_proposal(
        world.proposal.manifest if manifest_bytes is None else manifest_bytes,
        world.proposal.payload if payload is None else payload,
        own or world.own,
        world.identities[party],
        proposer="ash",
    )


def accused(world, field, manifest_bytes=None, payload=None, **rest):
    with pytest.raises(ProtocolError) as caught:
        check(world, manifest_bytes, payload, **rest)
    # The coordinator may have told each party of other signers or another log, or repeat another run's proposal.
    told = field.startswith(("run", "signers", "absent", "log"))
    assert (caught.value.culprit, caught.value.step) == ("ash, carrier" if told else "ash", "seal")
    assert field in str(caught.value)
    assert "nothing was signed" in str(caught.value)


@pytest.mark.parametrize("party", ["ash", "birch", "cedar"])
def test_every_party_accepts_the_honest_proposal(world, party):
    check(world, party=party)


def test_seals_are_fresh_and_all_else_is_the_same(world):
    again = propose(world.own)
    assert again.payload == world.proposal.payload
    assert again.manifest != world.proposal.manifest
    ours, theirs = Manifest.decode(again.manifest), world.manifest
    assert replace(ours, holders=()) == replace(theirs, holders=())
    assert all(a.sealed != b.sealed for a, b in zip(ours.holders, theirs.holders, strict=True))
    check(world, again.manifest)


def leaves(tree, path=""):
    """Every scalar and every list of a JSON tree, by its path."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
        return
    yield path
    for index, value in enumerate(tree if isinstance(tree, list) else []):
        yield from leaves(value, f"{path}[{index}]")


def lied(tree, path):
    """The tree with another value of the same type at `path`."""
    *way, last = [int(key) if key.isdigit() else key for key in path.replace("[", ".").replace("]", "").split(".")]
    branch = tree
    for key in way:
        branch = branch[key]
    value = branch[last]
    others = {"logistic": "mlp", "record": "party"}
    if isinstance(value, list):
        branch[last] = (
            [*value, value[0]] if value else [{"kind": "k", "format": "f", "digest": "A" * 43 + "=", "size": 1}]
        )
    elif isinstance(value, str) and len(value) == 44 and value.endswith("="):
        branch[last] = ("B" if value[0] == "A" else "A") + value[1:]
    elif isinstance(value, str):
        branch[last] = others.get(value, value + "x")
    else:
        branch[last] = value + 1
    return canonical.encode(tree)


ALL_FIELDS = {
    *("format", "study", "agreement", "run", "signers", "signers[0]", "absent", "absent[0]", "evidence", "holders"),
    *("model.task", "model.kind", "model.commitment", "model.payload_digest", "model.payload_size"),
    *("holders[0].name", "holders[0].key", "holders[1].name", "holders[1].key", "log.size", "log.root"),
    *("privacy.unit", "privacy.adjacency", "privacy.epsilon_budget", "privacy.epsilon_spent", "privacy.delta"),
    *("privacy.void", "privacy.releases", "privacy.releases[1].noise_multiplier", "trust.corrupt", "trust.dropping"),
    *("rounds.planned", "rounds.taken"),
}


def test_a_lie_in_each_field_is_named(world):
    found = [path for path in leaves(json.loads(world.proposal.manifest)) if not path.endswith("sealed")]
    assert set(found) >= ALL_FIELDS
    for path in found:
        accused(world, path, lied(json.loads(world.proposal.manifest), path))


def test_a_removed_item_is_named(world):
    for field in ("signers", "absent", "holders", "privacy.releases"):
        tree = json.loads(world.proposal.manifest)
        branch = tree["privacy"] if field.startswith("privacy") else tree
        branch[field.rpartition(".")[2]].pop()
        accused(world, field, canonical.encode(tree))


def test_order_matters(world):
    for field in ("signers", "holders"):
        tree = json.loads(world.proposal.manifest)
        tree[field].reverse()
        accused(world, field, canonical.encode(tree))


def test_equal_numbers_in_other_bytes_are_not_signed(world):
    lie = replace(world.manifest, privacy=replace(world.manifest.privacy, epsilon_spent=-0.0))
    own = world.outcome(ledger=replace(world.own.ledger, epsilon_spent=0.0, void="nothing was released"))
    honest = propose(own)
    lie = replace(Manifest.decode(honest.manifest), privacy=replace(own.ledger, epsilon_spent=-0.0))
    check(world, honest.manifest, honest.payload, own=own)
    accused(world, "privacy.epsilon_spent", lie.encode(), honest.payload, own=own)


def test_a_lie_of_each_of_our_own_values_is_named(world):
    """The same from the other side: whatever this party computed otherwise is found in the proposal."""
    run = bytes(32)
    others = {
        "run": (run, "run"),
        "graph": (world.own.graph + b"\x00", "model.commitment"),
        "content_key": (bytes(32), "model.payload_digest"),
        "salt": (bytes(32), "model.commitment"),
        "ledger": (replace(world.own.ledger, epsilon_spent=3.5), "privacy.epsilon_spent"),
        "rounds": (Rounds(5, 4), "rounds.taken"),
        "log": (Head(6, bytes(32)), "log.size"),
        "signers": (("ash", "birch", "dogwood"), "signers[2]"),
        "evidence": ((Evidence("proof", "1", bytes(32), 1),), "evidence"),
    }
    assert set(others) == {item.name for item in fields(world.own)} - {"study"}
    for name, (value, field) in others.items():
        with pytest.raises(ProtocolError) as caught:
            check(world, own=world.outcome(**{name: value}))
        if name in ("graph", "salt", "content_key"):
            assert "model." in str(caught.value)
        else:
            assert field in str(caught.value)


def test_another_study_is_named(world, tmp_path):
    other = world.another_study(tmp_path / "other", lambda text: text.replace("thirty", "sixty"))
    accused(world, "agreement", own=world.outcome(study=other))


def test_another_payload(world):
    altered = bytes([world.proposal.payload[0] ^ 1]) + world.proposal.payload[1:]
    accused(world, "payload", payload=altered)
    accused(world, "payload", payload=world.proposal.payload + b"\x00")
    accused(world, "payload", payload=b"")


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 10_000])
def test_no_manifest_at_all(world, data):
    accused(world, "manifest", data)


def sealed_by(world, content_key, *, agreement=None, run=None, to="ash", domain=SEALING_DOMAIN):
    public = world.identities[to].public
    context = sealing_context(agreement or world.study.digest, run or world.own.run, public.fingerprint)
    return public.seal(domain, content_key, context)


def with_seal(world, index, sealed):
    holders = list(world.manifest.holders)
    holders[index] = Holder(holders[index].name, holders[index].key, sealed)
    return replace(world.manifest, holders=tuple(holders)).encode()


def test_a_holder_checks_its_own_sealed_key(world):
    secret = world.own.content_key + world.own.salt
    check(world, with_seal(world, 0, sealed_by(world, secret)), party="ash")
    for sealed in (
        sealed_by(world, bytes(64)),
        sealed_by(world, world.own.content_key + bytes(32)),
        sealed_by(world, secret, run=bytes(32)),
        sealed_by(world, secret, agreement=bytes(32)),
        sealed_by(world, secret, domain="agreement"),
        sealed_by(world, secret, to="birch"),
        world.manifest.holders[1].sealed,
        bytes(len(world.manifest.holders[0].sealed)),
    ):
        accused(world, "holders[0].sealed is not this model's key", with_seal(world, 0, sealed), party="ash")


def test_everyone_checks_the_length_of_every_sealed_key(world):
    for index in (0, 1):
        for sealed in (b"", world.manifest.holders[index].sealed + b"\x00"):
            accused(world, f"holders[{index}].sealed has the wrong length", with_seal(world, index, sealed))


def test_a_sealed_key_opens_for_its_holder_alone(world):
    ash, buyer = world.manifest.holders
    arguments = (world.study.digest, world.own.run)
    for holder in (ash, buyer):
        opened = unseal(world.identities[holder.name], holder, *arguments)
        assert opened == (world.own.content_key, world.own.salt)
    with pytest.raises(IdentityError):
        unseal(world.identities["buyer"], ash, *arguments)


def test_proposing_refuses_a_ledger_that_contradicts_the_agreement(world):
    with pytest.raises(AgreementError, match=r"epsilon_spent is 5\.0, outside the budget"):
        propose(world.outcome(ledger=replace(world.own.ledger, epsilon_spent=5.0)))


def test_proposing_refuses_too_few_parties(world):
    with pytest.raises(AgreementError, match="only 2 parties finished, but the agreement needs 3"):
        propose(world.outcome(signers=("ash", "birch")))


@pytest.mark.parametrize("stranger", ["carrier", "buyer", "nobody"])
def test_proposing_refuses_signers_that_are_not_parties(world, stranger):
    with pytest.raises(AgreementError, match="not parties"):
        propose(world.outcome(signers=("ash", "birch", "cedar", stranger)))


def test_signers_come_in_the_order_of_the_agreement(world):
    manifest = Manifest.decode(propose(world.outcome(signers=("cedar", "ash", "dogwood"))).manifest)
    assert (manifest.signers, manifest.absent) == (("ash", "cedar", "dogwood"), ("birch",))


def test_whole_numbers_in_a_ledger_have_one_form(world):
    statistics = world.own.ledger.releases[0]
    whole = replace(world.own.ledger, epsilon_budget=4, releases=(statistics, NoisyRelease("round", 5, 4, 1)))
    floats = replace(world.own.ledger, epsilon_budget=4.0, releases=(statistics, NoisyRelease("round", 5, 4.0, 1.0)))
    proposal = propose(world.outcome(ledger=whole))
    check(world, proposal.manifest, proposal.payload, own=world.outcome(ledger=floats))


def test_a_signature_is_of_the_manifest_under_its_own_domain(world):
    ash = world.identities["ash"]
    signature = sign(ash, world.proposal.manifest)
    ash.public.verify(SIGNING_DOMAIN, world.proposal.manifest, signature)
    with pytest.raises(IdentityError):
        ash.public.verify("agreement", world.proposal.manifest, signature)


@pytest.mark.parametrize("name", ["dogwood", "carrier", "buyer"])
def test_who_is_no_signer_signs_nothing(world, name):
    with pytest.raises(IdentityError, match="not a signer"):
        sign(world.identities[name], world.proposal.manifest)


def test_what_is_no_manifest_is_not_signed(world):
    with pytest.raises(FormatError):
        sign(world.identities["ash"], b"transfer everything")


def test_secrets_are_in_no_text(world):
    secrets = (world.own.content_key, world.own.salt, world.own.graph[:64])
    with pytest.raises(ProtocolError) as caught:
        check(world, own=world.outcome(salt=bytes(32)))
    for text in (repr(world.own), str(world.own), str(caught.value)):
        for secret in secrets:
            assert secret.hex() not in text
            assert repr(secret)[2:20] not in text


def test_keys_of_a_wrong_length_are_refused(world):
    for name in ("content_key", "salt", "run"):
        with pytest.raises(FormatError, match="has 31 bytes, not 32"):
            propose(world.outcome(**{name: bytes(31)}))


def test_namesake_cannot_pass_as_a_signer_later(world):
    """`sign` goes by name; a namesake's signature is found false when the bundle is assembled."""
    namesake = Identity.new("ash")
    signature = sign(namesake, world.proposal.manifest)
    with pytest.raises(IdentityError):
        world.identities["ash"].public.verify(SIGNING_DOMAIN, world.proposal.manifest, signature)

"""For each check a bundle in which everything else is right: the check's row is the only one that fails."""

import hashlib

import msgspec
import pytest

from tacit.bundle import Evidence, Holder, Manifest, Rounds, container, verify
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.study import Head

from .checking import only

replace = msgspec.structs.replace


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
        *[
            "signers",
            "model",
            "method",
            "rounds",
            "holders",
            "privacy",
            "trust",
            "log",
            "payload",
            "evidence",
            "keys pinned",
        ],
    ]


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

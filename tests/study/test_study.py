import os
import subprocess
import sys

import pytest

from tacit.errors import AgreementError, FormatError, TacitError
from tacit.keys import Identity
from tacit.study import AgreementSignature, Log, Study
from tacit.study.agreement import digest
from tacit.study.study import _listed


@pytest.fixture
def study(people, tmp_path):
    return people.study(tmp_path / "study", signed=True)


def test_a_new_study_has_its_files(people, tmp_path):
    study = people.study(tmp_path / "study")
    names = {str(path.relative_to(study.folder)) for path in study.folder.rglob("*") if path.is_file()}
    members = ("ash", "birch", "cedar", "carrier", "buyer")
    assert names == {"study.toml", *(f"identities/{name}.pub" for name in members)}
    assert (study.folder / "study.toml").read_text() == people.text
    assert study.digest == digest(people.text.encode())


def test_a_new_study_from_a_value(people, tmp_path):
    publics = [identity.public for identity in people.identities.values()]
    study = Study.new(tmp_path / "study", people.agreement, publics)
    assert study.agreement == people.agreement
    assert study.agreement_bytes == people.agreement.encode()


def test_a_study_is_not_written_over(people, study):
    with pytest.raises(AgreementError, match="is a study already: choose another folder"):
        people.study(study.folder)


def test_a_new_study_needs_all_identities(people, tmp_path):
    publics = [people[name].public for name in ("ash", "birch", "carrier")]
    with pytest.raises(AgreementError, match=r"the public identities of \['cedar', 'buyer'\] are needed"):
        Study.new(tmp_path / "study", people.agreement, publics)
    assert not (tmp_path / "study").exists()


def test_a_new_study_needs_the_agreed_identities(people, tmp_path):
    publics = [people[name].public for name in ("ash", "birch", "carrier", "buyer")]
    with pytest.raises(AgreementError, match=r"identities of \['cedar'\] are not those that the agreement names"):
        Study.new(tmp_path / "study", people.agreement, [*publics, Identity.new("cedar").public])
    assert not (tmp_path / "study").exists()


def test_a_new_study_where_there_is_a_file(people, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "study", tmp_path / ("x" * 300)):
        with pytest.raises(TacitError, match="cannot make the folder"):
            people.study(place)


def test_loaded_it_is_the_same(people, study):
    again = Study.load(study.folder)
    assert again.agreement == study.agreement
    assert again.digest == study.digest
    assert [party.name for party in again.parties] == ["ash", "birch", "cedar"]
    assert again.parties == tuple(people[name].public for name in ("ash", "birch", "cedar"))
    assert again.coordinator == people["carrier"].public
    assert "readmission" in repr(again)


def test_a_folder_without_an_agreement(tmp_path):
    with pytest.raises(AgreementError, match=r"it has no study\.toml"):
        Study.load(tmp_path)


def test_all_have_signed(study):
    study.require_signed()
    assert study.signature_faults() == {}
    signatures = study.signatures()
    assert [signature.signer for signature in signatures] == ["ash", "birch", "cedar"]
    assert all(s.verify(study.identities[s.signer], study.digest) is None for s in signatures)


def faults(study, expected):
    """Assert whose signatures do not hold and why, and that nothing may run."""
    study = Study.load(study.folder)
    found = study.signature_faults()
    assert set(found) == set(expected)
    for name, reason in expected.items():
        assert reason in found[name]
        for attempt in (study.require_signed, study.signatures):
            with pytest.raises(AgreementError, match="the agreement does not hold, nothing may run under it") as caught:
                attempt()
            assert f"{name}: " in str(caught.value)


def test_nobody_has_signed(people, tmp_path):
    study = people.study(tmp_path / "study")
    faults(study, dict.fromkeys(("ash", "birch", "cedar"), "has not signed"))


def test_a_missing_signature(study):
    (study.folder / "signatures" / "birch.sig").unlink()
    faults(study, {"birch": "has not signed"})


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: text.replace(" = ", "  = ", 1),
        lambda text: text.replace("thirty", "ninety"),
        lambda text: text.replace("epsilon = 4.0", "epsilon = 8.0"),
        lambda text: text.replace('"ash", "buyer"', '"ash"'),
        lambda text: text.replace("\n", "\r\n"),
    ],
)
def test_a_text_that_was_changed_after_signing(people, study, change):
    (study.folder / "study.toml").write_bytes(change(people.text).encode())
    faults(study, dict.fromkeys(("ash", "birch", "cedar"), "the agreement was changed after signing"))


def test_every_byte_of_the_text_counts(people, study):
    data = people.text.encode()
    for position in range(0, len(data), 5):
        altered = bytearray(data)
        altered[position] ^= 1
        (study.folder / "study.toml").write_bytes(bytes(altered))
        try:
            found = Study.load(study.folder).signature_faults()
        except (AgreementError, FormatError):
            continue
        assert set(found) == {"ash", "birch", "cedar"}


def put(study, name, content):
    (study.folder / "signatures" / f"{name}.sig").write_bytes(content)


def test_a_false_signature(study):
    good = AgreementSignature.decode((study.folder / "signatures" / "birch.sig").read_bytes())
    false = AgreementSignature(good.format, good.signer, good.key, good.agreement, bytes(3373))
    put(study, "birch", false.encode())
    faults(study, {"birch": "is false"})


def test_a_signature_of_another_party(people, study):
    put(study, "birch", AgreementSignature.make(people["ash"], study.digest).encode())
    faults(study, {"birch": "is by 'ash' with another key"})


def test_a_signature_with_another_key_of_the_same_name(study):
    put(study, "birch", AgreementSignature.make(Identity.new("birch"), study.digest).encode())
    faults(study, {"birch": "with another key"})


def test_a_signature_under_another_agreement(people, study):
    put(study, "birch", AgreementSignature.make(people["birch"], bytes(32)).encode())
    faults(study, {"birch": "under another text"})


@pytest.mark.parametrize("content", [b"", b"\x00", b"{}", b" " * 20_000, b"[" * 10_000])
def test_a_signature_file_that_is_none(study, content):
    put(study, "birch", content)
    faults(study, {"birch": "birch.sig"})


def test_signatures_of_others_do_not_help(people, study):
    (study.folder / "signatures" / "cedar.sig").unlink()
    put(study, "carrier", AgreementSignature.make(people["carrier"], study.digest).encode())
    put(study, "buyer", AgreementSignature.make(people["buyer"], study.digest).encode())
    faults(study, {"cedar": "has not signed"})


@pytest.mark.parametrize("name", ["carrier", "buyer"])
def test_who_is_no_party_does_not_sign(people, study, name):
    with pytest.raises(AgreementError, match=f"{name!r} with this key is not a party .* are ash, birch, cedar, each"):
        study.sign(people[name])
    assert not (study.folder / "signatures" / f"{name}.sig").exists()


def test_strangers_and_namesakes_do_not_sign(study, outsider):
    before = (study.folder / "signatures" / "ash.sig").read_bytes()
    for identity in (outsider, Identity.new("ash")):
        with pytest.raises(AgreementError, match="is not a party"):
            study.sign(identity)
    assert (study.folder / "signatures" / "ash.sig").read_bytes() == before


def test_signing_again_is_no_harm(people, study):
    study.sign(people["ash"])
    study.require_signed()


@pytest.mark.parametrize("name", ["ash", "carrier", "buyer"])
def test_a_swapped_public_identity(study, name):
    Identity.new(name).public.save(study.folder / "identities" / f"{name}.pub")
    with pytest.raises(AgreementError, match=f"{name}.pub is not the key that the agreement names for {name!r}"):
        Study.load(study.folder)


def test_public_identities_swapped_with_each_other(study):
    ash, birch = (study.folder / "identities" / f"{name}.pub" for name in ("ash", "birch"))
    kept = ash.read_bytes()
    ash.write_bytes(birch.read_bytes())
    birch.write_bytes(kept)
    with pytest.raises(AgreementError, match="it was swapped"):
        Study.load(study.folder)


def test_an_altered_public_identity(study):
    path = study.folder / "identities" / "ash.pub"
    path.write_bytes(path.read_bytes().replace(b'"name":"ash"', b'"name":"ask"'))
    with pytest.raises(FormatError, match=r"ash\.pub"):
        Study.load(study.folder)


def test_a_missing_public_identity(study):
    (study.folder / "identities" / "buyer.pub").unlink()
    with pytest.raises(AgreementError, match="the public identity of 'buyer' is missing: put it at"):
        Study.load(study.folder)


def test_everyone_has_one_role(people, study, outsider):
    roles = {name: study.role_of(people[name].public) for name in people.identities}
    assert roles == {"ash": "party", "birch": "party", "cedar": "party", "carrier": "coordinator", "buyer": "recipient"}
    for stranger in (outsider, Identity.new("ash")):
        with pytest.raises(AgreementError, match="is not a member of the study") as error:
            study.role_of(stranger.public)
        assert f"{stranger.name!r} ({stranger.public.fingerprint})" in str(error.value)
        assert "those are ash, birch, cedar, carrier, buyer, with the keys that it names" in str(error.value)


def test_of_many_members_the_first_are_named():
    names = [f"party-{number}" for number in range(23)]
    assert _listed(names[:20]) == ", ".join(names[:20])
    assert _listed(names) == ", ".join(names[:20]) + " and 3 more"


def test_each_run_has_its_log(study):
    assert study.run_logs("north") == []
    first, second = bytes(32), b"\x01" * 32
    for run in (second, first):
        study.run_log("north", run).append("run", {"run": run.hex()})
    assert [log.path.stem for log in study.run_logs("north")] == [first.hex(), second.hex()]
    assert [entry.body["run"] for log in study.run_logs("north") for entry in log] == [first.hex(), second.hex()]
    assert len(study.run_log("north", first)) == 1


def test_logs_that_cannot_be_read_are_not_taken_for_none(study):
    """Else a budget that is spent would look untouched."""
    (study.folder / "log").mkdir()
    (study.folder / "log" / "north").write_text("")
    with pytest.raises(TacitError, match="cannot read the logs of earlier runs in .*north"):
        study.run_logs("north")
    with pytest.raises(TacitError, match="cannot make the folder"):
        study.run_log("north", bytes(32))


def test_what_is_no_log_is_left_alone(study):
    study.run_log("north", bytes(32)).append("run", {})
    (study.folder / "log" / "north" / "notes.txt").write_text("mine")
    assert len(study.run_logs("north")) == 1


def test_a_member_is_in_one_run_at_a_time(study):
    """Two at once would each see the whole budget and spend it."""
    again = Study.load(study.folder)
    with study.running("ash"):
        for other in (study, again):
            with (
                pytest.raises(AgreementError, match=r"'ash' is in another run .* wait for its end"),
                other.running("ash"),
            ):
                pass
        with again.running("birch"):
            pass
    with again.running("ash"):
        assert again.run_logs("ash") == []


def test_a_run_that_failed_gives_the_place_free(study):
    with pytest.raises(RuntimeError), study.running("ash"):
        raise RuntimeError
    with study.running("ash"):
        pass


HOLDER = """
import sys, pathlib
from tacit.study import Study
with Study.load(pathlib.Path(sys.argv[1])).running("ash"):
    print("running", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_was_killed_gives_the_place_free(study):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(study.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline() == b"running\n"
        with pytest.raises(AgreementError, match="is in another run"), study.running("ash"):
            pass
        process.kill()
    with study.running("ash"):
        pass


def test_a_place_that_cannot_be_held(study):
    (study.folder / "log" / "ash" / "running").mkdir(parents=True)
    with pytest.raises(TacitError, match="cannot lock"), study.running("ash"):
        pass


def test_a_name_too_long_for_a_file_is_an_error_like_any_other(tmp_path):
    with pytest.raises(TacitError):
        Study.load(tmp_path / ("x" * 300))
    with pytest.raises(TacitError):
        Log(tmp_path / ("x" * 300))


def test_the_first_entry_of_a_log_outlasts_a_loss_of_power(study, monkeypatch):
    """With its name, and those of the folders above it: a log that is gone is a budget that looks untouched."""
    flushed, fsync = set(), os.fsync

    def spy(descriptor):
        flushed.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    log = study.run_log("ash", bytes(32))
    log.append("run", {})
    for path in (log.path, log.path.parent, study.folder / "log", study.folder):
        assert path.stat().st_ino in flushed, path


def test_an_agreement_too_large_is_not_read(study):
    (study.folder / "study.toml").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(FormatError, match="larger than"):
        Study.load(study.folder)

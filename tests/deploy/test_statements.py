"""Statements hold or say what is wrong with them, and damaged or exposed keys are found before Flower is started."""

import datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

pytest.importorskip("flwr")

from tacit.deploy import statements
from tacit.deploy.statements import own_certificate, own_node_key, stated_authority, stated_node_key, statement_path
from tacit.errors import FormatError, TacitError

from ..run.acting import COORDINATOR, NAMES


@pytest.fixture
def study(people, tmp_path):
    return people.study(tmp_path / "study")


@pytest.fixture
def party(people):
    return people.identities[NAMES[0]]


@pytest.fixture
def coordinator(people):
    return people.identities[COORDINATOR]


def ssh(key):
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def test_keys_are_private_made_once_and_stated(study, party, coordinator):
    key = own_node_key(study, party)
    files = own_certificate(study, coordinator, ("127.0.0.1", "carrier.example"))
    assert own_node_key(study, party).read_bytes() == key.read_bytes()
    content = [each.read_bytes() for each in files]
    assert [each.read_bytes() for each in own_certificate(study, coordinator, ("carrier.example",))] == content
    assert key.stat().st_mode & 0o777 == files[2].stat().st_mode & 0o777 == 0o600
    private = serialization.load_ssh_private_key(key.read_bytes(), None)
    assert serialization.load_ssh_public_key(stated_node_key(study, party.public)) == private.public_key()
    assert stated_authority(study) == content[0]


@pytest.mark.parametrize(
    "damage",
    [b"", b"no key", ssh(ed25519.Ed25519PrivateKey.generate()), b"\xff" * 100, b"x" * (statements.MAX_BYTES + 1)],
)
def test_a_damaged_node_key_is_an_error_that_says_where(study, party, damage):
    path = own_node_key(study, party)
    path.write_bytes(damage)
    with pytest.raises(FormatError, match="supernode.key"):
        own_node_key(study, party)


def test_a_key_that_others_can_read_is_not_used(study, party, coordinator):
    path = own_node_key(study, party)
    path.chmod(0o640)
    with pytest.raises(FormatError, match="can be read by others; run: chmod 600"):
        own_node_key(study, party)
    key = own_certificate(study, coordinator, ("127.0.0.1",))[2]
    key.chmod(0o604)
    with pytest.raises(FormatError, match="can be read by others; run: chmod 600"):
        own_certificate(study, coordinator, ("127.0.0.1",))


@pytest.mark.parametrize("place", range(3), ids=["authority", "certificate", "key"])
@pytest.mark.parametrize("damage", ["no PEM", "another's"])
def test_a_certificate_that_does_not_go_with_its_files_is_found(people, tmp_path, study, coordinator, place, damage):
    files = own_certificate(study, coordinator, ("127.0.0.1",))
    other = own_certificate(people.study(tmp_path / "other"), coordinator, ("127.0.0.1",))
    files[place].write_bytes(b"no PEM" if damage == "no PEM" else other[place].read_bytes())
    with pytest.raises(FormatError, match="superlink.pem is damaged, or not of the key"):
        own_certificate(study, coordinator, ("127.0.0.1",))


def test_a_certificate_for_other_hosts_or_of_earlier_days_says_what_to_do(study, coordinator, monkeypatch):
    monkeypatch.setattr(statements, "VALID", datetime.timedelta(minutes=-30))
    own = own_certificate
    with pytest.raises(TacitError, match="was valid until .*: remove the files .*superlink"):
        own(study, coordinator, ("127.0.0.1",))
    monkeypatch.undo()
    for each in study.member_folder(coordinator.name).glob("superlink.*"):
        each.unlink()
    own(study, coordinator, ("127.0.0.1",))
    with pytest.raises(TacitError, match=r"is not for 192\.0\.2\.1, carrier\.example: remove"):
        own(study, coordinator, ("127.0.0.1", "192.0.2.1", "carrier.example"))


def test_what_a_party_states_is_a_key_and_what_the_coordinator_states_a_certificate(study, party, coordinator):
    """Both are signed by members, who may state anything."""
    statements._state(study, party, b"ssh-rsa nonsense")
    with pytest.raises(FormatError, match=f"{party.name}.json states no key"):
        stated_node_key(study, party.public)
    statements._state(study, coordinator, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(FormatError, match=f"{coordinator.name}.json states no certificate"):
        stated_authority(study)


def test_a_statement_of_another_study_or_member_or_altered_does_not_hold(people, tmp_path, study, party):
    own_node_key(study, party)
    path = statement_path(study, party.name)
    whole = path.read_bytes()
    other = people.study(tmp_path / "other", rounds=3)
    own_node_key(other, party)
    second = people.identities[NAMES[1]]
    own_node_key(study, second)
    for content, said in (
        (statement_path(other, party.name).read_bytes(), "another study or member"),
        (statement_path(study, second.name).read_bytes(), party.name),
        (whole[:-30] + b"0" + whole[-29:], party.name),
        (b"{}", "statement"),
        (b"[" * 10_000, "statement"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=said):
            stated_node_key(study, party.public)

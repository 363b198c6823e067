"""`tacit id`."""

import stat

import pytest

from tacit.keys import Identity, PublicIdentity


def test_new_writes_both_files(tacit, here):
    done = tacit("id", "new", "north", "--json")
    assert done.code == 0
    assert stat.S_IMODE((here / "north.key").stat().st_mode) == 0o600
    assert done.json["fingerprint"] == PublicIdentity.load(here / "north.pub").fingerprint
    assert done.json["encrypted"] is False


def test_new_encrypts_with_a_passphrase(tacit, here, monkeypatch):
    monkeypatch.setenv("TACIT_PASSPHRASE", "correct horse")
    assert tacit("id", "new", "north", "--json").json["encrypted"] is True
    assert Identity.load(here / "north.key", "correct horse").name == "north"
    assert tacit("id", "show", "north.key").code == 0
    monkeypatch.setenv("TACIT_PASSPHRASE", "wrong")
    done = tacit("id", "show", "north.key")
    assert done.code == 1
    assert "wrong passphrase" in done.err
    assert "wrong horse" not in done.err


def test_never_overwrites_a_key(tacit, here):
    tacit("id", "new", "north")
    before = (here / "north.key").read_bytes()
    done = tacit("id", "new", "north")
    assert done.code == 1
    assert "never overwritten" in done.err
    assert (here / "north.key").read_bytes() == before


@pytest.mark.parametrize("name", ["North", "no rth", "-north", "n" * 41, "../north", ""])
def test_refuses_names_that_cannot_be(tacit, here, name):
    done = tacit("id", "new", "--", name)
    assert done.code == 1
    assert "cannot be a name" in done.err
    assert list(here.iterdir()) == []


def test_show_says_whose_it_is(tacit, members):
    fingerprint = PublicIdentity.load(members / "east.pub").fingerprint
    for file in ("east.pub", "east.key"):
        done = tacit("id", "show", file)
        assert done.code == 0
        assert fingerprint in done.out
    assert tacit("id", "show", "east.pub", "--json").json == {"name": "east", "fingerprint": fingerprint}


def test_show_refuses_what_is_no_identity(tacit, here):
    (here / "bad.pub").write_bytes(b"\xff\x00 nothing")
    (here / "patients.csv").write_text("age,ill\n30,no\n")
    for file in ("bad.pub", "patients.csv"):
        done = tacit("id", "show", file)
        assert done.code == 1
        assert f"{file} is no public identity: give a file NAME.pub" in done.err
    assert "Traceback" not in done.out + done.err


def test_loose_permissions_are_refused(tacit, members):
    (members / "north.key").chmod(0o644)
    done = tacit("id", "show", "north.key")
    assert done.code == 1
    assert "chmod 600" in done.err


def test_show_brings_back_a_lost_public_file(tacit, members):
    before = (members / "east.pub").read_bytes()
    (members / "east.pub").unlink()
    assert tacit("id", "show", "east.key", "--out", ".").code == 0
    assert (members / "east.pub").read_bytes() == before

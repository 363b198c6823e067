"""Sections read into values: everything that cannot be read is said at once, and the reader stops at the first."""

import pytest

from tacit.bundle import contents
from tacit.errors import FormatError


def faults(world, **sections):
    found, faults = contents.read_or_faults(world.sections._replace(**sections))
    assert (found is None) == bool(faults)
    return [fault.check for fault in faults]


def test_honest_sections_are_contents(world):
    assert faults(world) == []
    read = contents.read(world.sections)
    assert read.agreement == world.study.agreement
    assert read.digest == world.study.digest
    assert tuple(read.identities.values()) == tuple(world.study.identities.values())
    assert [signature.signer for signature in read.agreement_signatures] == list(world.study.agreement.names)
    assert read.manifest == world.manifest


def test_identities_go_by_the_agreements_names_whatever_they_are_called(world):
    """Whether they are the agreed ones is a check of its own."""
    swapped = (*world.sections.identities[:4], *world.sections.identities[:3:-1])
    read = contents.read(world.sections._replace(identities=swapped))
    assert read.identities["carrier"].name == "buyer"


def test_all_that_cannot_be_read_is_said_at_once(world):
    bad = {"identities": (b"",) * 6, "agreement_signatures": (b"",) * 4, "manifest": b""}
    for name, check in zip(bad, ("identities", "agreement signatures", "manifest"), strict=True):
        assert faults(world, **{name: bad[name]}) == [check]
    assert faults(world, **bad) == ["identities", "agreement signatures", "manifest"]
    assert faults(world, agreement=b"", **bad) == ["agreement"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("identities", "6 members, but the bundle has 5 public identities"),
        ("agreement_signatures", "4 parties, but the bundle has 3 signatures"),
        ("manifest_signatures", "3 signers, but the bundle has 2 signatures"),
    ],
)
def test_a_section_that_is_missing_is_counted(world, name, reason):
    with pytest.raises(FormatError, match=reason):
        contents.read(world.sections._replace(**{name: getattr(world.sections, name)[1:]}))


@pytest.mark.parametrize(
    ("name", "index", "reason"),
    [
        ("identities", 5, "the public identity of 'buyer'"),
        ("agreement_signatures", 2, "the agreement's signature by 'cedar'"),
    ],
)
def test_the_section_at_fault_is_named(world, name, index, reason):
    parts = list(getattr(world.sections, name))
    parts[index] = b"{}"
    with pytest.raises(FormatError, match=reason):
        contents.read(world.sections._replace(**{name: tuple(parts)}))


def test_an_agreement_that_cannot_be_met_is_one_that_cannot_be_read(world):
    text = world.sections.agreement.replace(b"dropping = 1", b"dropping = 4")
    with pytest.raises(FormatError, match="the agreement cannot be met: trust"):
        contents.read(world.sections._replace(agreement=text))

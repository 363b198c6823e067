"""The contents of a bundle: its sections read into values, each strictly, none yet checked against another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from tacit.bundle.container import Sections
from tacit.bundle.manifest import Manifest
from tacit.errors import AgreementError, FormatError
from tacit.keys import PublicIdentity
from tacit.study import Agreement, AgreementSignature
from tacit.study.agreement import digest

T = TypeVar("T")


class Fault(NamedTuple):
    """A kind of section that cannot be read, and why."""

    check: str
    reason: str


@dataclass(frozen=True, repr=False)
class Contents:
    """A bundle's values. `identities` are by the members' names as the agreement orders them."""

    sections: Sections
    agreement: Agreement
    digest: bytes
    identities: dict[str, PublicIdentity]
    agreement_signatures: tuple[AgreementSignature, ...]
    manifest: Manifest


def read(sections: Sections) -> Contents:
    """Return the contents of these sections; raises FormatError that says what is wrong with the first bad one."""
    contents, faults = read_or_faults(sections)
    if contents is None:
        raise FormatError(faults[0].reason)
    return contents


def read_or_faults(sections: Sections) -> tuple[Contents | None, list[Fault]]:
    """Return the contents, or None and all that cannot be read; what follows from a bad agreement is left out."""
    faults: list[Fault] = []

    def attempt(check: str, reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except FormatError as error:
            faults.append(Fault(check, str(error)))
            return None

    agreement = attempt("agreement", lambda: read_agreement(sections))
    if agreement is None:
        return None, faults
    identities = attempt("identities", lambda: read_identities(sections, agreement))
    signatures = attempt("agreement signatures", lambda: read_agreement_signatures(sections, agreement))
    manifest = attempt("manifest", lambda: read_manifest(sections))
    if identities is None or signatures is None or manifest is None:
        return None, faults
    return Contents(sections, agreement, digest(sections.agreement), identities, signatures, manifest), faults


def read_agreement(sections: Sections) -> Agreement:
    """Return the agreement, which is one that can be met."""
    try:
        return Agreement.decode(sections.agreement)
    except AgreementError as error:
        raise FormatError(f"the agreement cannot be met: {error}") from None


def read_manifest(sections: Sections) -> Manifest:
    """Return the manifest, which has as many signers as there are signatures."""
    manifest = Manifest.decode(sections.manifest)
    have, want = len(sections.manifest_signatures), len(manifest.signers)
    if have != want:
        raise FormatError(f"the manifest names {want} signers, but the bundle has {have} signatures of it")
    return manifest


def read_identities(sections: Sections, agreement: Agreement) -> dict[str, PublicIdentity]:
    """Return one public identity for each member, in the agreement's order."""
    have, want = len(sections.identities), len(agreement.members)
    if have != want:
        raise FormatError(f"the agreement has {want} members, but the bundle has {have} public identities")
    identities = {}
    for member, data in zip(agreement.members, sections.identities, strict=True):
        try:
            identities[member.name] = PublicIdentity.decode(data)
        except FormatError as error:
            raise FormatError(f"the public identity of {member.name!r}: {error}") from None
    return identities


def read_agreement_signatures(sections: Sections, agreement: Agreement) -> tuple[AgreementSignature, ...]:
    """Return one signature of the agreement for each party, in the agreement's order."""
    have, want = len(sections.agreement_signatures), len(agreement.parties)
    if have != want:
        raise FormatError(f"the agreement has {want} parties, but the bundle has {have} signatures of it")
    pairs = zip(agreement.names, sections.agreement_signatures, strict=True)
    return tuple(AgreementSignature.decode(data, f"the agreement's signature by {name!r}") for name, data in pairs)

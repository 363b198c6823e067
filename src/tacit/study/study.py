"""A study folder: the agreement, the members' public identities, the parties' signatures, the log.

    STUDY/study.toml            the agreement, as signed
    STUDY/identities/NAME.pub   public identities of all members
    STUDY/signatures/NAME.sig   one per party
    STUDY/log/NAME/RUN.jsonl    what this member has seen done, a file per run

Everything but the log is public to the members and the same for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tacit.errors import AgreementError, FormatError
from tacit.files import read_bounded, write_atomically
from tacit.keys import Identity, PublicIdentity
from tacit.study import agreement as agreements
from tacit.study import signatures
from tacit.study.agreement import Agreement
from tacit.study.log import Log
from tacit.study.signatures import AgreementSignature


class Study:
    """An agreement with its members' identities and the signatures so far, as a folder keeps them."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; use `load`, which says the same.

        Raises:
            FormatError, AgreementError: a file is missing or altered, or a key is not the one agreed on.
        """
        self.folder = Path(folder)
        path = self.folder / "study.toml"
        if not path.is_file():
            raise AgreementError(f"{self.folder} is no study: it has no study.toml (see `tacit study new`)")
        self.agreement_bytes = read_bounded(path, agreements.MAX_BYTES, "agreement")
        self.agreement = Agreement.decode(self.agreement_bytes)
        self.digest = agreements.digest(self.agreement_bytes)
        self.identities = {member.name: self._identity(member.name, member.key) for member in self.agreement.members}

    @classmethod
    def load(cls, folder: Path) -> Study:
        """Read the study in `folder`."""
        return cls(folder)

    @classmethod
    def new(cls, folder: Path, agreement: Agreement | bytes, identities: Iterable[PublicIdentity]) -> Study:
        """Write a study folder for `agreement` (a value, or the TOML bytes to keep as they are) and return it."""
        folder = Path(folder)
        content = agreement.encode() if isinstance(agreement, Agreement) else agreement
        parsed = Agreement.decode(content)
        if (folder / "study.toml").exists():
            raise AgreementError(f"{folder} is a study already: choose another folder")
        known = {identity.name: identity for identity in identities}
        missing = [member.name for member in parsed.members if member.name not in known]
        if missing:
            raise AgreementError(f"the public identities of {missing} are needed")
        for sub in ("identities", "signatures"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        for member in parsed.members:
            known[member.name].save(folder / "identities" / f"{member.name}.pub")
        write_atomically(folder / "study.toml", content)
        return cls(folder)

    @property
    def parties(self) -> tuple[PublicIdentity, ...]:
        """The parties' identities, in the order of the agreement."""
        return tuple(self.identities[name] for name in self.agreement.names)

    @property
    def coordinator(self) -> PublicIdentity:
        """The coordinator's identity."""
        return self.identities[self.agreement.coordinator.name]

    def run_log(self, member: str, run_id: bytes) -> Log:
        """Return the log that `member` keeps of the run `run_id`, read anew."""
        folder = self.folder / "log" / member
        folder.mkdir(parents=True, exist_ok=True)
        return Log(folder / f"{run_id.hex()}.jsonl")

    def run_logs(self, member: str) -> list[Log]:
        """Return the logs that `member` keeps of all runs so far, in the order of their names."""
        return [Log(path) for path in sorted((self.folder / "log" / member).glob("*.jsonl"))]

    def keepers(self, run_id: bytes) -> list[str]:
        """Return the members whose log of the run `run_id` is in this folder."""
        return sorted(path.parent.name for path in (self.folder / "log").glob(f"*/{run_id.hex()}.jsonl"))

    def sign(self, identity: Identity) -> AgreementSignature:
        """Sign the agreement as a party, and write the signature file.

        Raises:
            AgreementError: this identity is not a party's.
        """
        party = self.identities.get(identity.name)
        if identity.name not in self.agreement.names or party != identity.public:
            raise AgreementError(f"{identity.name!r} with this key is not a party of the study {self.agreement.name!r}")
        signature = AgreementSignature.make(identity, self.digest)
        write_atomically(self.folder / "signatures" / f"{identity.name}.sig", signature.encode())
        return signature

    def signature_faults(self) -> dict[str, str]:
        """Return for each party whose signature does not hold why it does not; empty when all have signed."""
        faults = {}
        for party in self.parties:
            fault = self._signature_fault(party)
            if fault:
                faults[party.name] = fault
        return faults

    def signatures(self) -> list[AgreementSignature]:
        """Return the signatures of all parties, in the order of the agreement, once they hold."""
        self.require_signed()
        return [self._read_signature(name) for name in self.agreement.names]

    def require_signed(self) -> None:
        """Check that every party has signed this very text.

        Raises:
            AgreementError: says for each party whose signature does not hold what is wrong.
        """
        faults = self.signature_faults()
        if faults:
            lines = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
            raise AgreementError(f"the agreement does not hold, nothing may run under it. {lines}")

    def role_of(self, identity: PublicIdentity) -> str:
        """Return `party`, `coordinator` or `recipient`; raises AgreementError for anyone else."""
        if self.identities.get(identity.name) != identity:
            raise AgreementError(f"{identity!r} is not a member of the study {self.agreement.name!r}")
        if identity.name in self.agreement.names:
            return "party"
        return "coordinator" if identity.name == self.agreement.coordinator.name else "recipient"

    def _identity(self, name: str, key: str) -> PublicIdentity:
        path = self.folder / "identities" / f"{name}.pub"
        if not path.is_file():
            raise AgreementError(f"the public identity of {name!r} is missing: put it at {path}")
        identity = PublicIdentity.load(path)
        if identity.name != name or identity.fingerprint != key:
            raise AgreementError(f"{path} is not the key that the agreement names for {name!r}: it was swapped")
        return identity

    def _read_signature(self, name: str) -> AgreementSignature:
        path = self.folder / "signatures" / f"{name}.sig"
        return AgreementSignature.decode(
            read_bounded(path, signatures.MAX_BYTES, "signature"), f"signature file {path}"
        )

    def _signature_fault(self, party: PublicIdentity) -> str | None:
        if not (self.folder / "signatures" / f"{party.name}.sig").is_file():
            return "has not signed"
        try:
            return self._read_signature(party.name).verify(party, self.digest)
        except FormatError as error:
            return str(error)

    def __repr__(self) -> str:
        return f"Study({self.agreement.name!r}, {len(self.agreement.parties)} parties, {str(self.folder)!r})"

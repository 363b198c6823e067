"""A study folder: the agreement, the members' public identities, the parties' signatures, the log.

    STUDY/study.toml            the agreement, as signed
    STUDY/identities/NAME.pub   public identities of all members
    STUDY/signatures/NAME.sig   one per party
    STUDY/log/NAME/RUN.jsonl    what this member has seen done, a file per run
    STUDY/log/NAME/runs.sqlite  or all runs in a database (see `Study.use_store`)
    STUDY/log/NAME/running      locked while this member is in a run

Everything but the log is public to the members and the same for each of them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tacit.errors import AgreementError, FormatError, TacitError
from tacit.files import flush_folder, read_bounded, write_atomically
from tacit.keys import Identity, PublicIdentity
from tacit.study import agreement as agreements
from tacit.study import signatures, text
from tacit.study.agreement import Agreement
from tacit.study.log import Log
from tacit.study.signatures import AgreementSignature

if TYPE_CHECKING:
    from tacit.study.store import LogStore  # needs SQLAlchemy, which members without a database have no use for

STORE_NAME = "runs.sqlite"
SHOWN_NAMES = 20


class Study:
    """An agreement with its members' identities and the signatures so far, as a folder keeps them."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; use `load`, which says the same.

        Raises:
            FormatError, AgreementError: a file is missing or altered, or a key is not the one agreed on.
        """
        self.folder = Path(folder)
        self._stores: dict[str, LogStore] = {}
        path = self.folder / "study.toml"
        if not _may_be_file(path):
            raise AgreementError(f"{self.folder} is no study: it has no study.toml (see `tacit study new`)")
        self.agreement_bytes = read_bounded(path, text.MAX_BYTES, "agreement")
        self.agreement = Agreement.decode(self.agreement_bytes)
        self.digest = agreements.digest(self.agreement_bytes)
        self.identities = {member.name: self._identity(member.name, member.key) for member in self.agreement.members}

    @classmethod
    def load(cls, folder: Path) -> Study:
        """Read the study in `folder`."""
        return cls(folder)

    @classmethod
    def new(cls, folder: Path, agreement: Agreement | bytes, identities: Iterable[PublicIdentity]) -> Study:
        """Write a study folder for `agreement` (a value, or the TOML bytes to keep as they are) and return it.

        Raises:
            AgreementError: it cannot be met, or an identity that it names is missing; nothing is written.
            TacitError: the folder cannot be written to.
        """
        folder = Path(folder)
        content = agreement.encode() if isinstance(agreement, Agreement) else agreement
        parsed = Agreement.decode(content)
        known = {identity.name: identity for identity in identities}
        missing = [member.name for member in parsed.members if member.name not in known]
        if missing:
            raise AgreementError(f"the public identities of {missing} are needed")
        swapped = [member.name for member in parsed.members if known[member.name].fingerprint != member.key]
        if swapped:
            raise AgreementError(f"the public identities of {swapped} are not those that the agreement names")
        for sub in ("identities", "signatures"):
            _make_folder(folder / sub)
        if (folder / "study.toml").exists():
            raise AgreementError(f"{folder} is a study already: choose another folder")
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

    def member_folder(self, member: str) -> Path:
        """Return the folder of what `member` alone keeps, made if need be; raises TacitError."""
        return _make_folder(self.folder / "log" / member)

    def use_store(self, member: str, url: str | None = None) -> None:
        """Keep `member`'s logs of new runs in the database at a SQLAlchemy URL; None is a SQLite file in its folder.

        Logs that it has kept in files or in that SQLite file stay where they are, and count as before.

        Raises:
            TacitError: no such database is possible, or the folder cannot be made.
        """
        from tacit.study.store import LogStore

        if url is None:
            self._stores[member] = LogStore.at(self.member_folder(member) / STORE_NAME, self.digest, member)
        else:
            self._stores[member] = LogStore(url, self.digest, member)

    def run_log(self, member: str, run_id: bytes) -> Log:
        """Return the log that `member` keeps of the run `run_id`, read anew."""
        path = self.member_folder(member) / f"{run_id.hex()}.jsonl"
        stores = [] if _may_be_file(path) else self._stores_of(member)
        for store in stores:
            if run_id in store.runs():
                return Log(store.lines(run_id))
        return Log(stores[0].lines(run_id)) if stores else Log(path)

    def run_logs(self, member: str) -> list[Log]:
        """Return the logs that `member` keeps of all runs so far, in the order of their names.

        Raises:
            TacitError: they cannot be read; not knowing what was spent is not the same as having spent nothing.
        """
        folder = self.folder / "log" / member
        try:
            # Not `glob`, which passes over a folder that may not be read.
            logs = {path.stem: Log(path) for path in folder.iterdir() if path.suffix == ".jsonl"}
        except FileNotFoundError:
            logs = {}
        except OSError as error:
            raise TacitError(f"cannot read the logs of earlier runs in {folder}: {error.strerror}") from None
        for store in self._stores_of(member):
            for run_id in store.runs():
                if run_id.hex() not in logs:
                    logs[run_id.hex()] = Log(store.lines(run_id))
        return [logs[name] for name in sorted(logs)]

    @contextmanager
    def running(self, member: str) -> Iterator[None]:
        """Hold `member`'s place in this folder for one run. The system lets go of it when the process ends, however.

        Two runs at once would each see the whole privacy budget, and both would spend it.

        Raises:
            AgreementError: `member` is in another run here.
            TacitError: the folder cannot be written to.
        """
        path = self.member_folder(member) / "running"
        with ExitStack() as held:
            try:
                fcntl.flock(held.enter_context(path.open("ab")), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                reason = f"{member!r} is in another run of the study in {self.folder} already: wait for its end"
                raise AgreementError(reason) from None
            except OSError as error:
                raise TacitError(f"cannot lock {path}: {error.strerror}") from None
            yield

    def keepers(self, run_id: bytes | None = None) -> list[str]:
        """Return the members whose log of the run `run_id`, or of any run, is in this folder or a store in use."""
        name = "*" if run_id is None else run_id.hex()
        found = {path.parent.name for path in (self.folder / "log").glob(f"*/{name}.jsonl")}
        with_store = {path.parent.name for path in (self.folder / "log").glob(f"*/{STORE_NAME}")} | set(self._stores)
        return sorted(found | {member for member in with_store - found if self._may_keep(member, run_id)})

    def sign(self, identity: Identity) -> AgreementSignature:
        """Sign the agreement as a party, and write the signature file.

        Raises:
            AgreementError: this identity is not a party's.
        """
        party = self.identities.get(identity.name)
        if identity.name not in self.agreement.names or party != identity.public:
            reason = f"{identity.name!r} with this key is not a party of the study {self.agreement.name!r}"
            raise AgreementError(f"{reason}; those who sign are {_listed(self.agreement.names)}, each with its own key")
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
            reason = f"{identity.name!r} ({identity.fingerprint}) is not a member of the study {self.agreement.name!r}"
            names = _listed([member.name for member in self.agreement.members])
            raise AgreementError(f"{reason}; those are {names}, with the keys that it names (see `tacit id show`)")
        if identity.name in self.agreement.names:
            return "party"
        return "coordinator" if identity.name == self.agreement.coordinator.name else "recipient"

    def _stores_of(self, member: str) -> list[LogStore]:
        """Return the store in use, and the SQLite file in the member's folder if there is one."""
        stores = [self._stores[member]] if member in self._stores else []
        path = self.folder / "log" / member / STORE_NAME
        if _may_be_file(path):
            from tacit.study.store import LogStore

            own = LogStore.at(path, self.digest, member)
            stores += [] if own.place in [store.place for store in stores] else [own]
        return stores

    def _may_keep(self, member: str, run_id: bytes | None) -> bool:
        try:
            runs = [run for store in self._stores_of(member) for run in store.runs()]
        except TacitError:
            return True  # whoever reads the log is told why it cannot be read
        return bool(runs) if run_id is None else run_id in runs

    def _identity(self, name: str, key: str) -> PublicIdentity:
        path = self.folder / "identities" / f"{name}.pub"
        if not _may_be_file(path):
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
        if not _may_be_file(self.folder / "signatures" / f"{party.name}.sig"):
            return "has not signed"
        try:
            return self._read_signature(party.name).verify(party, self.digest)
        except FormatError as error:
            return str(error)

    def __repr__(self) -> str:
        return f"Study({self.agreement.name!r}, {len(self.agreement.parties)} parties, {str(self.folder)!r})"


def _listed(names: Sequence[str]) -> str:
    """Return the names for an error message, of many the first few."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _may_be_file(path: Path) -> bool:
    """Return whether `path` is a file, or is where this process may not look: reading it will say so."""
    try:
        return path.is_file()
    except OSError:
        return True


def _make_folder(path: Path) -> Path:
    """Make `path` and those above it, to outlast a loss of power: what was spent is written there."""
    try:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            for above in (path.parent, path.parent.parent):
                flush_folder(above)
    except OSError as error:
        raise TacitError(f"cannot make the folder {path}: {error.strerror}; check its place and permissions") from None
    return path

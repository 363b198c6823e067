"""What members tell one another before a deployment: node keys and the SuperLink's certificate, signed.

Each member writes one small file into the study's `flower` folder, which travels as signatures of the agreement do. A
party's holds the public half of its SuperNode's key, the coordinator's the authority that certifies its SuperLink.
The private halves stay in the member's own folder, mode 0600. Both only keep strangers away from Flower: who is who is
proved by the handshake inside (`tacit.deploy.channel`).
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import shlex
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tacit import canonical
from tacit.errors import AgreementError, FormatError, IdentityError, TacitError
from tacit.files import read_bounded, write_atomically
from tacit.keys import Identity, PublicIdentity
from tacit.study import Study

DOMAIN = "statement for a deployment on flower"
FOLDER = "flower"
MAX_BYTES = 64 * 1024
VALID = datetime.timedelta(days=825)


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    study: bytes
    member: str
    public: bytes


class _Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: _Body
    signature: bytes


def statement_path(study: Study, member: str) -> Path:
    """Return where `member`'s statement lies in the study's folder."""
    return study.folder / FOLDER / f"{member}.json"


def own_node_key(study: Study, identity: Identity) -> Path:
    """Return the file of this party's SuperNode key, made with its statement if need be."""
    path = study.member_folder(identity.name) / "supernode.key"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP384R1())
        # The statement last: whoever finds one can rely on the key.
        write_atomically(path, _private_bytes(key, serialization.PrivateFormat.OpenSSH), mode=0o600)
    try:
        private = serialization.load_ssh_private_key(_read_private(path, "node key"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise FormatError(f"{path} is damaged or another kind of key: remove it, and hand out the new statement")
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    _state(study, identity, public)
    return path


def own_certificate(study: Study, identity: Identity, hosts: tuple[str, ...]) -> tuple[Path, Path, Path]:
    """Return the files (authority, certificate, key) of the coordinator's SuperLink for `hosts`, made if need be.

    The authority signs one certificate and is forgotten: its private key is never written.
    """
    folder = study.member_folder(identity.name)
    authority, certificate, key = (folder / f"superlink.{kind}" for kind in ("ca.pem", "pem", "key"))
    if not (authority.exists() and certificate.exists() and key.exists()):
        ca_key, own_key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
        ca = _certificate(f"{identity.name} authority", ca_key, ca_key, f"{identity.name} authority", ())
        own = _certificate(identity.name, own_key, ca_key, f"{identity.name} authority", hosts)
        write_atomically(key, _private_bytes(own_key, serialization.PrivateFormat.PKCS8), mode=0o600)
        write_atomically(certificate, own.public_bytes(serialization.Encoding.PEM))
        write_atomically(authority, ca.public_bytes(serialization.Encoding.PEM))
    content = read_bounded(authority, MAX_BYTES, "certificate")
    _check_certificate(certificate, _read_private(key, "the certificate's key"), content, hosts)
    _state(study, identity, content)
    return authority, certificate, key


def stated_node_key(study: Study, party: PublicIdentity) -> bytes:
    """Return the public half of `party`'s SuperNode key, in OpenSSH's format; raises as `stated` does."""
    public = stated(study, party)
    try:
        key = serialization.load_ssh_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise FormatError(f"{statement_path(study, party.name)} states no key of a SuperNode")
    # As it is written here, so that two spellings are one key.
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)


def stated_authority(study: Study) -> bytes:
    """Return the certificate that certifies the coordinator's SuperLink, in PEM; raises as `stated` does."""
    public, member = stated(study, study.coordinator), study.coordinator.name
    try:
        return x509.load_pem_x509_certificate(public).public_bytes(serialization.Encoding.PEM)
    except ValueError:
        raise FormatError(f"{statement_path(study, member)} states no certificate") from None


def stated(study: Study, member: PublicIdentity) -> bytes:
    """Return what `member` states, once its signature holds.

    Raises:
        AgreementError: there is no such file yet: says which, and who makes it.
        FormatError: it is damaged, of another member or study, or not signed by it.
    """
    path = statement_path(study, member.name)
    if not path.exists():
        raise AgreementError(f"{path} is missing: {member.name!r} makes it with its `serve` command; copy it here")
    statement = canonical.decode(read_bounded(path, MAX_BYTES, "statement"), _Statement, "statement")
    body = statement.body
    try:
        member.verify(DOMAIN, canonical.encode(body), statement.signature)
    except IdentityError as error:
        raise FormatError(f"{path}: {error}") from None
    if body.study != study.digest or body.member != member.name:
        raise FormatError(f"{path} is of another study or member")
    return body.public


def _state(study: Study, identity: Identity, public: bytes) -> None:
    path = statement_path(study, identity.name)
    if path.exists() and stated(study, identity.public) == public:
        return
    body = _Body(study.digest, identity.name, public)
    statement = _Statement(body, identity.sign(DOMAIN, canonical.encode(body)))
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise TacitError(f"cannot make {path.parent}: {error.strerror}") from None
    write_atomically(path, canonical.encode(statement))


def _read_private(path: Path, what: str) -> bytes:
    def check(status: os.stat_result) -> None:
        if status.st_mode & 0o077:
            raise FormatError(f"{path} can be read by others; run: chmod 600 {shlex.quote(str(path))}")

    return read_bounded(path, MAX_BYTES, what, check=check)


def _check_certificate(path: Path, private: bytes, authority: bytes, hosts: tuple[str, ...]) -> None:
    """Check that the certificate is whole, of this key and the stated authority, of today, and for all of `hosts`."""
    remedy = f"remove the files {path.with_suffix('')}.*, and copy the new statement to every party"
    try:
        own = x509.load_pem_x509_certificate(read_bounded(path, MAX_BYTES, "certificate"))
        own.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        whole = serialization.load_pem_private_key(private, None).public_key() == own.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        whole = False
    if not whole:
        raise FormatError(f"{path} is damaged, or not of the key and the authority beside it: {remedy}")
    if own.not_valid_after_utc <= datetime.datetime.now(datetime.UTC):
        raise TacitError(f"{path} was valid until {own.not_valid_after_utc:%Y-%m-%d}: {remedy}")
    others = [host for host in hosts if _alternative(host) not in names]
    if others:
        raise TacitError(f"{path} is not for {', '.join(others)}: {remedy}")


def _private_bytes(key: ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, issuer: str, hosts: tuple[str, ...]
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False
        )
    return builder.sign(by, hashes.SHA384())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

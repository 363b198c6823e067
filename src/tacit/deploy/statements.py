"""What members tell one another before a deployment: node keys and the SuperLink's certificate, signed.

Each member writes one small file into the study's `flower` folder, which travels as signatures of the agreement do. A
party's holds the public half of its SuperNode's key, the coordinator's the authority that certifies its SuperLink.
The private halves stay in the member's own folder, mode 0600. Both only keep strangers away from Flower: who is who is
proved by the handshake inside (`tacit.deploy.channel`).
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import msgspec
from cryptography import x509
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
    private = serialization.load_ssh_private_key(path.read_bytes(), None)
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
    _state(study, identity, authority.read_bytes())
    return authority, certificate, key


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

"""Public identities: what they refuse, and that a signature needs both halves."""

import datetime
import hashlib
import os
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit import canonical
from tacit.errors import FormatError, IdentityError
from tacit.keys import FINGERPRINT_PREFIX, Identity, PublicIdentity
from tacit.keys.identity import _PrivateKeys
from tacit.keys.public import (
    FORMAT,
    MAX_FILE_BYTES,
    SEAL_OVERHEAD,
    SELF_DOMAIN,
    SIGNATURE_BYTES,
    _Body,
    _File,
    check_name,
    frame,
    sealing_key,
)

ALICE, BOB = Identity.new("alice"), Identity.new("bob")
P = 2**255 - 19
LOW_ORDER = [
    0,
    1,
    P - 1,
    P,
    P + 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
]  # of Curve25519 and its twist: orders 1, 2, 4, 8


def signed_by_itself(keys: _PrivateKeys | None = None, **changes: object) -> bytes:
    """Return a public file that is wrong in `changes` and right in all else: its maker holds all the keys."""
    keys = keys or _PrivateKeys(os.urandom(32))
    good = _Body(FORMAT, "mallory", *keys.public_parts(), keys.certificate("mallory"))
    body = msgspec.structs.replace(good, **changes)
    return canonical.encode(_File(body, keys.sign(SELF_DOMAIN, canonical.encode(body))))


def certificate_of_another_kind(
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, public: x25519.X25519PublicKey | None = None
) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mallory")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public or key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime.datetime(2020, 1, 1))
    builder = builder.not_valid_after(datetime.datetime(2030, 1, 1))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


def test_a_file_comes_back_equal(tmp_path: Path) -> None:
    ALICE.public.save(tmp_path / "alice.pub")
    again = PublicIdentity.load(tmp_path / "alice.pub")
    assert again == ALICE.public
    assert hash(again) == hash(ALICE.public)
    assert again.encode() == ALICE.public.encode()
    assert again != BOB.public
    assert again != Identity.new("alice").public
    assert again != "alice"


def test_the_fingerprint_is_the_hash_of_the_body() -> None:
    body = msgspec.json.decode(ALICE.public.encode())["body"]
    digest = hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
    assert ALICE.public.fingerprint == FINGERPRINT_PREFIX + digest
    assert repr(ALICE.public) == f"PublicIdentity('alice', {ALICE.public.fingerprint})"


@pytest.mark.parametrize("field", ["format", "name", "ed25519", "mldsa65", "x25519", "mlkem768", "certificate"])
def test_a_file_with_any_field_altered_is_refused(field: str) -> None:
    parts = msgspec.json.decode(ALICE.public.encode(), type=_File)
    others = msgspec.json.decode(BOB.public.encode(), type=_File)
    swapped = "tacit-public-identity/2" if field == "format" else getattr(others.body, field)
    body = msgspec.structs.replace(parts.body, **{field: swapped})
    with pytest.raises(FormatError, match=r"altered|of format|certificate"):
        PublicIdentity.decode(canonical.encode(_File(body, parts.signature)))
    with pytest.raises(FormatError, match="altered"):
        PublicIdentity.decode(canonical.encode(_File(parts.body, others.signature)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_file_with_any_byte_altered_is_refused(data: st.DataObject) -> None:
    encoded = bytearray(ALICE.public.encode())
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FormatError):
        PublicIdentity.decode(bytes(encoded))


@given(st.binary(max_size=300))
def test_any_bytes_give_an_identity_or_one_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        PublicIdentity.decode(data)


def test_cut_padded_or_oversized_files_are_refused() -> None:
    encoded = ALICE.public.encode()
    for data in (encoded[:-1], encoded + b"\n", encoded + encoded):
        with pytest.raises(FormatError):
            PublicIdentity.decode(data)
    with pytest.raises(FormatError, match="larger than any can be"):
        PublicIdentity.decode(b" " * (MAX_FILE_BYTES + 1))


@settings(max_examples=200, deadline=None)
@given(st.data())
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_whoever_signs_a_broken_certificate_is_refused_in_words(data: st.DataObject) -> None:
    keys = _PrivateKeys(bytes(32))
    certificate = bytearray(keys.certificate("mallory"))
    at = data.draw(st.integers(0, len(certificate) - 1))
    certificate[at] ^= data.draw(st.integers(1, 255))
    body = _Body(FORMAT, "mallory", *keys.public_parts(), bytes(certificate))
    encoded = canonical.encode(_File(body, keys.sign(SELF_DOMAIN, canonical.encode(body))))
    if (at, certificate[at]) == (len(certificate) - 65, 1):
        return  # "one unused bit" in the signature, which ends in a zero bit: the parser reads it as the same
    with pytest.raises(FormatError, match="its certificate is"):
        PublicIdentity.decode(encoded)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05"),
        (b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x7a"),
        (b"\x30\x82", b"\x31\x82"),
    ],
    ids=["version 6", "unknown algorithm", "not a sequence"],
)
def test_certificates_that_break_the_parser_are_refused(true: bytes, false: bytes) -> None:
    keys = _PrivateKeys(bytes(32))
    certificate = keys.certificate("mallory" * 5)
    assert true in certificate
    broken = {"name": "mallory" * 5, "certificate": certificate.replace(true, false)}
    with pytest.raises(FormatError, match="its certificate is malformed"):
        PublicIdentity.decode(signed_by_itself(**broken))


def test_a_certificate_of_another_key_is_refused() -> None:
    for key in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        with pytest.raises(FormatError, match="its certificate is"):
            PublicIdentity.decode(signed_by_itself(certificate=certificate_of_another_kind(key)))
    keys = _PrivateKeys(os.urandom(32))
    same_bytes = x25519.X25519PublicKey.from_public_bytes(keys.ed25519.public_key().public_bytes_raw())
    with pytest.raises(FormatError, match="its certificate is"):
        PublicIdentity.decode(signed_by_itself(keys, certificate=certificate_of_another_kind(keys.ed25519, same_bytes)))
    assert PublicIdentity.decode(signed_by_itself()).name == "mallory"


def test_a_certificate_in_another_name_is_refused() -> None:
    with pytest.raises(FormatError, match="its certificate is for another key or name"):
        PublicIdentity.decode(signed_by_itself(name="alice"))


@pytest.mark.parametrize(
    "changes",
    [
        {"x25519": bytes(32)},
        {"x25519": (1).to_bytes(32, "little")},
        {"x25519": bytes(31)},
        {"mlkem768": bytes(1183)},
        {"mlkem768": b"\xff" * 1184},
    ],
    ids=["x25519 zero", "x25519 one", "x25519 short", "mlkem768 short", "mlkem768 unreduced"],
)
def test_a_sealing_key_to_which_nothing_can_be_sealed_is_refused(changes: dict[str, bytes]) -> None:
    with pytest.raises(FormatError, match="a key is malformed"):
        PublicIdentity.decode(signed_by_itself(**changes))


def test_a_false_format_or_name_is_refused_in_short_words() -> None:
    with pytest.raises(FormatError, match="of format"):
        PublicIdentity.decode(signed_by_itself(format="tacit-public-identity/2"))
    for changes in ({"name": "\n" * 9000}, {"format": "x" * 9000}):
        with pytest.raises(FormatError) as caught:
            PublicIdentity.decode(signed_by_itself(**changes))
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a.b", "a" * 41, "a\n", "é", "../x"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match="cannot be a name"):
        check_name(name)
    assert check_name("a" * 40) == "a" * 40
    assert check_name("0-9") == "0-9"


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"missing\.pub"):
        PublicIdentity.load(tmp_path / "missing.pub")
    (tmp_path / "broken.pub").write_bytes(b"{}")
    with pytest.raises(FormatError, match=r"broken\.pub"):
        PublicIdentity.load(tmp_path / "broken.pub")


def test_a_signature_holds_for_its_domain_message_and_signer_alone() -> None:
    signature = ALICE.sign("one", b"message")
    assert len(signature) == SIGNATURE_BYTES
    ALICE.public.verify("one", b"message", signature)
    for identity, domain, message, given_ in (
        (BOB.public, "one", b"message", signature),
        (ALICE.public, "two", b"message", signature),
        (ALICE.public, "one", b"messagf", signature),
        (ALICE.public, "on", b"e\x00message", signature),
        (ALICE.public, "one", b"message", signature[:-1]),
        (ALICE.public, "one", b"message", signature + b"\x00"),
        (ALICE.public, "one", b"message", b""),
    ):
        with pytest.raises(IdentityError, match="is false"):
            identity.verify(domain, message, given_)


def test_a_signature_needs_both_halves() -> None:
    mine, other = ALICE.sign("one", b"message"), BOB.sign("one", b"message")
    for forged in (mine[:64] + other[64:], other[:64] + mine[64:], mine[:64] + bytes(3309), bytes(64) + mine[64:]):
        with pytest.raises(IdentityError, match="is false"):
            ALICE.public.verify("one", b"message", forged)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, SIGNATURE_BYTES - 1), st.integers(0, 7))
def test_a_signature_with_any_bit_altered_is_false(at: int, bit: int) -> None:
    signature = bytearray(ALICE.sign("one", b"message"))
    signature[at] ^= 1 << bit
    with pytest.raises(IdentityError, match="is false"):
        ALICE.public.verify("one", b"message", bytes(signature))


def test_what_is_sealed_opens_for_its_identity_domain_and_context_alone() -> None:
    sealed = ALICE.public.seal("one", b"secret", b"context")
    assert len(sealed) == 6 + SEAL_OVERHEAD
    assert ALICE.open("one", sealed, b"context") == b"secret"
    for identity, domain, context in ((BOB, "one", b"context"), (ALICE, "two", b"context"), (ALICE, "one", b"")):
        with pytest.raises(IdentityError, match="was not sealed to"):
            identity.open(domain, sealed, context)


@pytest.mark.parametrize("broken", ["x25519", "mlkem768"])
def test_opening_needs_both_private_keys(broken: str) -> None:
    sealed = ALICE.public.seal("one", b"secret")
    mine, mallorys = ALICE._Identity__keys, _PrivateKeys(os.urandom(32))  # type: ignore[attr-defined]
    setattr(mallorys, broken, getattr(mine, broken))
    with pytest.raises(IdentityError, match="was not sealed to"):
        mallorys.open("one", sealed, b"", "alice")
    mallorys.x25519, mallorys.mlkem768 = mine.x25519, mine.mlkem768
    assert mallorys.open("one", sealed, b"", "alice") == b"secret"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_sealed_and_altered_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(ALICE.public.seal("one", b"secret"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(IdentityError):
        ALICE.open("one", bytes(sealed))


@settings(deadline=None)
@given(st.binary(max_size=1200))
def test_opening_any_bytes_is_one_error(sealed: bytes) -> None:
    with pytest.raises(IdentityError):
        ALICE.open("one", sealed)
    with pytest.raises(IdentityError):
        ALICE.open("one", bytes(32) + sealed)


@pytest.mark.parametrize("size", [0, 1, 1119, 1120, 1121, 1135, SEAL_OVERHEAD - 1, SEAL_OVERHEAD])
def test_what_is_sealed_and_cut_is_one_error(size: int) -> None:
    with pytest.raises(IdentityError, match="was not sealed to"):
        ALICE.open("one", ALICE.public.seal("one", b"secret")[:size])


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_point_of_low_order_is_one_error(point: int) -> None:
    sealed, low = ALICE.public.seal("one", b"secret"), point.to_bytes(32, "little")
    for altered in (sealed[:1088] + low + sealed[1120:], low + sealed[32:]):
        with pytest.raises(IdentityError, match="was not sealed to"):
            ALICE.open("one", altered)
    with pytest.raises(ValueError):
        sealing_key(low + ALICE.public.keys[3])


def test_the_frame_cannot_be_read_two_ways() -> None:
    assert frame("a", b"b") != frame("ab", b"")
    with pytest.raises(ValueError, match="zero byte"):
        frame("a\x00b", b"")


@pytest.mark.parametrize("size", [0, 31, 32, 1215, 1217])
def test_a_sealing_key_of_another_size_is_malformed(size: int) -> None:
    with pytest.raises(ValueError):
        sealing_key(os.urandom(size))

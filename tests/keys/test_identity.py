"""Private identities: their files, and that they give nothing away."""

import copy
import os
import pickle
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit import canonical
from tacit.errors import FormatError, IdentityError, TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.keys.identity import PRIVATE_FORMAT, _PrivateFile, _PrivateKeys, needs_passphrase

ALICE = Identity.new("alice")
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "alice.key"
    ALICE.save(path, PASSPHRASE)
    return path


def parts_of(path: Path) -> _PrivateFile:
    return msgspec.json.decode(path.read_bytes(), type=_PrivateFile)


def put(path: Path, parts: _PrivateFile) -> Path:
    path.write_bytes(canonical.encode(parts))
    path.chmod(0o600)
    return path


def secrets_of(identity: Identity) -> list[bytes]:
    keys: _PrivateKeys = identity._Identity__keys  # type: ignore[attr-defined]
    root: bytes = identity._Identity__root  # type: ignore[attr-defined]
    return [root, keys.ed25519.private_bytes_raw(), keys.x25519.private_bytes_raw(), keys.mlkem768.private_bytes_raw()]


def shows(text: str, secrets: list[bytes]) -> bool:
    """Return whether `text` has any secret in it, as hex, as base64, or as Python writes bytes."""
    found = False
    for secret in secrets:
        base64 = msgspec.json.encode(secret).strip(b'"=').decode()
        found |= secret.hex() in text.lower() or base64[:40] in text or repr(secret)[2:-1] in text
    return found


def test_a_new_identity_is_new_every_time() -> None:
    assert Identity.new("alice").public != Identity.new("alice").public
    assert len({*secrets_of(ALICE), *secrets_of(Identity.new("alice"))}) == 8
    for name in ("Alice", "", "é", "a" * 100):
        with pytest.raises(FormatError, match="cannot be a name"):
            Identity.new(name)


def test_a_file_comes_back_as_the_same_identity(tmp_path: Path) -> None:
    ALICE.save(tmp_path / "alice.key")
    again = Identity.load(tmp_path / "alice.key")
    assert again.public == ALICE.public
    assert again.name == "alice"
    ALICE.public.verify("d", b"m", again.sign("d", b"m"))
    assert again.open("d", ALICE.public.seal("d", b"m")) == b"m"
    assert not needs_passphrase(tmp_path / "alice.key")


def test_a_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        ALICE.save(tmp_path / "alice.key")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "alice.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o602, 0o777])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "alice.key"
    ALICE.save(path)
    path.chmod(mode)
    with pytest.raises(IdentityError, match="chmod 600"):
        Identity.load(path)
    path.chmod(0o400)
    assert Identity.load(path).public == ALICE.public


def test_the_permissions_are_those_of_the_file_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mallory may write in the folder, and swaps the file for hers after its mode was looked at."""
    path, loose = tmp_path / "alice.key", tmp_path / "mallory.key"
    ALICE.save(path)
    Identity.new("alice").save(loose)
    loose.chmod(0o644)

    def swap_after(look: Callable[[Any], os.stat_result]) -> Callable[[Any], os.stat_result]:
        def then(file: Path | int) -> os.stat_result:
            status = look(file)
            with suppress(FileNotFoundError):
                loose.rename(path)
            return status

        return then

    monkeypatch.setattr(Path, "stat", swap_after(Path.stat))
    monkeypatch.setattr(os, "fstat", swap_after(os.fstat))
    assert Identity.load(path).public == ALICE.public
    with pytest.raises(IdentityError, match="chmod 600"):
        Identity.load(path)


def test_the_command_that_an_error_advises_is_safe_to_copy(tmp_path: Path) -> None:
    path = tmp_path / "a; rm -rf $HOME"
    ALICE.save(path)
    path.chmod(0o644)
    with pytest.raises(IdentityError) as caught:
        Identity.load(path)
    assert str(caught.value).endswith(f"run: chmod 600 '{path}'")


def test_a_file_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alice.key"
    path.write_bytes(b"another's key")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(IdentityError, match="never overwritten"):
        ALICE.save(tmp_path / "link")
    monkeypatch.setattr(Path, "exists", lambda _: False)  # another process may write it after any such question
    with pytest.raises(IdentityError, match="never overwritten"):
        ALICE.save(path)
    assert path.read_bytes() == b"another's key"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["alice.key", "link"]


def test_a_passphrase_is_needed_and_has_to_be_right(encrypted: Path) -> None:
    assert needs_passphrase(encrypted)
    assert Identity.load(encrypted, PASSPHRASE).public == ALICE.public
    with pytest.raises(IdentityError, match="is encrypted: give its passphrase"):
        Identity.load(encrypted)
    wrong = PASSPHRASE[::-1]
    with pytest.raises(IdentityError, match="wrong passphrase") as caught:
        Identity.load(encrypted, wrong)
    assert wrong not in "".join(traceback.format_exception(caught.value))
    assert not any(secret in encrypted.read_bytes() for secret in secrets_of(ALICE))
    assert parts_of(encrypted).secret[:32] != secrets_of(ALICE)[0]


def test_a_passphrase_is_the_same_however_the_keyboard_composes_it(tmp_path: Path) -> None:
    composed, apart = "caf\u00e9 \uac00", "cafe\u0301 \u1100\u1161"
    ALICE.save(tmp_path / "alice.key", composed)
    assert Identity.load(tmp_path / "alice.key", apart).public == ALICE.public
    ALICE.save(tmp_path / "again.key", apart)
    assert Identity.load(tmp_path / "again.key", composed).public == ALICE.public
    for other in ("cafe \uac00", "caf\u00e9\u00a0\uac00"):  # what only looks alike
        with pytest.raises(IdentityError, match="wrong passphrase"):
            Identity.load(tmp_path / "alice.key", other)
    one, two = parts_of(tmp_path / "alice.key"), parts_of(tmp_path / "again.key")
    assert len({one.salt, two.salt}) == len({one.nonce, two.nonce}) == len({one.secret, two.secret}) == 2


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from tacit.errors import IdentityError
from tacit.keys import Identity
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20),) * 2)
try:
    Identity.load(Path(sys.argv[1]), sys.argv[2])
except IdentityError as error:
    print(error)
"""


def test_a_machine_without_the_memory_for_a_passphrase_is_told_so(encrypted: Path) -> None:
    command = [sys.executable, "-c", LITTLE_MEMORY, str(encrypted), PASSPHRASE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "takes 128 MiB of memory" in done.stdout
    assert PASSPHRASE not in done.stdout + done.stderr


@pytest.mark.parametrize("passphrase", ["", "\ud800"])
def test_a_passphrase_that_is_none_is_refused(tmp_path: Path, encrypted: Path, passphrase: str) -> None:
    for attempt in (
        lambda: ALICE.save(tmp_path / "alice.key", passphrase),
        lambda: Identity.load(encrypted, passphrase),
    ):
        with pytest.raises(IdentityError, match="empty or not text"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_each_field_of_an_encrypted_file_counts(tmp_path: Path, encrypted: Path) -> None:
    good = parts_of(encrypted)
    for change in (
        {"salt": bytes(16)},
        {"nonce": bytes(12)},
        {"nonce": b""},
        {"secret": bytes([good.secret[0] ^ 1]) + good.secret[1:]},
        {"secret": good.secret[:-1]},
    ):
        with pytest.raises(IdentityError, match="wrong passphrase, or the file was altered"):
            Identity.load(put(tmp_path / "k", msgspec.structs.replace(good, **change)), PASSPHRASE)
    with pytest.raises(FormatError, match="do not belong"):
        Identity.load(put(tmp_path / "k", msgspec.structs.replace(good, salt=b"")), PASSPHRASE)
    with pytest.raises(FormatError, match="another version"):
        Identity.load(put(tmp_path / "k", msgspec.structs.replace(good, format="tacit-identity/2")), PASSPHRASE)
    with pytest.raises(FormatError, match=r"/k: public identity cannot be read"):
        Identity.load(put(tmp_path / "k", msgspec.structs.replace(good, public=b"")), PASSPHRASE)


def test_keys_and_names_of_different_identities_do_not_mix(tmp_path: Path) -> None:
    ALICE.save(tmp_path / "alice.key")
    good = parts_of(tmp_path / "alice.key")
    others = Identity.new("bob").public.encode()
    padded = good.secret + b"\x00"  # the same key of HMAC
    for change in ({"public": others}, {"secret": bytes(32)}, {"secret": b""}, {"secret": padded}):
        with pytest.raises(FormatError, match="do not belong"):
            Identity.load(put(tmp_path / "k", msgspec.structs.replace(good, **change)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_any_byte_altered_is_one_error(tmp_path: Path, data: st.DataObject) -> None:
    root = secrets_of(ALICE)[0]
    content = bytearray(canonical.encode(_PrivateFile(PRIVATE_FORMAT, ALICE.public.encode(), b"", b"", root)))
    salt = content.index(b'"salt"')  # a salt would ask for a passphrase, and take its time
    at = data.draw(st.integers(0, len(content) - 1).filter(lambda i: not salt <= i < salt + 10))
    content[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "alice.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises((FormatError, IdentityError)) as caught:
        Identity.load(path)
    assert not shows("".join(traceback.format_exception(caught.value)), [root])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_as_a_file_are_one_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "alice.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(FormatError):
        Identity.load(path)
    with pytest.raises(FormatError):
        needs_passphrase(path)


def test_a_file_that_is_not_there_or_too_large_is_named(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(100_000))
    (tmp_path / "large").chmod(0o600)
    for name in ("missing", "large", "zero\x00byte"):
        with pytest.raises(FormatError, match=r"identity .*(missing|large|zero)"):
            Identity.load(tmp_path / name)
    with pytest.raises(TacitError, match="cannot write"):
        ALICE.save(tmp_path / "missing" / "alice.key")


def test_it_is_not_pickled_or_copied() -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            attempt(ALICE)


def test_it_never_shows_its_secrets() -> None:
    secrets = secrets_of(ALICE)
    root = secrets[0]
    parts = _PrivateFile(PRIVATE_FORMAT, b"", b"", b"", root)
    keys = ALICE._Identity__keys  # type: ignore[attr-defined]
    for shown in (ALICE, keys, parts, ALICE.public, [ALICE], {"a": parts}):
        assert not shows(repr(shown) + str(shown) + format(shown), secrets)
    assert repr(ALICE) == "Identity('alice', private keys hidden)"
    assert shows(repr(root), secrets)
    assert shows(root.hex(), secrets)
    assert shows(canonical.encode({"a": root}).decode(), secrets)


def test_its_errors_never_show_its_secrets() -> None:
    sealed = ALICE.public.seal("d", b"the message")
    for attempt in (lambda: ALICE.open("e", sealed), lambda: ALICE.public.verify("d", b"m", ALICE.sign("e", b"m"))):
        with pytest.raises(IdentityError) as caught:
            attempt()
        text = "".join(traceback.format_exception(caught.value))
        assert not shows(text, secrets_of(ALICE))
        assert "the message" not in text


def test_the_same_root_gives_the_same_keys_and_the_four_are_different() -> None:
    one, two = _PrivateKeys(bytes(32)), _PrivateKeys(bytes(32))
    assert one.public_parts() == two.public_parts()
    assert one.certificate("a") == two.certificate("a")
    assert one.ed25519.private_bytes_raw() != one.x25519.private_bytes_raw()
    assert all(a != b for a, b in zip(one.public_parts(), _PrivateKeys(b"\x01" * 32).public_parts(), strict=True))


def test_the_certificate_is_signed_by_itself_and_belongs_to_the_tls_key() -> None:
    certificate = x509.load_der_x509_certificate(ALICE.public.certificate)
    certificate.verify_directly_issued_by(certificate)
    key = serialization.load_pem_private_key(ALICE.tls_key(), None)
    assert key.public_key() == certificate.public_key()
    assert certificate.subject.rfc4514_string() == "CN=alice"
    assert isinstance(ALICE.public, PublicIdentity)

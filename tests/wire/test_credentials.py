"""TLS settings: exactly the pinned certificates, TLS 1.3, and a key that is nowhere in clear."""

import os
import ssl
import stat
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tacit.keys import Identity
from tacit.wire import Listener, connect
from tacit.wire.credentials import client_context, server_context


def settings_of(me: Identity, peer: Identity) -> list[ssl.SSLContext]:
    return [client_context(me, peer.public), server_context(me, [peer.public])]


def test_tls_1_3_and_certificates_of_both_and_no_names(alice: Identity, bob: Identity) -> None:
    for context in settings_of(alice, bob):
        assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_3
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert not context.check_hostname
    assert server_context(alice, [bob.public]).num_tickets == 0


def test_the_pinned_certificates_are_all_that_is_trusted(
    alice: Identity, bob: Identity, carol: Identity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other.pem").write_text(ssl.DER_cert_to_PEM_cert(carol.public.certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    for context in settings_of(alice, bob):
        assert context.cert_store_stats()["x509"] == 1
    assert server_context(alice, [bob.public, carol.public]).cert_store_stats()["x509"] == 2
    assert server_context(alice, []).cert_store_stats()["x509"] == 0


def test_session_keys_are_not_logged(
    alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    listening = Listener("127.0.0.1", 0, bob, [alice.public])
    with listening, connect(*listening.address, alice, bob.public), listening.accept(5):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes, str, int]]:
    """Collect what OpenSSL is given: path, content, password, and the file's mode."""
    given: list[tuple[str, bytes, str, int]] = []
    true = ssl.SSLContext.load_cert_chain

    def load(self: ssl.SSLContext, path: str, *, password: str) -> None:
        given.append((path, Path(path).read_bytes(), password, stat.S_IMODE(Path(path).stat().st_mode)))
        true(self, path, password=password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    return given


def is_encrypted(content: bytes, password: str, me: Identity) -> None:
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert me.tls_key().splitlines()[1] not in content
    with pytest.raises(TypeError):
        serialization.load_pem_private_key(content, None)
    key = serialization.load_pem_private_key(content, password.encode())
    assert key.public_key() == serialization.load_pem_private_key(me.tls_key(), None).public_key()


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no nameless memory here")
def test_the_key_goes_through_nameless_memory_encrypted(
    alice: Identity, bob: Identity, loads: list[tuple[str, bytes, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_file(*_: object, **__: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "mkstemp", no_file)
    settings_of(alice, bob)
    for path, content, password, _ in loads:
        assert path.startswith("/proc/self/fd/")
        assert not Path(path).exists()
        is_encrypted(content, password, alice)
    assert len({password for _, _, password, _ in loads}) == 2
    assert all(len(password) == 64 for _, _, password, _ in loads)


@pytest.mark.parametrize("missing", ["memfd_create", "memory", "access"])
def test_elsewhere_it_goes_through_a_private_file_that_is_removed_at_once(
    alice: Identity,
    bob: Identity,
    loads: list[tuple[str, bytes, str, int]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    missing: str,
) -> None:
    if missing == "memfd_create":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif missing == "memory":

        def refuse(*_: object) -> int:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    else:
        monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings_of(alice, bob)
    assert len(loads) == 2
    for path, content, password, mode in loads:
        assert Path(path).parent == tmp_path
        assert mode == 0o600
        is_encrypted(content, password, alice)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_removed_when_loading_fails(
    alice: Identity, bob: Identity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ssl.SSLError("no")

    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", fail)
    with pytest.raises(ssl.SSLError):
        client_context(alice, bob.public)
    assert list(tmp_path.iterdir()) == []

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from tacit.bundle.payload import commit, decrypt, encrypt
from tacit.errors import FormatError

KEY, SALT, AGREEMENT, RUN = (bytes([number]) * 32 for number in range(4))
GRAPH = b"the bytes of a model"


def opened(payload, **changes):
    values = {
        "key": KEY,
        "salt": SALT,
        "agreement": AGREEMENT,
        "run": RUN,
        "commitment": commit(GRAPH, SALT),
        **changes,
    }
    return decrypt(payload, *values.values())


@given(st.binary(max_size=200))
def test_opens_to_what_was_encrypted(graph):
    payload = encrypt(graph, KEY, SALT, AGREEMENT, RUN)
    assert len(payload) == len(graph) + 16
    assert opened(payload, commitment=commit(graph, SALT)) == graph


def test_equals_the_documented_construction():
    commitment = hashlib.sha256(b"tacit model commitment/1\x00" + SALT + GRAPH).digest()
    expand = hmac.HMAC(KEY, hashes.SHA256())
    expand.update(b"tacit bundle payload key/1\x00" + AGREEMENT + RUN + commitment + b"\x01")
    cipher = AESGCM(expand.finalize())
    expected = cipher.encrypt(b"\x00" * 12, GRAPH, b"tacit bundle payload/1\x00" + AGREEMENT + RUN)
    assert commit(GRAPH, SALT) == commitment
    assert encrypt(GRAPH, KEY, SALT, AGREEMENT, RUN) == expected


def test_is_the_same_for_every_party():
    assert encrypt(GRAPH, KEY, SALT, AGREEMENT, RUN) == encrypt(GRAPH, KEY, SALT, AGREEMENT, RUN)


def test_two_models_never_share_a_key_stream():
    first = encrypt(b"\x00" * 64, KEY, SALT, AGREEMENT, RUN)
    second = encrypt(b"\x00" * 63 + b"\x01", KEY, SALT, AGREEMENT, RUN)
    assert first[:63] != second[:63]


@pytest.mark.parametrize("name", ["key", "salt", "agreement", "run", "commitment"])
def test_bound_to(name):
    with pytest.raises(FormatError, match=r"does not open|another model"):
        opened(encrypt(GRAPH, KEY, SALT, AGREEMENT, RUN), **{name: b"\xff" * 32})


def test_each_altered_bit_is_refused():
    payload = encrypt(GRAPH, KEY, SALT, AGREEMENT, RUN)
    for bit in range(8 * len(payload)):
        altered = bytearray(payload)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            opened(bytes(altered))


def test_truncated_is_refused():
    payload = encrypt(GRAPH, KEY, SALT, AGREEMENT, RUN)
    for length in range(len(payload)):
        with pytest.raises(FormatError):
            opened(payload[:length])


def test_commitment_hides_and_binds():
    assert commit(GRAPH, SALT) != commit(GRAPH, KEY)
    assert commit(GRAPH, SALT) != commit(GRAPH + b"\x00", SALT)
    assert commit(GRAPH[1:], SALT) != commit(GRAPH, SALT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_lengths_that_would_make_two_inputs_one(length):
    short = bytes(length)
    for attempt in (
        lambda: commit(GRAPH, short),
        lambda: encrypt(GRAPH, short, SALT, AGREEMENT, RUN),
        lambda: encrypt(GRAPH, KEY, SALT, short, RUN),
        lambda: encrypt(GRAPH, KEY, SALT, AGREEMENT, short),
        lambda: opened(b"", commitment=short),
    ):
        with pytest.raises(FormatError, match=f"has {length} bytes, not 32"):
            attempt()

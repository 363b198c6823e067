"""What is derived from a party's secrets: mask keys, contributions, pairwise seeds, self-mask seeds, commitments.

A party has two secrets of 16 bytes for one sum (Bonawitz et al. 2017, section 4): the *mask root* k_i, from which
everything about its pairwise masks follows, and the *self-mask seed* b_i. In the paper pairwise seeds come from
Diffie-Hellman; here, to stand against quantum computers, both sides send each other a contribution by HPKE with the
hybrid KEM X25519+ML-KEM-768:

    c_ij = HKDF(k_i; i, j)                 sealed by i to the mask key of j, and c_ji the other way
    s_ij = HKDF(c_ij, c_ji; i, j)          the pairwise seed, with i before j in the agreement

HPKE does not say who sealed, so a malicious server may put its own contribution in the place of c_ij. It does
not know c_ji, which the honest j derived from k_j and sealed to the *signed* mask key of i; so what j takes for s_ij
stays unknown to it, the two sides' masks no longer cancel, and the sum is noise. Whoever learns k_i (when i dropped)
learns c_ij from it and opens c_ji with the mask key that follows from it: all seeds of i, as in the paper.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tacit.federated.secagg.messages import CONTRIBUTION_BYTES, TAG_BYTES
from tacit.keys.public import SUITE, frame

SECRET_BYTES = 16
MASK_SEED_BYTES = 16
_KEM_SEED_BYTES = 32 + 64

MASK_KEY_DOMAIN = "tacit secagg mask key"
CONTRIBUTION_DOMAIN = "tacit secagg contribution"
PAIR_SEED_DOMAIN = "tacit secagg pair seed"
TAG_DOMAIN = "tacit secagg dealers tag"
SELF_SEED_DOMAIN = "tacit secagg self seed"
SEED_COMMITMENT_DOMAIN = "tacit secagg seed commitment"


class KemKeys:
    """A KEM key pair, X25519 and ML-KEM-768: `public` to give away, `open` for what was sealed to it."""

    def __init__(self, seed: bytes) -> None:
        """Expand the pair from 96 bytes; use `fresh` or `from_root`."""
        x, m = (
            x25519.X25519PrivateKey.from_private_bytes(seed[:32]),
            mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[32:]),
        )
        self.public = x.public_key().public_bytes_raw() + m.public_key().public_bytes_raw()
        self.__private = hpke.MLKEM768X25519PrivateKey(m, x)

    @classmethod
    def fresh(cls) -> KemKeys:
        """Return a new pair that follows from nothing."""
        return cls(os.urandom(_KEM_SEED_BYTES))

    @classmethod
    def from_root(cls, root: bytes, setting_digest: bytes) -> KemKeys:
        """Return the mask key pair that follows from a party's mask root."""
        return cls(_derive(root, setting_digest, MASK_KEY_DOMAIN, (), _KEM_SEED_BYTES))

    def open(self, domain: str, sealed: bytes, context: bytes) -> bytes | None:
        """Return what was sealed to this key under this domain and context, or None."""
        try:
            return SUITE.decrypt(sealed, self.__private, frame(domain, context))
        except (InvalidTag, ValueError):
            return None

    def __repr__(self) -> str:
        return "KemKeys(private half hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key pair of a running aggregation is not pickled or copied")


def seal(public: hpke.MLKEM768X25519PublicKey, domain: str, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt `plaintext` to the KEM key `public`, read by `tacit.keys.public.sealing_key`."""
    return SUITE.encrypt(plaintext, public, frame(domain, context))


def contribution(root: bytes, roster_digest: bytes, sender: str, recipient: str) -> bytes:
    """Return c_ij, what `sender`, whose mask root this is, adds to its pairwise seed with `recipient`."""
    return _derive(root, roster_digest, CONTRIBUTION_DOMAIN, (sender, recipient), CONTRIBUTION_BYTES)


def pair_seed(from_first: bytes, from_second: bytes, roster_digest: bytes, first: str, second: str) -> bytes:
    """Return s_ij from both contributions; `first` comes before `second` in the agreement."""
    return _derive(from_first + from_second, roster_digest, PAIR_SEED_DOMAIN, (first, second), MASK_SEED_BYTES)


def dealers_tag(
    from_owner: bytes, from_holder: bytes, roster_digest: bytes, owner: str, holder: str, told: bytes
) -> bytes:
    """Return the tag by which `owner` tells `holder` alone that its masks are against the dealers of digest `told`.

    Its key follows from both contributions, apart from their pairwise seed.
    """
    key = _derive(from_owner + from_holder, roster_digest, TAG_DOMAIN, (owner, holder), 32)
    return hmac.digest(key, told, "sha256")[:TAG_BYTES]


def dealers_digest(dealers: Iterable[str]) -> bytes:
    """Return the hash of U1, once for all the tags that it goes into."""
    return hashlib.sha256(frame(TAG_DOMAIN, _names(*dealers))).digest()


def self_seed(seed: bytes, setting_digest: bytes) -> bytes:
    """Return the key of the self mask that follows from the shared self-mask seed b_i."""
    return _derive(seed, setting_digest, SELF_SEED_DOMAIN, (), MASK_SEED_BYTES)


def seed_commitment(seed: bytes, setting_digest: bytes, party: str) -> bytes:
    """Return the hash that binds `party` to its self-mask seed; 16 random bytes hide themselves."""
    return hashlib.sha256(frame(SEED_COMMITMENT_DOMAIN, setting_digest + _names(party) + seed)).digest()


def _derive(secret: bytes, salt: bytes, domain: str, names: tuple[str, ...], length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, frame(domain, _names(*names))).derive(secret)


def _names(*names: str) -> bytes:
    # No name has a zero byte in it, so each list of names has bytes of its own.
    return b"".join(name.encode() + b"\x00" for name in names)

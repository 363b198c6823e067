"""Keys: who someone is. Signing by Ed25519 with ML-DSA-65, sealing by HPKE with X25519 and ML-KEM-768."""

from tacit.keys.identity import FINGERPRINT_PREFIX, Identity
from tacit.keys.public import PublicIdentity

__all__ = ["FINGERPRINT_PREFIX", "Identity", "PublicIdentity"]

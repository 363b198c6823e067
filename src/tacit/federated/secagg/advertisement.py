"""Advertisements: keys that are signed by the identity in the agreement, and the roster of them.

Bonawitz et al. 2017, section 6: with unsigned keys a malicious server plays every party's peer itself. The signature
is checked against the identity that the agreement pins, by the server and again by each party, and covers the
setting's digest: an advertisement of another sum, or of a sum with other parameters, is worth nothing here.
"""

from __future__ import annotations

import hashlib

import msgspec

from tacit import canonical
from tacit.errors import IdentityError
from tacit.federated.secagg import seeds
from tacit.federated.secagg.messages import Advertisement, Roster
from tacit.federated.secagg.setting import Setting
from tacit.keys import Identity
from tacit.keys.public import frame

ADVERTISEMENT_DOMAIN = "tacit secagg advertisement"
ROSTER_DOMAIN = "tacit secagg roster"
_USE_DOMAIN = "tacit secagg trial"


class _Signed(msgspec.Struct, frozen=True):
    setting: bytes
    party: str
    channel_key: bytes
    mask_key: bytes
    seed_commitment: bytes


def sign_advertisement(
    setting: Setting, identity: Identity, channel_key: bytes, mask_key: bytes, seed_commitment: bytes
) -> Advertisement:
    """Return the advertisement of these keys by `identity`."""
    body = _Signed(setting.digest, identity.name, channel_key, mask_key, seed_commitment)
    signature = identity.sign(ADVERTISEMENT_DOMAIN, canonical.encode(body))
    return Advertisement(identity.name, channel_key, mask_key, seed_commitment, signature)


def advertisement_fault(setting: Setting, advertisement: Advertisement) -> str | None:
    """Return what is wrong with an advertisement by a party of the agreement, or None."""
    ad = advertisement
    body = _Signed(setting.digest, ad.party, ad.channel_key, ad.mask_key, ad.seed_commitment)
    try:
        setting.identity(ad.party).verify(ADVERTISEMENT_DOMAIN, canonical.encode(body), ad.signature)
    except IdentityError:
        return f"the advertisement of {ad.party!r} is not signed by the identity in the agreement, for this sum"
    if not (_usable(ad.channel_key) and _usable(ad.mask_key)):
        return f"{ad.party!r} advertises a key that nothing can be sealed to"
    return None


def roster_fault(setting: Setting, roster: Roster, own: Advertisement) -> str | None:
    """Return why the party that sent `own` must not go on with `roster`, or None."""
    names = [advertisement.party for advertisement in roster.advertisements]
    if tuple(names) != setting.in_order(names):
        return "the roster does not list parties of the agreement, each once, in its order"
    if own not in roster.advertisements:
        return f"the roster does not have the advertisement that {own.party!r} sent"
    if len(names) < setting.minimum_survivors:
        return f"the roster has {len(names)} parties, fewer than {setting.minimum_survivors}"
    keys = [key for ad in roster.advertisements for key in (ad.channel_key, ad.mask_key)]
    if len(set(keys)) != len(keys):
        return "two keys on the roster are the same"
    faults = (advertisement_fault(setting, advertisement) for advertisement in roster.advertisements)
    return next((fault for fault in faults if fault), None)


def roster_digest(setting: Setting, roster: Roster) -> bytes:
    """Return the hash of setting and roster, which every later seal and signature is bound to."""
    return hashlib.sha256(frame(ROSTER_DOMAIN, setting.digest + canonical.encode(roster))).digest()


def _usable(key: bytes) -> bool:
    # X25519 has points of low order, which parse and then refuse every exchange (RFC 7748, section 6.1).
    try:
        seeds.seal(key, _USE_DOMAIN, b"", b"")
    except ValueError:
        return False
    return True

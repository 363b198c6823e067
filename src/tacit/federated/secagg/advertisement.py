"""Advertisements: keys that are signed by the identity in the agreement, and the roster of them.

Bonawitz et al. 2017, section 6: with unsigned keys a malicious server plays every party's peer itself. The signature
is checked against the identity that the agreement pins, by the server and again by each party, and covers the
setting's digest: an advertisement of another sum, or of a sum with other parameters, is worth nothing here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

import msgspec
from cryptography.hazmat.primitives import hpke

from tacit import canonical
from tacit.errors import IdentityError
from tacit.federated.secagg.checking import first_fault
from tacit.federated.secagg.messages import Advertisement, Roster
from tacit.federated.secagg.setting import Setting
from tacit.federated.secagg.topology import Topology, picks_fault
from tacit.keys import Identity
from tacit.keys.public import frame, sealing_key

ADVERTISEMENT_DOMAIN = "tacit secagg advertisement"
ROSTER_DOMAIN = "tacit secagg roster"


class _Signed(msgspec.Struct, frozen=True):
    setting: bytes
    party: str
    channel_key: bytes
    mask_key: bytes
    seed_commitment: bytes
    picks: tuple[int, ...]


def sign_advertisement(
    setting: Setting,
    identity: Identity,
    channel_key: bytes,
    mask_key: bytes,
    seed_commitment: bytes,
    picks: tuple[int, ...] = (),
) -> Advertisement:
    """Return the advertisement of these keys and picks by `identity`."""
    body = _Signed(setting.digest, identity.name, channel_key, mask_key, seed_commitment, picks)
    signature = identity.sign(ADVERTISEMENT_DOMAIN, canonical.encode(body))
    return Advertisement(identity.name, channel_key, mask_key, seed_commitment, picks, signature)


@dataclass(frozen=True)
class SealingKeys:
    """An advertisement's two keys, read: reading one costs half as much as sealing to it."""

    channel: hpke.MLKEM768X25519PublicKey
    mask: hpke.MLKEM768X25519PublicKey


def sealing_keys(advertisement: Advertisement, *, tried: bool = True) -> SealingKeys:
    """Return the keys of an advertisement.

    Raises:
        ValueError: nothing can be sealed to one of them; if they are not `tried`, sealing may be the first to say so.
    """
    # X25519 has points of low order, which parse and then refuse every exchange (RFC 7748, section 6.1).
    keys = (sealing_key(key, tried=tried) for key in (advertisement.channel_key, advertisement.mask_key))
    return SealingKeys(*keys)


def advertisement_fault(setting: Setting, advertisement: Advertisement) -> str | None:
    """Return what is wrong with a party's advertisement, or None; its keys are read by `sealing_keys`."""
    ad = advertisement
    body = _Signed(setting.digest, ad.party, ad.channel_key, ad.mask_key, ad.seed_commitment, ad.picks)
    try:
        setting.identity(ad.party).verify(ADVERTISEMENT_DOMAIN, canonical.encode(body), ad.signature)
    except IdentityError:
        return f"the advertisement of {ad.party!r} is not signed by the identity in the agreement, for this sum"
    return picks_fault(setting, ad.party, ad.picks)


def keys_fault(advertisement: Advertisement) -> str | None:
    """Return what is wrong with the keys of an advertisement, or None."""
    try:
        sealing_keys(advertisement)
    except ValueError:
        return unusable(advertisement.party)
    return None


def unusable(party: str) -> str:
    """Return what is wrong with an advertisement to whose keys nothing can be sealed."""
    return f"{party!r} advertises a key that nothing can be sealed to"


def roster_fault(setting: Setting, roster: Roster, own: Advertisement) -> str | None:
    """Return why the party that sent `own` must not go on with `roster`, or None."""
    names = [advertisement.party for advertisement in roster.advertisements]
    if tuple(names) != setting.in_order(names):
        return "the roster does not list parties of the agreement, each once, in its order"
    if own not in roster.advertisements:
        return f"the roster does not have the advertisement that {own.party!r} sent"
    if setting.graph is None and len(names) < setting.minimum_survivors:
        return f"the roster has {len(names)} parties, fewer than {setting.minimum_survivors}"
    keys = [key for ad in roster.advertisements for key in (ad.channel_key, ad.mask_key)]
    if len(set(keys)) != len(keys):
        return "two keys on the roster are the same"
    fault = first_fault(partial(advertisement_fault, setting), roster.advertisements)
    return fault or _neighbourhood_fault(setting, roster, own)


def roster_digest(setting: Setting, roster: Roster) -> bytes:
    """Return the hash of setting and roster, which every later seal and signature is bound to.

    On the sparse graph each party has a roster of its own, and the setting alone is hashed: seals are to keys that
    honest parties advertise once in a sum.
    """
    if setting.graph is not None:
        return hashlib.sha256(frame(ROSTER_DOMAIN, setting.digest)).digest()
    return hashlib.sha256(frame(ROSTER_DOMAIN, setting.digest + canonical.encode(roster))).digest()


def _neighbourhood_fault(setting: Setting, roster: Roster, own: Advertisement) -> str | None:
    if setting.graph is None:
        return None
    others = {ad.party for ad in roster.advertisements} - {own.party}
    topology = Topology(setting, roster.advertisements)
    strangers = others - set(topology.neighbours(own.party))
    if strangers:
        return f"the roster has {sorted(strangers)[0]!r}, which {own.party!r} neither picked nor was picked by"
    holders = len(topology.holders(own.party, [*others, own.party]))
    if holders < setting.threshold:
        return f"{holders} holders of shares of {own.party!r} are on the roster, fewer than {setting.threshold}"
    return None

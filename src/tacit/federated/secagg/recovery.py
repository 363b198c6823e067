"""The end of the sum, at the server: secrets put together from shares, masks taken off, and wrong shares blamed.

Bonawitz et al. 2017, figure 4, round 4. Every value that is put together is checked against what its owner signed or
committed to, so that the sum comes out right or somebody is named, as long as the server is honest:

- a share that is not the one committed to by its dealer: whoever revealed it (the recipient checked it on arrival);
- a secret that its right shares do not give: its owner, who dealt shares of something else;
- a contribution that is not the one committed to: its sender;
- shares that more holders withhold than can be corrupt, on the sparse graph: the owner, whose tags were wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from tacit.errors import ProtocolError
from tacit.federated.secagg import pieces, seeds, shamir
from tacit.federated.secagg.confirmation import View
from tacit.federated.secagg.masking import Masks
from tacit.federated.secagg.messages import Advertisement, Piece, Unmasking
from tacit.federated.secagg.pieces import Route
from tacit.federated.secagg.seeds import KemKeys
from tacit.federated.secagg.setting import Setting, Words
from tacit.federated.secagg.topology import Topology


@dataclass(frozen=True, repr=False, eq=False)
class Ledger:
    """What the server has gathered when it knows the survivors.

    Attributes:
        setting: the sum's setting.
        advertisements: by party.
        topology: who holds whose shares, and who masked against whom.
        pieces: by sender, then recipient.
        view: roster, U1 and U2.
        total: the sum of the masked vectors of U2.
    """

    setting: Setting
    advertisements: dict[str, Advertisement]
    topology: Topology
    pieces: dict[str, dict[str, Piece]]
    view: View
    total: Words


def unmasking_fault(ledger: Ledger, message: Unmasking) -> str | None:
    """Return what is wrong with the shares in `message`, or None."""
    party = message.party
    survivors, dropped = _held(ledger, party)
    if len(message.seed_shares) != len(survivors) or len(message.root_shares) != len(dropped):
        return "it does not reveal one share for each party that dealt it some"
    for owner, share in zip(survivors, message.seed_shares, strict=True):
        if share is None:  # it was told of other dealers than the owner; on the complete graph there is nothing to tell
            if ledger.setting.graph is None or owner == party:
                return f"it does not reveal its share of the self-mask seed of {owner!r}"
            continue
        # Nobody checks a party's share of its own seed; `_combine` trusts it least, and its owner answers for it.
        if not shamir.is_share(share) or (owner != party and not _is_dealt_seed_share(ledger, owner, party, share)):
            return f"its share of the self-mask seed of {owner!r} is not the one it was dealt"
    for owner, share in zip(dropped, message.root_shares, strict=True):
        if not shamir.is_share(share) or not _is_dealt_root_share(ledger, owner, party, share):
            return f"its share of the mask root of {owner!r} is not the one it was dealt"
    return None


def recover_sum(ledger: Ledger, unmaskings: Mapping[str, Unmasking]) -> Words:
    """Return the sum of the vectors of U2 from t or more unmaskings without fault.

    Raises:
        ProtocolError: names who dealt what does not fit together.
    """
    masks = Masks(ledger.setting, ledger.view.roster_digest)
    seed_shares: dict[str, dict[str, bytes]] = {owner: {} for owner in ledger.view.survivors}
    root_shares: dict[str, dict[str, bytes]] = {owner: {} for owner in ledger.view.dropped}
    withheld: dict[str, set[str]] = {owner: set() for owner in ledger.view.survivors}
    for party, message in unmaskings.items():
        survivors, dropped = _held(ledger, party)
        for owner, share in zip(survivors, message.seed_shares, strict=True):
            if share is None:
                withheld[owner].add(party)
            else:
                seed_shares[owner][party] = share
        for owner, share in zip(dropped, message.root_shares, strict=True):
            root_shares[owner][party] = share
    for owner, shares in seed_shares.items():
        if len(shares) < ledger.setting.threshold and withheld[owner]:
            _blame_for_withheld(ledger, owner, withheld[owner], shares)
        masks.remove_self_mask(_recover_seed(ledger, owner, shares))
    for owner, shares in root_shares.items():
        _remove_pair_masks(ledger, masks, owner, *_recover_root(ledger, owner, shares))
    total = np.array(ledger.total)
    masks.apply(total)
    return total & total.dtype.type(2**ledger.setting.word_bits - 1)


def _blame_for_withheld(ledger: Ledger, owner: str, withheld: set[str], shares: dict[str, bytes]) -> NoReturn:
    # This server handed the tags on as they were: either the owner sent wrong ones, or who withholds has no reason.
    if len(withheld) > ledger.setting.corrupt:
        _blame(owner, f"{len(withheld)} holders of its shares were told of other dealers than there are")
    holders = ledger.topology.holders(owner, ledger.view.dealers)
    suspects = [owner, *(name for name in holders if name not in shares and name != owner)]
    _blame(", ".join(suspects), f"one of them keeps {owner!r} from being unmasked: {len(withheld)} shares are withheld")


def _held(ledger: Ledger, party: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    held = ledger.topology.held
    return held(party, ledger.view.survivors), held(party, ledger.view.dropped)


def _remove_pair_masks(ledger: Ledger, masks: Masks, dropped: str, root: bytes, keys: KemKeys) -> None:
    # The survivors' masks against `dropped` cancel against those that it would have put on its own vector.
    digest = ledger.view.roster_digest
    survivors = set(ledger.view.survivors)
    for peer in ledger.topology.neighbours(dropped):
        if peer not in survivors:
            continue
        sent = seeds.contribution(root, digest, dropped, peer)
        if not pieces.contribution_matches(sent, ledger.pieces[dropped][peer], Route(digest, dropped, peer)):
            _blame(dropped, f"the contribution that it sent {peer!r} does not follow from its mask root")
        received = pieces.open_contribution(ledger.pieces[peer][dropped], Route(digest, peer, dropped), keys)
        if received is None:
            _blame(peer, f"what it sealed for {dropped!r} is not the contribution that it committed to")
        masks.add_pair_mask(dropped, sent, peer, received)


def _recover_seed(ledger: Ledger, owner: str, shares: dict[str, bytes]) -> bytes:
    seed = _combine(ledger, owner, shares)
    committed = ledger.advertisements[owner].seed_commitment
    if seed is None or seeds.seed_commitment(seed, ledger.setting.digest, owner) != committed:
        _blame(owner, "the shares that it dealt do not give the self-mask seed that it committed to")
    return seed


def _recover_root(ledger: Ledger, owner: str, shares: dict[str, bytes]) -> tuple[bytes, KemKeys]:
    root = _combine(ledger, owner, shares)
    keys = KemKeys.from_root(root, ledger.setting.digest) if root is not None else None
    if root is None or keys is None or keys.public != ledger.advertisements[owner].mask_key:
        _blame(owner, "the shares that it dealt do not give the mask root of the key that it advertised")
    return root, keys


def _combine(ledger: Ledger, owner: str, shares: dict[str, bytes]) -> bytes | None:
    if len(shares) < ledger.setting.threshold:
        silent = [name for name in ledger.topology.holders(owner, ledger.view.dealers) if name not in shares]
        _blame(
            ", ".join(silent), f"{len(shares)} shares of a secret of {owner!r}, fewer than {ledger.setting.threshold}"
        )
    # Exactly t, the owner's own share last: all others are known to be what the owner committed to.
    chosen = sorted(shares, key=lambda party: party == owner)[: ledger.setting.threshold]
    return shamir.combine({ledger.setting.positions[party] + 1: shares[party] for party in chosen})


def _is_dealt_seed_share(ledger: Ledger, owner: str, party: str, share: bytes) -> bool:
    route = Route(ledger.view.roster_digest, owner, party)
    return pieces.seed_share_matches(share, ledger.pieces[owner][party], route)


def _is_dealt_root_share(ledger: Ledger, owner: str, party: str, share: bytes) -> bool:
    route = Route(ledger.view.roster_digest, owner, party)
    return pieces.root_share_matches(share, ledger.pieces[owner][party], route)


def _blame(culprit: str, fault: str) -> NoReturn:
    raise ProtocolError(fault, culprit=culprit, step="unmask")

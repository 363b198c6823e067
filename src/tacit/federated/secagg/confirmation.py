"""Confirmations: signatures of who is in the sum, so that the server cannot tell different parties different things.

Bonawitz et al. 2017, figure 4, round 3 (consistency check). A confirmation covers the roster, U1 (whose shares were
delivered) and U2 (whose vectors are in the sum). An honest party signs one of them in a sum, and reveals shares only
when as many as the quorum, members of U2 and of the committee, signed what it signed; `thresholds` and `regular_graph`
have the argument that no two sets can get there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import msgspec

from tacit import canonical
from tacit.errors import IdentityError
from tacit.federated.secagg.checking import first_fault
from tacit.federated.secagg.messages import Confirmation, Confirmations, Survivors
from tacit.federated.secagg.setting import Setting
from tacit.keys import Identity

CONFIRMATION_DOMAIN = "tacit secagg confirmation"


@dataclass(frozen=True)
class View:
    """Who took part, as one side sees it: the roster, U1 (dealt shares) and U2 (vectors in the sum)."""

    roster_digest: bytes
    dealers: tuple[str, ...]
    survivors: tuple[str, ...]

    @cached_property
    def dropped(self) -> tuple[str, ...]:
        """U1 without U2: others masked their vectors against these, whose own vectors are missing."""
        survivors = frozenset(self.survivors)
        return tuple(name for name in self.dealers if name not in survivors)


class _Signed(msgspec.Struct, frozen=True):
    setting: bytes
    roster: bytes
    dealers: tuple[str, ...]
    survivors: tuple[str, ...]


def survivors_fault(setting: Setting, dealers: tuple[str, ...], survivors: Survivors, own: str) -> str | None:
    """Return why the party `own`, to whom `dealers` is U1, must not confirm `survivors` as U2, or None."""
    names = survivors.parties
    if names != setting.in_order(names):
        return "the survivors are not parties of the agreement, each once, in its order"
    if not set(names) <= set(dealers):
        return "the survivors include a party whose shares were never delivered"
    if own not in names:
        return f"the survivors leave out {own!r}, who sent a vector"
    if len(names) < setting.minimum_survivors:
        return f"{len(names)} survivors are fewer than {setting.minimum_survivors}"
    return None


def sign_confirmation(setting: Setting, identity: Identity, view: View) -> Confirmation:
    """Return the confirmation of `view` by `identity`."""
    return Confirmation(identity.name, identity.sign(CONFIRMATION_DOMAIN, _signed_bytes(setting, view)))


def confirmation_fault(setting: Setting, view: View, confirmation: Confirmation) -> str | None:
    """Return what is wrong with a confirmation by a member of U2, or None."""
    try:
        identity = setting.identity(confirmation.party)
        identity.verify(CONFIRMATION_DOMAIN, _signed_bytes(setting, view), confirmation.signature)
    except IdentityError:
        return f"the confirmation by {confirmation.party!r} is not its signature of this roster and these survivors"
    return None


def confirmations_fault(setting: Setting, view: View, confirmations: Confirmations) -> str | None:
    """Return why a party that confirmed `view` must not reveal shares on these confirmations, or None."""
    names = tuple(confirmation.party for confirmation in confirmations.confirmations)
    if names != setting.in_order(names) or not set(names) <= set(view.survivors) & setting.committee:
        return "the confirmations are not by survivors of the committee, each once, in the agreement's order"
    if len(names) < setting.quorum:
        return f"{len(names)} confirmations are fewer than {setting.quorum}"
    return first_fault(partial(confirmation_fault, setting, view), confirmations.confirmations)


def _signed_bytes(setting: Setting, view: View) -> bytes:
    return canonical.encode(_Signed(setting.digest, view.roster_digest, view.dealers, view.survivors))

"""A malicious server that leaves one honest party alone on the sparse graph learns nothing of its vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.errors import ProtocolError
from tacit.federated.secagg import party, seeds, shamir
from tacit.federated.secagg.pieces import Route, open_contribution
from tacit.federated.secagg.seeds import KemKeys
from tacit.federated.secagg.setting import Setting
from tacit.federated.secagg.topology import pick

from .driver import Session, put_pair_mask, remove_self_mask
from .sparse import VICTIM, picks_of, sparse_setting


def unpopular(setting: Setting, name: str) -> tuple[int, ...]:
    """Picks on a day when nobody picks the victim: coins may fall so, and then d is enough to drop all that it has."""
    while True:
        picks = pick(setting, name)
        if setting.positions[VICTIM] not in picks:
            return picks


class Isolated:
    """The server reports all the neighbours of the victim as dropped, once everybody's vector has arrived.

    Attributes:
        seed_shares: owner -> point -> what was revealed of its self-mask seed.
        root_shares: owner -> point -> what was revealed of its mask root.
        secrets: of the victim, to compare with; the server does not have them.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(party, "pick", unpopular)
        self.setting = sparse_setting(n=91, corrupt=1, dropping=21)
        self.session = Session(self.setting).go("share")
        self.secrets = self.session.parties[VICTIM]._memory._known.secrets
        self.dropped = picks_of(self.session, VICTIM)
        self.session.collect("mask")
        self.arrived = dict(self.session.messages["mask"])
        for name in self.dropped:
            del self.session.messages["mask"][name]
        self.session.serve("mask")
        self.session.go("confirm")
        self.ledger = self.session.server._memory._known.ledger
        self.session.collect("unmask")
        self.seed_shares: dict[str, dict[int, bytes]] = {name: {} for name in self.setting.names}
        self.root_shares: dict[str, dict[int, bytes]] = {name: {} for name in self.setting.names}
        survivors = self.session.server.surviving
        for name, message in self.session.messages["unmask"].items():
            point = self.setting.positions[name] + 1
            for kind, owners, shares in (
                (self.seed_shares, survivors, message.seed_shares),
                (self.root_shares, self.dropped, message.root_shares),
            ):
                held = [owner for owner in owners if owner == name or name in picks_of(self.session, owner)]
                for owner, share in zip(held, shares, strict=True):
                    if share is not None:
                        kind[owner][point] = share


@pytest.fixture(scope="module")
def isolated() -> Isolated:
    with pytest.MonkeyPatch.context() as patch:
        return Isolated(patch)


def test_the_attack_goes_unnoticed(isolated: Isolated) -> None:
    """The control: it is within what the setting bears, all honest parties confirm and unmask."""
    session = isolated.session
    assert session.errors == {}
    assert 0 < len(isolated.dropped) <= isolated.setting.dropping
    assert VICTIM in session.server.surviving
    assert set(session.messages["unmask"]) == set(session.server.surviving)


def test_its_self_mask_seed_cannot_be_put_together(isolated: Isolated) -> None:
    """Its holders have dropped out, so the server says, and reveal nothing; it has revealed its own share alone."""
    setting = isolated.setting
    assert set(isolated.seed_shares[VICTIM]) == {setting.positions[VICTIM] + 1}
    assert 1 + setting.corrupt < setting.threshold
    assert shamir.combine(isolated.seed_shares[VICTIM]) != isolated.secrets.seed
    assert isolated.root_shares[VICTIM] == {}


def test_the_dropped_do_not_help_the_server_afterwards(isolated: Isolated) -> None:
    """They have vectors on the way, and confirm no set without themselves."""
    message = isolated.session.replies["mask"][VICTIM]
    for name in isolated.dropped[:3]:
        with pytest.raises(ProtocolError, match=f"leave out '{name}', who sent a vector"):
            isolated.session.parties[name].confirm(message)


def test_nor_does_what_it_learns_of_the_others(isolated: Isolated) -> None:
    """All its pairwise masks come off, as its neighbours' roots are open: the vector is under its self mask still."""
    setting, session = isolated.setting, isolated.session
    digest, pieces = isolated.ledger.view.roster_digest, isolated.ledger.pieces
    bare = setting.unpack(isolated.arrived[VICTIM].vector).copy()
    for peer in isolated.dropped:
        root = shamir.combine(isolated.root_shares[peer])
        keys = KemKeys.from_root(root, setting.digest)
        assert keys.public == session.messages["advertise"][peer].mask_key
        sent = seeds.contribution(root, digest, peer, VICTIM)
        received = open_contribution(pieces[VICTIM][peer], Route(digest, VICTIM, peer), keys)
        put_pair_mask(bare, setting, digest, peer, sent, VICTIM, received)
    assert (bare != session.vectors[VICTIM]).all()
    guess = shamir.combine(isolated.seed_shares[VICTIM]) or bytes(16)
    guessed = bare.copy()
    remove_self_mask(guessed, setting, guess)
    assert (guessed != session.vectors[VICTIM]).all()
    # The control: with the seed it would lie bare.
    remove_self_mask(bare, setting, isolated.secrets.seed)
    np.testing.assert_array_equal(bare, session.vectors[VICTIM])


def test_an_honest_server_would_have_no_sum_of_it(isolated: Isolated) -> None:
    with pytest.raises(ProtocolError, match="1 shares of a secret of 'party-01'"):
        isolated.session.serve("unmask")
    assert isolated.session.total is None


# --- isolation of a victim that is told of other dealers than its holders


class Misled:
    """Half of the victim's picks are kept from its list of dealers, and the other half is dropped.

    Neither is more than d, so nobody sees too few. The victim's masks are all against those that are dropped; those
    that were kept from it hold its shares, are in the sum, and are asked for them.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(party, "pick", unpopular)
        self.setting = sparse_setting(n=29, corrupt=0, dropping=3)
        while VICTIM in self.setting.committee:  # so that the quorum is there without it and the dropped, come what may
            self.setting = sparse_setting(n=29, corrupt=0, dropping=3)
        self.session = Session(self.setting, up=self.up, down=self.down)
        self.session.go("share")
        self.secrets = self.session.parties[VICTIM]._memory._known.secrets
        self.session.absent = dict.fromkeys(self.dropped, "confirm")
        self.session.collect("mask")
        self.arrived = self.session.messages["mask"][VICTIM]
        for name in self.dropped:
            del self.session.messages["mask"][name]
        self.session.serve("mask")
        self.session.go("confirm")
        self.ledger = self.session.server._memory._known.ledger
        self.session.collect("unmask")

    @property
    def hidden(self) -> tuple[str, ...]:
        return picks_of(self.session, VICTIM)[::2]

    @property
    def dropped(self) -> tuple[str, ...]:
        return picks_of(self.session, VICTIM)[1::2]

    def down(self, step: str, name: str, message: Any) -> Any:
        if (step, name) != ("share", VICTIM):
            return message
        return replace(
            message,
            dealers=tuple(dealer for dealer in message.dealers if dealer not in self.hidden),
            deliveries=tuple(item for item in message.deliveries if item.sender not in self.hidden),
        )

    def up(self, step: str, name: str, message: Any) -> Any:
        if (step, name) != ("mask", VICTIM):
            return message
        own = dict(
            zip(self.dropped, message.tags, strict=True)
        )  # for those kept from it, the server has to make one up
        tags = tuple(own.get(pick, message.tags[0]) for pick in picks_of(self.session, VICTIM))
        return replace(message, tags=tags)


@pytest.fixture(scope="module")
def misled() -> Misled:
    with pytest.MonkeyPatch.context() as patch:
        return Misled(patch)


def revealed(misled: Misled, owner: str, holder: str) -> bytes | None:
    """The share of the secret of `owner` that `holder` gave away."""
    session, message = misled.session, misled.session.messages["unmask"][holder]
    kept = owner in session.server.surviving
    owners = session.server.surviving if kept else misled.dropped
    held = [name for name in owners if name == holder or holder in picks_of(session, name)]
    return (message.seed_shares if kept else message.root_shares)[held.index(owner)]


def test_all_but_the_victim_go_on(misled: Misled) -> None:
    """The control: enough confirm and unmask, the victim's holders among them."""
    session, setting = misled.session, misled.setting
    assert set(session.errors) == {VICTIM}
    assert "never delivered" in str(session.errors[VICTIM])
    assert VICTIM in session.server.surviving
    assert set(misled.hidden) <= set(session.messages["unmask"])
    assert max(len(misled.hidden), len(misled.dropped)) <= setting.dropping
    assert len(misled.hidden) >= setting.threshold


def test_its_vector_has_no_mask_that_the_server_does_not_know_but_its_own(misled: Misled) -> None:
    """The control: with the victim's self-mask seed, which its holders have shares enough of, it would lie bare."""
    setting, session = misled.setting, misled.session
    digest, pieces = misled.ledger.view.roster_digest, misled.ledger.pieces
    bare = setting.unpack(misled.arrived.vector).copy()
    for peer in misled.dropped:
        holders = [name for name in picks_of(session, peer) if name in session.messages["unmask"]]
        root = shamir.combine({setting.positions[name] + 1: revealed(misled, peer, name) for name in holders})
        keys = KemKeys.from_root(root, setting.digest)
        assert keys.public == session.messages["advertise"][peer].mask_key
        sent = seeds.contribution(root, digest, peer, VICTIM)
        received = open_contribution(pieces[VICTIM][peer], Route(digest, VICTIM, peer), keys)
        put_pair_mask(bare, setting, digest, peer, sent, VICTIM, received)
    assert (bare != session.vectors[VICTIM]).all()
    remove_self_mask(bare, setting, misled.secrets.seed)
    np.testing.assert_array_equal(bare, session.vectors[VICTIM])


def test_its_holders_withhold_their_shares_of_its_seed(misled: Misled) -> None:
    assert [revealed(misled, VICTIM, name) for name in misled.hidden] == [None] * 3
    with pytest.raises(ProtocolError, match="holders of its shares were told of other dealers"):
        misled.session.serve("unmask")
    assert misled.session.total is None

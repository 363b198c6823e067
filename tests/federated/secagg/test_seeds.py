"""What is derived from what; and a server that puts its own contributions in the place of the parties'."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tacit.federated.secagg import seeds
from tacit.federated.secagg.messages import Piece
from tacit.federated.secagg.pieces import CONTRIBUTION_COMMITMENT_DOMAIN, CONTRIBUTION_DOMAIN, Route
from tacit.federated.secagg.seeds import KemKeys
from tacit.keys.public import sealing_key

from .driver import Session, make_setting, plain_sum, put_pair_mask, remove_self_mask, words

A, B, D, E = bytes(32), b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


def test_pairwise_seeds_depend_on_everything() -> None:
    base = (A, B, D, "a", "b")
    changed = [(B, B, D, "a", "b"), (A, A, D, "a", "b"), (A, B, E, "a", "b"), (A, B, D, "c", "b"), (A, B, D, "a", "c")]
    derived = [seeds.pair_seed(*arguments) for arguments in [base, *changed, (B, A, D, "a", "b"), (A, B, D, "b", "a")]]
    assert len(set(derived)) == len(derived)
    assert {len(seed) for seed in derived} == {16}


def test_contributions_depend_on_everything() -> None:
    base = (A[:16], D, "a", "b")
    changed = [(B[:16], D, "a", "b"), (A[:16], E, "a", "b"), (A[:16], D, "c", "b"), (A[:16], D, "a", "c")]
    assert len({seeds.contribution(*arguments) for arguments in [base, *changed, (A[:16], D, "b", "a")]}) == 6


def test_self_seeds_and_commitments_depend_on_everything() -> None:
    assert len({seeds.self_seed(A[:16], D), seeds.self_seed(B[:16], D), seeds.self_seed(A[:16], E), A[:16]}) == 4
    base = (A[:16], D, "a")
    assert len({seeds.seed_commitment(*a) for a in [base, (B[:16], D, "a"), (A[:16], E, "a"), (A[:16], D, "b")]}) == 4


def test_what_is_derived_for_one_purpose_serves_no_other() -> None:
    domains = (
        seeds.MASK_KEY_DOMAIN,
        seeds.CONTRIBUTION_DOMAIN,
        seeds.PAIR_SEED_DOMAIN,
        seeds.SELF_SEED_DOMAIN,
        seeds.TAG_DOMAIN,
    )
    assert len({seeds._derive(A, D, domain, ("a", "b"), 16) for domain in domains}) == 5
    assert seeds.contribution(A, D, "a", "b")[:16] != seeds.pair_seed(A[:16], A[16:], D, "a", "b")


def test_names_that_read_alike_one_after_the_other_are_told_apart() -> None:
    for derive in (lambda *names: seeds.pair_seed(A, B, D, *names), lambda *names: seeds.contribution(A, D, *names)):
        assert derive("ab", "c") != derive("a", "bc")
    assert Route(D, "ab", "c").context() != Route(D, "a", "bc").context()


def test_what_was_never_sealed_does_not_open() -> None:
    keys = KemKeys.fresh()
    sealed = seeds.seal(sealing_key(keys.public), "domain", b"text", b"context")
    for rubbish in (b"", sealed[:31], sealed[:1120], bytes(len(sealed)), bytes(1088) + sealed[1088:], sealed[:-1]):
        assert keys.open("domain", rubbish, b"context") is None
    # The X25519 half of what is sent along, at either end, is a point of low order, which refuses every exchange.
    for low_order in (bytes(32) + sealed[32:], sealed[:1088] + bytes(32) + sealed[1120:]):
        assert keys.open("domain", low_order, b"context") is None


def test_fresh_keys_are_fresh_and_derived_ones_are_not() -> None:
    assert KemKeys.fresh().public != KemKeys.fresh().public
    assert KemKeys.from_root(A[:16], D).public == KemKeys.from_root(A[:16], D).public
    assert KemKeys.from_root(B[:16], D).public != KemKeys.from_root(A[:16], D).public


def test_a_seal_opens_under_its_key_domain_and_context_only() -> None:
    keys = KemKeys.fresh()
    sealed = seeds.seal(sealing_key(keys.public), "domain", b"text", b"context")
    assert keys.open("domain", sealed, b"context") == b"text"
    assert keys.open("other", sealed, b"context") is None
    assert keys.open("domain", sealed, b"other") is None
    assert KemKeys.fresh().open("domain", sealed, b"context") is None
    assert repr(keys) == "KemKeys(private half hidden)"


def test_the_channel_key_does_not_follow_from_the_root() -> None:
    """Whoever learns the root of a dropped party opens its contributions, and not the shares in its inbox."""
    session = Session(make_setting(n=3, dropping=0)).go("share")
    secrets = session.parties["party-00"]._memory._known.secrets
    derived = KemKeys.from_root(secrets.root, session.setting.digest)
    assert derived.public == secrets.mask.public != secrets.channel.public
    delivery = session.replies["share"]["party-00"].deliveries[0]
    context = Route(session.parties["party-00"]._memory._known.roster_digest, delivery.sender, "party-00").context()
    assert derived.open(CONTRIBUTION_DOMAIN, delivery.piece.contribution, context) is not None
    assert derived.open("tacit secagg sealed shares", delivery.piece.dealing.shares, context) is None


def test_parties_of_the_same_root_have_other_channel_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    urandom, setting = os.urandom, make_setting(n=3, dropping=0)
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size) if size == seeds.SECRET_BYTES else urandom(size))
    first, second = (Session(setting).parties["party-00"].advertise() for _ in range(2))
    assert first.mask_key == second.mask_key
    assert first.channel_key != second.channel_key


def test_secrets_are_fresh_in_each_sum() -> None:
    setting = make_setting(n=3, dropping=0)
    drawn = [Session(setting).go("advertise").parties["party-00"]._memory._known.secrets for _ in range(2)]
    for name in ("root", "seed"):
        assert getattr(drawn[0], name) != getattr(drawn[1], name)
    assert len({drawn[0].root, drawn[0].seed}) == 2
    assert drawn[0].channel.public != drawn[1].channel.public


class Substituting:
    """A malicious server that replaces every contribution by one of its own, sealed and committed to correctly."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], bytes] = {}
        self.session: Session

    def __call__(self, step: str, name: str, message: Any) -> Any:
        if step != "share":
            return message
        return replace(
            message,
            deliveries=tuple(replace(d, piece=self._forge(d.sender, name, d.piece)) for d in message.deliveries),
        )

    def _forge(self, sender: str, recipient: str, piece: Piece) -> Piece:
        route = Route(self.session.parties[recipient]._memory._known.roster_digest, sender, recipient)
        key = {ad.party: ad.mask_key for ad in self.session.replies["advertise"][recipient].advertisements}[recipient]
        own = self.known[sender, recipient] = bytes([len(self.known)]) * 32
        return replace(
            piece,
            contribution=seeds.seal(sealing_key(key), CONTRIBUTION_DOMAIN, own, route.context()),
            contribution_commitment=route.commit(CONTRIBUTION_COMMITMENT_DOMAIN, own),
        )


@pytest.fixture(scope="module")
def substituted() -> tuple[Session, Substituting, dict, dict]:
    server = Substituting()
    session = server.session = Session(make_setting(n=3, dropping=0, length=64), down=server)
    session.go("share")
    secrets = {name: party._memory._known.secrets for name, party in session.parties.items()}
    digest = session.parties["party-00"]._memory._known.roster_digest
    sent = {
        (i, j): seeds.contribution(secrets[i].root, digest, i, j)
        for i, j in itertools.permutations(session.setting.names, 2)
    }
    return session.go(), server, secrets, {"digest": digest, "sent": sent}


def unmask(session: Session, secrets: dict, digest: bytes, name: str, sent: dict, received: dict) -> np.ndarray:
    """The vector of `name`, if its pairwise seeds came from the contributions `sent` and `received`."""
    vector = words(session.setting, session.messages["mask"][name]).copy()
    remove_self_mask(vector, session.setting, secrets[name].seed)
    for peer in session.setting.names:
        if peer != name:
            # Exchanging the two sides takes the mask off again.
            put_pair_mask(vector, session.setting, digest, peer, received[peer, name], name, sent[name, peer])
    return vector


def test_substituted_contributions_go_unnoticed_and_make_the_sum_noise(substituted: tuple) -> None:
    session, *_ = substituted
    assert session.errors == {}
    assert (session.total != plain_sum(session.setting, session.vectors, session.setting.names)).mean() > 0.9


def test_with_both_contributions_a_vector_is_bare(substituted: tuple) -> None:
    """The control: this is how the server would look at a vector, if it knew what the parties sent."""
    session, server, secrets, truth = substituted
    for name in session.setting.names:
        bare = unmask(session, secrets, truth["digest"], name, truth["sent"], server.known)
        np.testing.assert_array_equal(bare, session.vectors[name])


def test_the_server_that_substituted_them_still_knows_no_seed(substituted: tuple) -> None:
    """It has the self-mask seeds and all that it sealed itself; what each party *sent* it does not have."""
    session, server, secrets, truth = substituted
    guesses = [
        server.known,  # its own contributions in both directions
        dict.fromkeys(server.known, bytes(32)),
        {(i, j): server.known[j, i] for i, j in server.known},  # each party's sent one is the one it received
    ]
    for name, sent in itertools.product(session.setting.names, guesses):
        looked_at = unmask(session, secrets, truth["digest"], name, sent, server.known)
        assert (looked_at != session.vectors[name]).mean() > 0.9
    assert not set(server.known.values()) & set(truth["sent"].values())

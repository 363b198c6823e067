"""How a run begins: everyone joins with fresh randomness, and the first who joined leads.

The run's id hashes the agreement and everyone's signed join, so a coordinator can neither replay a run nor tell two
parties of different participants: all later signatures are bound to the id. The group key that blinds totals from
the coordinator is the leader's, sealed to each party's identity.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tacit import canonical
from tacit.errors import IdentityError, ProtocolError
from tacit.federated.blinding import GROUP_KEY_BYTES, GroupKey
from tacit.federated.plan import Plan
from tacit.keys import Identity
from tacit.run.continuing import BEGINNING, MAX_STEPS, Claim, Claims, Start, start_of
from tacit.run.messages import Join, JoinBody, Participants, SignedJoin
from tacit.study import Study

if TYPE_CHECKING:
    from tacit.run.epochs import Epochs

JOIN_DOMAIN = "join of a run"
GRANT_DOMAIN = "group key of a run"
NONCE_BYTES = 32
STEP = "join"


@dataclass(frozen=True)
class Joined:
    """What a party knows once the run has begun."""

    run_id: bytes
    participants: tuple[str, ...]
    histories: dict[str, bytes]
    start: Start
    group_key: GroupKey

    @property
    def leader(self) -> str:
        """The first participant in the order of the agreement: it proposes the bundle."""
        return self.participants[0]


class Joining:
    """One party's joining of one run."""

    def __init__(self, study: Study, plan: Plan | Epochs, identity: Identity, history: bytes, claim: Claim) -> None:
        """Draw this party's nonce, and a group key in case it leads; `claim` is where it could begin."""
        self._study = study
        self._plan = plan
        self._identity = identity
        self._history = history
        self._claim = claim
        self._nonce = os.urandom(NONCE_BYTES)
        self.__secret = os.urandom(GROUP_KEY_BYTES)

    def join(self) -> Join:
        """Return this party's signed join, with its group key sealed to every other party."""
        grants = {
            party.name: party.seal(GRANT_DOMAIN, self.__secret, self._study.digest + self._nonce)
            for party in self._study.parties
            if party != self._identity.public
        }
        body = JoinBody(
            party=self._identity.name,
            study=self._study.digest,
            plan=self._plan.digest,
            nonce=self._nonce,
            history=self._history,
            grants=canonical_digest(grants),
            group_key=commitment(self.__secret, self._nonce),
            marks=self._claim.marks,
            step=self._claim.step,
            lost=self._claim.lost,
        )
        return Join(SignedJoin(body, self._identity.sign(JOIN_DOMAIN, canonical.encode(body))), grants)

    def begin(self, participants: Participants) -> Joined:
        """Check who takes part and take the leader's group key.

        Raises:
            ProtocolError: the coordinator altered, repeated, forged or left out what it may not.
        """
        names = tuple(join.body.party for join in participants.joins)
        ordered = tuple(name for name in self._study.agreement.names if name in names)
        self._require(names == ordered, "the participants are not the agreement's, each once, in its order")
        for join in participants.joins:
            fault = join_fault(self._study, self._plan, join)
            self._require(fault is None, f"passed on a join that it must not: {join.body.party!r} {fault}")
        enough = len(self._study.agreement.parties) - self._study.agreement.trust.dropping
        self._require(len(names) >= enough, f"{len(names)} participants are fewer than the {enough} agreed on")
        mine = [join.body for join in participants.joins if join.body.party == self._identity.name]
        self._require(
            len(mine) == 1 and mine[0].nonce == self._nonce, "our own join is missing or comes from another run"
        )
        leader = participants.joins[0].body
        self._require(leader.grants == canonical_digest(participants.grants), "the leader's grants were altered")
        start = start_of(claims(participants.joins), self._study.agreement.trust.corrupt)
        run_id, histories = run_identity(self._study, participants)
        return Joined(run_id, names, histories, start, GroupKey(self._group_secret(participants, leader), run_id))

    def _group_secret(self, participants: Participants, leader: JoinBody) -> bytes:
        if leader.party == self._identity.name:
            return self.__secret
        sealed = participants.grants.get(self._identity.name, b"")
        try:
            secret = self._identity.open(GRANT_DOMAIN, sealed, leader.study + leader.nonce)
        except IdentityError:
            raise ProtocolError("its group key does not open", culprit=leader.party, step=STEP) from None
        if len(secret) != GROUP_KEY_BYTES or commitment(secret, leader.nonce) != leader.group_key:
            raise ProtocolError("gave another group key than it committed to", culprit=leader.party, step=STEP)
        return secret

    def _require(self, holds: bool, message: str) -> None:
        if not holds:
            raise ProtocolError(message, culprit=self._study.coordinator.name, step=STEP)

    def __repr__(self) -> str:
        return f"Joining({self._identity.name!r})"


def run_identity(study: Study, participants: Participants) -> tuple[bytes, dict[str, bytes]]:
    """Return the run's id, and for each participant the digest of its earlier runs."""
    bodies = [join.body for join in participants.joins]
    run_id = hashlib.sha256(b"tacit run/1\x00" + study.digest + canonical.encode(bodies)).digest()
    return run_id, {body.party: body.history for body in bodies}


def claims(joins: Iterable[SignedJoin]) -> Claims:
    """Return what each participant says of where it could begin."""
    return {join.body.party: Claim(join.body.marks, join.body.step, join.body.lost) for join in joins}


def join_fault(study: Study, plan: Plan | Epochs, join: SignedJoin) -> str | None:
    """Return why `join` is not by a party of this study, under it, or None when it is."""
    body = join.body
    if body.party not in study.agreement.names:
        return "is not a party"
    if body.study != study.digest:
        return "joins under another agreement: compare study.toml byte by byte"
    try:
        study.identities[body.party].verify(JOIN_DOMAIN, canonical.encode(body), join.signature)
    except IdentityError as error:
        return str(error)
    if body.plan != plan.digest:
        return "works out another plan from the same agreement: compare the versions of tacit and dp-accounting"
    known = all(mark == BEGINNING or 0 <= mark.step < len(plan.steps) for mark in body.marks)
    if not known or not 0 <= body.step <= len(plan.steps):
        return "would continue at a step that the plan does not have"
    if not 0 <= body.lost < MAX_STEPS:
        return "counts sums of the statistics that cannot be"
    if BEGINNING in body.marks and Start(0, None, body.lost).given_up(plan) >= len(plan.steps) - 1:
        return "would begin with no round left"
    return None


def grants_fault(study: Study, join: Join) -> str | None:
    """Return why the grants of `join` are not the signed ones, for every other party, or None when they are."""
    body = join.signed.body
    if set(join.grants) != set(study.agreement.names) - {body.party}:
        return "does not grant its group key to every other party"
    if canonical_digest(join.grants) != body.grants:
        return "signed other grants than it sends"
    return None


def commitment(secret: bytes, nonce: bytes) -> bytes:
    """Return what a leader signs of its group key: the others see whether all were given the same."""
    return hashlib.sha256(b"tacit group key commitment/1\x00" + nonce + secret).digest()


def canonical_digest(grants: dict[str, bytes]) -> bytes:
    """Return the SHA-256 of the grants."""
    return hashlib.sha256(b"tacit grants/1\x00" + canonical.encode(grants)).digest()

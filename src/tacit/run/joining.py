"""How a run begins: everyone joins with fresh randomness, and the first who joined leads.

The run's id hashes the agreement and everyone's signed join, so a coordinator can neither replay a run nor tell two
parties of different participants: all later signatures are bound to the id. The group key that blinds totals from
the coordinator is the leader's, sealed to each party's identity.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from tacit import canonical
from tacit.canonical import quote
from tacit.errors import IdentityError, ProtocolError
from tacit.federated.blinding import GROUP_KEY_BYTES, GroupKey
from tacit.keys import Identity
from tacit.run.messages import Join, JoinBody, Participants, SignedJoin
from tacit.study import Study

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
    group_key: GroupKey

    @property
    def leader(self) -> str:
        """The first participant in the order of the agreement: it proposes the bundle."""
        return self.participants[0]


class Joining:
    """One party's joining of one run."""

    def __init__(self, study: Study, identity: Identity, history: bytes) -> None:
        """Draw this party's nonce, and a group key in case it leads."""
        self._study = study
        self._identity = identity
        self._history = history
        self._nonce = os.urandom(NONCE_BYTES)
        self.__secret = os.urandom(GROUP_KEY_BYTES)

    def join(self) -> Join:
        """Return this party's signed join, with its group key sealed to every other party."""
        grants = {
            party.name: party.seal(GRANT_DOMAIN, self.__secret, self._study.digest + self._nonce)
            for party in self._study.parties
            if party != self._identity.public
        }
        body = JoinBody(self._identity.name, self._study.digest, self._nonce, self._history, canonical_digest(grants))
        return Join(SignedJoin(body, self._identity.sign(JOIN_DOMAIN, canonical.encode(body))), grants)

    def begin(self, participants: Participants) -> Joined:
        """Check who takes part and take the leader's group key.

        Raises:
            ProtocolError: the coordinator altered, repeated, forged or left out what it may not.
        """
        names = tuple(join.body.party for join in participants.joins)
        for join in participants.joins:
            check_join(self._study, join)
        ordered = tuple(name for name in self._study.agreement.names if name in names)
        self._require(names == ordered, "the participants are not the agreement's, each once, in its order")
        enough = len(self._study.agreement.parties) - self._study.agreement.trust.dropping
        self._require(len(names) >= enough, f"{len(names)} participants are fewer than the {enough} agreed on")
        mine = [join.body for join in participants.joins if join.body.party == self._identity.name]
        self._require(
            len(mine) == 1 and mine[0].nonce == self._nonce, "our own join is missing or comes from another run"
        )
        leader = participants.joins[0].body
        self._require(leader.grants == canonical_digest(participants.grants), "the leader's grants were altered")
        run_id, histories = run_identity(self._study, participants)
        return Joined(run_id, names, histories, GroupKey(self._group_secret(participants, leader), run_id))

    def _group_secret(self, participants: Participants, leader: JoinBody) -> bytes:
        if leader.party == self._identity.name:
            return self.__secret
        sealed = participants.grants.get(self._identity.name, b"")
        try:
            secret = self._identity.open(GRANT_DOMAIN, sealed, leader.study + leader.nonce)
        except IdentityError:
            raise ProtocolError("its group key does not open", culprit=leader.party, step=STEP) from None
        if len(secret) != GROUP_KEY_BYTES:
            raise ProtocolError("its group key has the wrong length", culprit=leader.party, step=STEP)
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


def check_join(study: Study, join: SignedJoin) -> None:
    """Check that a party of this study signed `join`.

    Raises:
        ProtocolError: it did not.
    """
    body = join.body
    fault = None
    if body.party not in study.agreement.names:
        fault = "is not a party"
    elif body.study != study.digest:
        fault = "joins under another agreement: compare study.toml byte by byte"
    elif len(body.nonce) != NONCE_BYTES or len(body.history) != 32 or len(body.grants) != 32:
        fault = "sends a malformed join"
    else:
        try:
            study.identities[body.party].verify(JOIN_DOMAIN, canonical.encode(body), join.signature)
        except IdentityError as error:
            fault = str(error)
    if fault:
        raise ProtocolError(fault, culprit=quote(body.party[:40]), step=STEP)


def canonical_digest(grants: dict[str, bytes]) -> bytes:
    """Return the SHA-256 of the grants."""
    return hashlib.sha256(b"tacit grants/1\x00" + canonical.encode(grants)).digest()

"""The end of a run: the leader proposes the bundle, everyone checks it against its own result, everyone signs."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from itertools import groupby
from typing import Any

from tacit.bundle import (
    Bundle,
    NoisyRelease,
    Outcome,
    PrivacyLedger,
    check_proposal,
    propose,
    sign,
)
from tacit.errors import FormatError, ProofError, ProtocolError
from tacit.federated.plan import Step
from tacit.graph import Graph
from tacit.keys import Identity
from tacit.run.joining import Joined
from tacit.run.messages import (
    CoordinatorMessage,
    ManifestSignature,
    ManifestSignatures,
    PartyMessage,
    Proposal,
    Ready,
    Signers,
)
from tacit.run.record import Record
from tacit.run.talk import ask, of_kind, require_enough
from tacit.study import Agreement, Study

STEP = "seal"
ADJACENCY = {
    "record": "two data sets are neighbours when one has one more row, at any one party",
    "party": "two data sets are neighbours when one has one more party, with all of its rows",
    "none": "no privacy is claimed",
}


def seal_as_party(
    study: Study,
    identity: Identity,
    joined: Joined,
    record: Record,
    steps: Sequence[Step],
    epsilon: float,
    graph: Graph,
) -> Generator[PartyMessage, CoordinatorMessage, Bundle]:
    """Agree with the others on the bundle and sign it.

    Raises:
        ProtocolError: the proposal or a signature is not what it should be; names who is at fault.
    """
    coordinator = study.coordinator.name
    signers = (yield from ask(Ready(), Signers, STEP, coordinator)).parties
    _check_signers(study, joined, identity.name, signers)
    outcome = Outcome(
        study=study,
        run=joined.run_id,
        graph=graph.to_bytes(),
        content_key=joined.group_key.derive("content key"),
        salt=joined.group_key.derive("model salt"),
        ledger=privacy_ledger(study.agreement, steps, epsilon),
        log=record.head,
        signers=signers,
    )
    leader = signers[0]
    mine = propose(outcome) if leader == identity.name else None
    opening: PartyMessage = Proposal(mine.manifest, mine.payload) if mine else Ready()
    proposal = yield from ask(opening, Proposal, STEP, coordinator)
    if mine is not None and (proposal.manifest, proposal.payload) != mine:
        raise ProtocolError("altered our own proposal", culprit=coordinator, step=STEP)
    check_proposal(proposal.manifest, proposal.payload, outcome, identity, proposer=leader)
    signature = ManifestSignature(sign(identity, proposal.manifest))
    signatures = yield from ask(signature, ManifestSignatures, STEP, coordinator)
    return _assemble(study, proposal, signatures.signatures, coordinator)


def seal_as_coordinator(
    study: Study, answers: Mapping[str, PartyMessage], emit: Any
) -> Generator[Mapping[str, CoordinatorMessage], Mapping[str, PartyMessage], Bundle]:
    """Carry the proposal and the signatures; returns the bundle.

    Raises:
        ProtocolError: someone whose signature is needed is missing.
    """
    ready = of_kind(answers, Ready, emit)
    signers = tuple(name for name in study.agreement.names if name in ready)
    require_enough(study, signers, STEP)
    answers = yield dict.fromkeys(signers, Signers(signers))
    proposal = answers.get(signers[0])
    if not isinstance(proposal, Proposal):
        raise ProtocolError("made no proposal", culprit=signers[0], step=STEP)
    answers = yield dict.fromkeys(signers, proposal)
    signatures = {name: answer.signature for name, answer in of_kind(answers, ManifestSignature, emit).items()}
    missing = [name for name in signers if name not in signatures]
    if missing:
        raise ProtocolError("trained but did not sign the result", culprit=", ".join(missing), step=STEP)
    bundle = _assemble(study, proposal, signatures, signers[0])
    yield dict.fromkeys(signers, ManifestSignatures(signatures))
    return bundle


def privacy_ledger(agreement: Agreement, steps: Sequence[Step], epsilon: float) -> PrivacyLedger:
    """Return what the run spent, or why it claims nothing."""
    void = ""
    if agreement.privacy.unit == "none":
        void = "the agreement asks for no differential privacy"
    elif agreement.insecure is not None:
        void = "TEST SEED: the noise can be predicted, so there is no privacy at all"
    releases = []
    for (kind, multiplier, sensitivity), group in groupby(
        steps, key=lambda step: (step.kind, step.multiplier, step.encoding.norm_bound)
    ):
        releases.append(NoisyRelease(kind, len(list(group)), multiplier, sensitivity))
    return PrivacyLedger(
        unit=agreement.privacy.unit,
        adjacency=ADJACENCY[agreement.privacy.unit],
        epsilon_budget=float(agreement.privacy.epsilon),
        epsilon_spent=float(epsilon),
        delta=float(agreement.privacy.delta),
        void=void,
        releases=tuple(releases),
    )


def _check_signers(study: Study, joined: Joined, me: str, signers: tuple[str, ...]) -> None:
    ordered = tuple(name for name in joined.participants if name in signers)
    enough = len(study.agreement.parties) - study.agreement.trust.dropping
    if signers != ordered or me not in signers or len(signers) < enough:
        raise ProtocolError("names signers that cannot be", culprit=study.coordinator.name, step=STEP)


def _assemble(study: Study, proposal: Proposal, signatures: Mapping[str, bytes], messenger: str) -> Bundle:
    """Return the bundle once everything in it verifies; `messenger` brought the signatures."""
    try:
        return Bundle.assemble(study, proposal.manifest, signatures, proposal.payload)
    except (FormatError, ProofError) as error:
        raise ProtocolError(str(error), culprit=messenger, step=STEP) from None

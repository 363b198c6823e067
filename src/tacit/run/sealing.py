"""The end of a run: the leader proposes the bundle, everyone checks it against its own result, everyone signs."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from itertools import groupby

from tacit.bundle import (
    Bundle,
    Manifest,
    NoisyRelease,
    Outcome,
    PrivacyLedger,
    Rounds,
    check_proposal,
    propose,
    sign,
)
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.errors import FormatError, IdentityError, ProofError, ProtocolError
from tacit.federated.plan import Plan, releases_of
from tacit.federated.privacy import Accountant
from tacit.graph import Graph
from tacit.keys import Identity
from tacit.run.continuing import Start
from tacit.run.events import Event
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
from tacit.run.talk import Emit, expect, of_kind, require_enough
from tacit.study import Agreement, Study

STEP = "seal"
ADJACENCY = {
    "record": "two data sets are neighbours when one has one more row, at any one party",
    "party": "two data sets are neighbours when in one of them a party, with all its rows, contributes nothing",
    "none": "no privacy is claimed",
}


def seal_as_party(
    study: Study,
    identity: Identity,
    joined: Joined,
    record: Record,
    ledger: PrivacyLedger,
    rounds: Rounds,
    graph: Graph,
) -> Generator[PartyMessage, CoordinatorMessage, Bundle]:
    """Agree with the others on the bundle and sign it.

    Raises:
        ProtocolError: the proposal or a signature is not what it should be; names who is at fault.
    """
    answer: CoordinatorMessage = yield Ready()
    left, most = joined.participants, len(joined.participants)
    while True:
        signers = expect(answer, Signers, STEP, study.coordinator.name).parties
        _check_signers(study, left, identity.name, signers, most)
        outcome = Outcome(
            study=study,
            run=joined.run_id,
            graph=graph.to_bytes(),
            content_key=joined.group_key.derive("content key"),
            salt=joined.group_key.derive("model salt"),
            ledger=ledger,
            rounds=rounds,
            log=record.head,
            signers=signers,
        )
        done = yield from _sign(outcome, identity)
        if isinstance(done, Bundle):
            return done
        # Somebody was lost before all had signed. Each time there are fewer signers, so this ends.
        answer, left, most = done, signers, len(signers) - 1


def _sign(own: Outcome, identity: Identity) -> Generator[PartyMessage, CoordinatorMessage, Bundle | Signers]:
    """Propose or check, and sign; returns the bundle, or the fewer signers with whom to begin again."""
    study, coordinator, leader = own.study, own.study.coordinator.name, own.signers[0]
    mine = _propose(own, identity) if leader == identity.name else None
    answer = yield mine or Ready()
    if isinstance(answer, Signers):
        return answer
    proposal = expect(answer, Proposal, STEP, coordinator)
    if mine is not None and proposal != mine:
        raise ProtocolError("altered our own proposal", culprit=coordinator, step=STEP)
    fault = _proposal_fault(study, proposal, leader)
    if fault:
        raise ProtocolError(f"passed on a proposal that it must not: {fault}", culprit=coordinator, step=STEP)
    check_proposal(proposal.manifest, proposal.payload, own, identity, proposer=leader)
    answer = yield ManifestSignature(sign(identity, proposal.manifest))
    if isinstance(answer, Signers):
        return answer
    signatures = expect(answer, ManifestSignatures, STEP, coordinator).signatures
    return _assemble(study, proposal, signatures, coordinator)


def seal_as_coordinator(
    study: Study, record: Record, answers: Mapping[str, PartyMessage], emit: Emit
) -> Generator[Mapping[str, CoordinatorMessage], Mapping[str, PartyMessage], Bundle]:
    """Carry the proposal and the signatures; returns the bundle.

    Whoever is lost before all have signed is left out, and the others begin again without it.

    Raises:
        ProtocolError: fewer are left than have to sign; names who is missing.
    """
    left: Mapping[str, PartyMessage] = of_kind(answers, Ready, emit)
    while True:
        signers = tuple(name for name in study.agreement.names if name in left)
        require_enough(study, signers, STEP)
        answers = yield dict.fromkeys(signers, Signers(signers))
        leader, *others = signers
        proposal = _good_proposal(study, record, signers, answers, emit)
        waiting = of_kind({name: answers[name] for name in others if name in answers}, Ready, emit)
        if proposal is None:
            left = waiting
        elif len(waiting) < len(others):
            left = {leader: proposal, **waiting}
        else:
            answers = yield dict.fromkeys(signers, proposal)
            signatures = _true_signatures(study, proposal, of_kind(answers, ManifestSignature, emit), emit)
            if len(signatures) == len(signers):
                bundle = _assemble(study, proposal, signatures, leader)
                yield dict.fromkeys(signers, ManifestSignatures(signatures))
                return bundle
            _refuse_lone_leader(study, leader, [name for name in signers if name not in signatures])
            left = {name: answers[name] for name in signatures}


def privacy_ledger(agreement: Agreement, plan: Plan, lost: int) -> PrivacyLedger:
    """Return what the whole plan spends, or why nothing is claimed; `lost` sums of the statistics are paid with rounds.

    A run that was continued has charged each step of the plan at most once, like any other; that the total of one was
    lost makes it no more private. So the ledger follows from the agreement, and is the same at every party.
    """
    steps = plan.steps[:1] * lost + Start(0, None, lost).steps(plan)
    void = ""
    if agreement.privacy.unit == "none":
        void = "the agreement asks for no differential privacy"
    elif agreement.insecure is not None:
        void = "TEST SEED: the noise can be predicted, so there is no privacy at all"
    releases = []
    noisy = [step for step in steps if step.multiplier > 0]
    for (kind, multiplier, sensitivity), group in groupby(
        noisy, key=lambda step: (step.kind, step.multiplier, step.encoding.norm_bound)
    ):
        releases.append(NoisyRelease(kind, len(list(group)), multiplier, sensitivity))
    return PrivacyLedger(
        unit=agreement.privacy.unit,
        adjacency=ADJACENCY[agreement.privacy.unit],
        epsilon_budget=float(agreement.privacy.epsilon),
        epsilon_spent=Accountant(agreement.privacy).after(releases_of(steps)),
        delta=float(agreement.privacy.delta),
        void=void,
        releases=tuple(releases),
    )


def _propose(own: Outcome, identity: Identity) -> Proposal:
    manifest, payload = propose(own)
    return Proposal(manifest, payload, sign(identity, manifest))


def _proposal_fault(study: Study, proposal: Proposal, leader: str) -> str | None:
    """Return why `proposal` is not what its `leader` signed, or None when it is: nobody passes on another one."""
    try:
        study.identities[leader].verify(SIGNING_DOMAIN, proposal.manifest, proposal.signature)
        manifest = Manifest.decode(proposal.manifest)
    except (IdentityError, FormatError) as error:
        return str(error)
    if hashlib.sha256(proposal.payload).digest() != manifest.model.payload_digest:
        return "its payload is not the one that its manifest states"
    return None


def _good_proposal(
    study: Study, record: Record, signers: tuple[str, ...], answers: Mapping[str, PartyMessage], emit: Emit
) -> Proposal | None:
    """Return what the first of `signers` proposes, if it may be passed on; if not, it is told why."""
    proposal = of_kind({name: answers[name] for name in signers[:1] if name in answers}, Proposal, emit).get(signers[0])
    fault = None if proposal is None else _record_fault(study, record, proposal, signers)
    if fault:
        emit(Event("dropped", {"party": signers[0], "reason": fault}))
        return None
    return proposal


def _record_fault(study: Study, record: Record, proposal: Proposal, signers: tuple[str, ...]) -> str | None:
    """Return what the coordinator can see to be wrong with a proposal, so that it blames nobody who refuses it."""
    fault = _proposal_fault(study, proposal, signers[0])
    if fault:
        return fault
    manifest = Manifest.decode(proposal.manifest)
    stated = (manifest.agreement, manifest.run, manifest.log, manifest.signers)
    return None if stated == (study.digest, record.run_id, record.head, signers) else "proposed another run's result"


def _true_signatures(
    study: Study, proposal: Proposal, answers: Mapping[str, ManifestSignature], emit: Emit
) -> dict[str, bytes]:
    """Return the signatures that hold; whose does not is told."""
    true = {}
    for name, answer in answers.items():
        try:
            study.identities[name].verify(SIGNING_DOMAIN, proposal.manifest, answer.signature)
            true[name] = answer.signature
        except IdentityError as error:
            emit(Event("dropped", {"party": name, "reason": str(error)}))
    return true


def _refuse_lone_leader(study: Study, leader: str, refusing: list[str]) -> None:
    """Blame the leader, and not those who refuse its proposal, where some of them have to be honest and there."""
    trust = study.agreement.trust
    if leader not in refusing and len(refusing) > trust.corrupt + trust.dropping:
        raise ProtocolError(f"proposed a result that {', '.join(refusing)} did not sign", culprit=leader, step=STEP)


def _check_signers(study: Study, left: tuple[str, ...], me: str, signers: tuple[str, ...], most: int) -> None:
    ordered = tuple(name for name in left if name in signers)
    enough = len(study.agreement.parties) - study.agreement.trust.dropping
    if signers != ordered or me not in signers or not enough <= len(signers) <= most:
        raise ProtocolError("names signers that cannot be", culprit=study.coordinator.name, step=STEP)


def _assemble(study: Study, proposal: Proposal, signatures: Mapping[str, bytes], messenger: str) -> Bundle:
    """Return the bundle once everything in it verifies; `messenger`, who brought the parts, had to see to it."""
    try:
        return Bundle.assemble(study, proposal.manifest, signatures, proposal.payload)
    except (FormatError, ProofError, ProtocolError) as error:
        raise ProtocolError(str(error), culprit=messenger, step=STEP) from None

"""The coordinator's side of a run, as a generator: it yields what to say to each party and is sent their answers.

It carries messages and adds up masked vectors. Whoever does not answer in time, or answers wrongly, is left out
from then on; with fewer parties than the agreement asks for, the run stops and says who was missing.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from tacit.bundle import Bundle
from tacit.federated.plan import Plan, Step
from tacit.federated.robust import GroupedServer
from tacit.federated.secagg.messages import Advertisement, Confirmation, MaskedVector, Shares, Unmasking
from tacit.run.computing import compute_as_coordinator
from tacit.run.continuing import Start, left_out, start_of
from tacit.run.epochs import Epochs
from tacit.run.events import Event, joined_event
from tacit.run.joining import claims, grants_fault, join_fault, run_identity
from tacit.run.messages import CoordinatorMessage, Join, Participants, PartyMessage, Ready, Total
from tacit.run.preparing import make_plan
from tacit.run.record import Record
from tacit.run.sealing import seal_as_coordinator
from tacit.run.talk import Emit, of_kind, require_enough
from tacit.study import Study

Outgoing = Mapping[str, CoordinatorMessage]
Answers = Mapping[str, PartyMessage]
CoordinatorSteps = Generator[Outgoing, Answers, Any]


def coordinator_steps(study: Study, emit: Emit) -> CoordinatorSteps:
    """Coordinate one run; returns the sealed `Bundle`, which the coordinator can verify but not open.

    The first thing yielded is empty: the parties speak first.

    Raises:
        AgreementError: not signed by all.
        ProtocolError: too few parties are left; names who is missing and why.
    """
    study.require_signed()
    plan = make_plan(study.agreement)
    joins = yield {}
    participants, names = _begin(study, plan, joins, emit)
    start = start_of(claims(participants.joins), study.agreement.trust.corrupt)
    run_id, histories = run_identity(study, participants)
    record = Record(study, study.coordinator.name, run_id, names, histories, start)
    emit(joined_event(run_id, names, start))
    answers: Answers = yield dict.fromkeys(names, participants)
    if isinstance(plan, Epochs):
        answers = yield from compute_as_coordinator(study, record, answers)
    else:
        answers = yield from _sums(study, plan, start, record, answers, emit)
    bundle: Bundle = yield from seal_as_coordinator(study, record, answers, emit)
    record.sealed(bundle.encode())
    emit(Event("sealed", {"signers": list(bundle.manifest.signers)}))
    return bundle


def _sums(
    study: Study, plan: Plan, start: Start, record: Record, answers: Answers, emit: Emit
) -> Generator[Outgoing, Answers, Answers]:
    """Carry all secure sums that are left to take; returns the parties' answers to the last totals."""
    for step in start.steps(plan):
        if _stopped(study, answers):
            break
        answers = yield from _sum(study, plan, step, record, answers, emit)
    return answers


def _stopped(study: Study, answers: Answers) -> bool:
    """Return whether the parties have stopped early, by what most of them say: the coordinator sees no loss.

    All honest parties decide alike, so whoever says something else is left out where that answer is looked at.
    """
    ready = sum(isinstance(answer, Ready) for answer in answers.values())
    return study.agreement.training.patience > 0 and 2 * ready > len(answers)


def _begin(study: Study, plan: Plan | Epochs, joins: Answers, emit: Emit) -> tuple[Participants, tuple[str, ...]]:
    """Return the participants' message and their names, in the agreement's order."""
    good: dict[str, Join] = {}
    for name, join in of_kind(joins, Join, emit).items():
        fault = _join_fault(study, plan, name, join)
        if fault:
            emit(Event("dropped", {"party": name, "reason": fault}))
        else:
            good[name] = join
    trust = study.agreement.trust
    enough = len(study.agreement.parties) - trust.dropping
    apart = left_out(claims(join.signed for join in good.values()), enough, trust.corrupt)
    for name, reason in apart.items():
        emit(Event("dropped", {"party": name, "reason": reason}))
    names = tuple(name for name in study.agreement.names if name in good and name not in apart)
    require_enough(study, names, "join")
    return Participants(tuple(good[name].signed for name in names), good[names[0]].grants), names


def _join_fault(study: Study, plan: Plan | Epochs, name: str, join: Join) -> str | None:
    if join.signed.body.party != name:
        return "joins in another's name"
    return join_fault(study, plan, join.signed) or grants_fault(study, join)


def _sum(
    study: Study, plan: Plan, step: Step, record: Record, answers: Answers, emit: Emit
) -> Generator[Outgoing, Answers, Answers]:
    """Carry a step's secure sums, of one group or more; returns the parties' answers to their totals."""
    settings = record.settings(step)
    server, there = GroupedServer(settings), set(answers)
    answers = yield server.roster(of_kind(answers, Advertisement, emit))
    answers = yield server.inboxes(of_kind(answers, Shares, emit))
    record.charge(step)
    answers = yield server.survivors(of_kind(answers, MaskedVector, emit))
    confirmed = server.confirmations(of_kind(answers, Confirmation, emit))
    answers = yield {name: reply for name, reply in confirmed.items() if name not in server.excluded}
    unmaskings = of_kind(answers, Unmasking, emit)
    words = [setting.pack(each) for setting, each in zip(settings, server.result(unmaskings), strict=True)]
    record.total(step, server.surviving, words)
    for name, reason in server.excluded.items():
        if name in there:  # of those who were lost before, it was told then
            emit(Event("dropped", {"party": name, "reason": reason}))
    left = [name for name in unmaskings if name not in server.excluded]
    require_enough(study, left, f"unmask of {step.kind} {step.index}")
    survivors = sum(len(group) for group in server.surviving)
    emit(Event(step.kind, {"step": step.index, "steps": len(plan.steps) - 1, "survivors": survivors}))
    return (yield dict.fromkeys(left, Total(b"".join(words), server.surviving)))

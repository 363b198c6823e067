"""A party's side of a run, as a generator: it yields what the party says and is sent what the coordinator says.

    join -> [advertise -> share -> mask -> confirm -> unmask] for every step of the plan -> propose or check -> sign

Nothing in it opens a socket or reads a clock.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tacit.bundle import Bundle, Rounds
from tacit.bundle.personal import save_personal
from tacit.data import Table
from tacit.errors import AgreementError, BudgetError, ProtocolError, TacitError
from tacit.federated.plan import Plan, Step, make_plan, releases_of
from tacit.federated.privacy import Accountant
from tacit.federated.secagg import AggregationParty, Setting
from tacit.federated.secagg.messages import Confirmations, Inbox, Roster, Survivors
from tacit.federated.training import FederatedTraining, Words
from tacit.keys import Identity
from tacit.run.checkpoint import Checkpoint
from tacit.run.continuing import BEGINNING, Claim, Start, own_claim
from tacit.run.events import Event, joined_event
from tacit.run.joining import Joined, Joining
from tacit.run.messages import CoordinatorMessage, Participants, PartyMessage, Total
from tacit.run.record import Record, history_digest
from tacit.run.sealing import privacy_ledger, seal_as_party
from tacit.run.talk import Emit, ask
from tacit.study import Study

if TYPE_CHECKING:
    from tacit.run.computing import Compute

PartySteps = Generator[PartyMessage, CoordinatorMessage, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class PartyResult:
    """What a party has at the end: the sealed bundle, and what fixed point changed on its own rows, if it has them."""

    bundle: Bundle
    fixed_point: dict[str, Any] | None


def party_steps(
    study: Study, identity: Identity, table: Table, emit: Emit, compute: Compute | None = None
) -> PartySteps:
    """Take part in one run with `table`; returns a `PartyResult`.

    While it takes part, nothing else may do so under this name in this study folder. Where the agreement's method is
    `mpc`, `compute` trains with the two others (see `tacit.run.computing`).

    Raises:
        AgreementError: not signed by all, this identity is no party of it, or it is in another run already.
        BudgetError: earlier runs have spent the budget.
        ProtocolError: the coordinator or another party broke the protocol.
    """
    if study.role_of(identity.public) != "party":
        raise AgreementError(f"{identity.name!r} is not a party of the study {study.agreement.name!r}")
    study.require_signed()
    if study.agreement.training.method == "mpc":
        return (yield from _compute(study, identity, table, emit, compute))
    plan = make_plan(study.agreement)
    with study.running(identity.name):
        return (yield from _take_part(study, identity, table, plan, emit))


def _compute(study: Study, identity: Identity, table: Table, emit: Emit, compute: Compute | None) -> PartySteps:
    from tacit.run.computing import compute_as_party
    from tacit.run.epochs import make_epochs

    if compute is None:
        raise ValueError("where training.method is 'mpc', a function is needed that computes with the others")
    plan = make_epochs(study.agreement)
    with study.running(identity.name):
        return PartyResult(*(yield from compute_as_party(study, identity, table, plan, compute, emit)))


def _take_part(study: Study, identity: Identity, table: Table, plan: Plan, emit: Emit) -> PartySteps:
    logs, checkpoint = study.run_logs(identity.name), Checkpoint(study, identity)
    accountant = Accountant(study.agreement.privacy, logs)
    claim = _claim(study, plan, accountant, own_claim(logs, checkpoint.marks))
    training = FederatedTraining(study.agreement, plan, table, identity.name)
    joining = Joining(study, plan, identity, history_digest(study, identity.name), claim)
    joined = yield from _join(study, joining)
    if joined.start.after is not None:
        training.restore(checkpoint.state(joined.start.after), joined.start.step)
    training.give_up(joined.start.given_up(plan))
    checkpoint.go_back_to(joined.start.after or BEGINNING)
    record = Record(study, identity.name, joined.run_id, joined.participants, joined.histories, joined.start)
    emit(joined_event(joined.run_id, joined.participants, joined.start))
    member = _Member(study, identity, joined, record, accountant, training)
    for step in joined.start.steps(plan):
        if training.stopped:
            break
        shown = yield from member.take(step)
        checkpoint.keep(record.mark(step), training.state())
        emit(Event(step.kind, {"step": step.index, "steps": len(plan.steps) - 1, **shown}))
    graph = training.graph()
    fixed_point = training.fixed_point_loss(graph)
    emit(Event("model", {"own": fixed_point}))
    ledger = privacy_ledger(study.agreement, plan, joined.start.lost)
    rounds = Rounds(len(plan.steps) - 1, training.rounds_taken)
    bundle = yield from seal_as_party(study, identity, joined, record, ledger, rounds, graph)
    # All have signed: whatever fails from here on, the bundle is worth more, and is returned.
    sealed = {"signers": list(bundle.manifest.signers), "epsilon": ledger.epsilon_spent}
    try:
        record.sealed(bundle.encode())
        checkpoint.forget()
    except TacitError as error:
        sealed["reason"] = f"the run's end is not in the log: {error}"
    emit(Event("sealed", sealed))
    _keep_personal(study, identity, training, bundle, emit)
    return PartyResult(bundle, fixed_point)


def _claim(study: Study, plan: Plan, accountant: Accountant, claim: Claim) -> Claim:
    """Return what to join with: `claim`, and whether it could begin anew.

    Raises:
        BudgetError: what is left does not pay for what would have to be taken.
    """
    if study.agreement.privacy.unit == "none":
        claim = claim._replace(lost=0)  # exact statistics are taken again at no cost
    anew, rounds = Start(0, None, claim.lost), len(plan.steps) - 1
    possible = anew.given_up(plan) < rounds
    if claim.marks:
        accountant.require(plan.releases(claim.step))
        # Past the statistics nobody begins anew; but their total may have come to this party alone.
        if claim.marks[0].step > 0 or not possible or not accountant.fits(releases_of(anew.steps(plan))):
            return claim
    elif not possible:
        raise BudgetError(
            f"{claim.lost} runs broke off during the statistics, each at the cost of {plan.statistics_in_rounds} of "
            f"{rounds} rounds, and no round is left: agree on a new study with a new budget"
        )
    else:
        accountant.require(releases_of(anew.steps(plan)))
    return claim._replace(marks=(*claim.marks, BEGINNING))


def _keep_personal(study: Study, identity: Identity, training: FederatedTraining, bundle: Bundle, emit: Emit) -> None:
    """Where the agreement wants it, keep a model with a last layer of this party's own, in its folder of the study."""
    if study.agreement.training.personal == "none":
        return
    try:
        graph, report = training.personal_graph()
        path = study.member_folder(identity.name) / "personal-model"
        save_personal(path, graph, bundle, identity)
    except (TacitError, ArithmeticError, ValueError, RuntimeError, MemoryError, OSError) as error:
        # What happened depends on this party's rows: it is for its owner's eyes.
        emit(Event("personal", {"own": {"reason": str(error)}}))
        return
    emit(Event("personal", {"own": {"path": str(path), **report}}))


class _Member:
    """One party's view of the steps of a run."""

    def __init__(
        self,
        study: Study,
        identity: Identity,
        joined: Joined,
        record: Record,
        accountant: Accountant,
        training: FederatedTraining,
    ) -> None:
        self._study = study
        self._identity = identity
        self._joined = joined
        self._record = record
        self._accountant = accountant
        self._training = training

    def take(self, step: Step) -> PartySteps:
        """Take part in the secure sum of one's group and learn from all groups' totals; returns what may be shown."""
        settings = self._record.settings(step)
        place = next(place for place, setting in enumerate(settings) if self._identity.name in setting.names)
        aggregation = AggregationParty(settings[place], self._identity)
        roster = yield from self._ask(aggregation.advertise(), Roster, "share", step)
        inbox = yield from self._ask(aggregation.share(roster), Inbox, "mask", step)
        words = self._contribution(step)
        survivors = yield from self._ask(aggregation.mask(inbox, words), Survivors, "confirm", step)
        confirmations = yield from self._ask(aggregation.confirm(survivors), Confirmations, "unmask", step)
        total = yield from self._ask(aggregation.unmask(confirmations), Total, "total", step)
        self._require(total.survivors[place : place + 1] == (survivors.parties,), "sums others than were confirmed")
        return self._learn(step, settings, total)

    def _contribution(self, step: Step) -> Words:
        self._accountant.charge(step.multiplier)
        self._record.charge(step)
        words = self._training.contribution(step)
        self._joined.group_key.blind(words, step.index, self._identity.name)
        return words

    def _learn(self, step: Step, settings: tuple[Setting, ...], total: Total) -> dict[str, Any]:
        # Of other groups a party has the coordinator's word alone: a lie makes their totals wrong, and no more, and one
        # that not all are told stops the next step, since the log's head differs.
        self._require(len(total.survivors) == len(settings), "names the survivors of other groups than there are")
        for setting, survivors in zip(settings, total.survivors, strict=True):
            known = setting.in_order(survivors) == survivors and len(survivors) >= setting.minimum_survivors
            self._require(known, "names survivors that cannot be")
        parts = self._parts(settings, total.words)
        words = [self._unblinded(step, *each) for each in zip(settings, parts, total.survivors, strict=True)]
        self._record.total(step, total.survivors, parts)
        present = [len(survivors) for survivors in total.survivors]
        shown = self._training.apply_groups(step, words, present)
        return {**shown, "survivors": sum(present), "epsilon": self._accountant.epsilon}

    def _parts(self, settings: tuple[Setting, ...], packed: bytes) -> list[bytes]:
        size = settings[0].vector_bytes
        whole = size * len(settings)
        self._require(len(packed) == whole, f"the total of {len(packed)} bytes is not one of {whole}")
        return [packed[start : start + size] for start in range(0, whole, size)]

    def _unblinded(self, step: Step, setting: Setting, part: bytes, survivors: tuple[str, ...]) -> Words:
        words = setting.unpack(part)
        if words is None:
            raise ProtocolError("the total is not packed words", culprit=setting.coordinator, step="total")
        self._joined.group_key.unblind(words, step.index, survivors)
        return words

    def _require(self, holds: bool, message: str) -> None:
        if not holds:
            raise ProtocolError(message, culprit=self._study.coordinator.name, step="total")

    def _ask(self, message: PartyMessage, kind: type[T], next_step: str, step: Step) -> Generator[Any, Any, T]:
        where = f"{next_step} of {step.kind} {step.index}"
        return (yield from ask(message, kind, where, self._study.coordinator.name))


def _join(study: Study, joining: Joining) -> Generator[Any, Any, Joined]:
    participants = yield from ask(joining.join(), Participants, "join", study.coordinator.name)
    return joining.begin(participants)

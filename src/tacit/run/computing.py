"""A run by multi-party computation, as generators: join, compute, then seal as every run does.

What happens between joining and sealing is not said through the coordinator, but among the three parties. So the
party's generator is given a function that does it, and knows neither sockets nor clocks itself. The coordinator waits;
when parties come back with an error, it says whom it has lost, since a party that only sees a neighbour hang up cannot
know whether that one died, or hung up because the third did.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from tacit.bundle import Bundle, PrivacyLedger, Rounds
from tacit.canonical import quote
from tacit.data import Table
from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity
from tacit.mpc.storage import Storage
from tacit.run.epochs import Epochs
from tacit.run.events import Event, joined_event
from tacit.run.joining import Joined, Joining
from tacit.run.messages import CoordinatorMessage, Failed, Lost, Participants, PartyMessage, Stop
from tacit.run.record import Record, history_digest
from tacit.run.sealing import ADJACENCY, seal_as_party
from tacit.run.shares import KeptShares
from tacit.run.talk import Emit, ask
from tacit.study import Agreement, Study

if TYPE_CHECKING:
    from tacit.mpc.training.train import DenseModel

STEP = "computation"
MAX_REASON = 1000
NOT_PRIVATE = (
    "rows and all that lies between were hidden, but no noise was added: the model itself may tell of single rows"
)

Progress = Callable[[int, int], None]
Compute = Callable[[Joined, Identity, Table, Storage, Progress], "DenseModel"]
Outgoing = Mapping[str, CoordinatorMessage]
Answers = Mapping[str, PartyMessage]


def compute_as_party(
    study: Study, identity: Identity, table: Table, plan: Epochs, compute: Compute, emit: Emit
) -> Generator[PartyMessage, CoordinatorMessage, tuple[Bundle, dict[str, Any] | None]]:
    """Take part in one run; returns the sealed bundle, and what fixed point changed on the party's own rows.

    `compute` trains with the two others in the run that it is given, keeps shares in the storage after each epoch, and
    tells (epochs done, epochs).

    Raises:
        ProtocolError: the coordinator or another party broke the protocol, or was lost; names it.
        TacitError: what `compute` raises besides.
    """
    from tacit.run.parts import fixed_point_loss, make_graph  # with all that computes on shares

    kept = KeptShares(study, identity)
    joining = Joining(study, plan, identity, history_digest(study, identity.name), kept.claim)
    joined = joining.begin((yield from ask(joining.join(), Participants, "join", study.coordinator.name)))
    storage = kept.go_on(joined.run_id, joined.start.after)
    record = Record(study, identity.name, joined.run_id, joined.participants, joined.histories, joined.start)
    emit(joined_event(joined.run_id, joined.participants, joined.start))

    def progress(done: int, epochs: int) -> None:
        kept.settle(joined.run_id)
        emit(Event("epoch", {"step": done, "steps": epochs}))

    try:
        model = compute(joined, identity, table, storage, progress)
    except ProtocolError as error:
        verdict = yield Failed(error.culprit, quote(str(error))[:MAX_REASON])
        raise _with_verdict(error, verdict, study.coordinator.name) from None
    note_computed(record, study.agreement)
    graph = make_graph(study.agreement, model)
    fixed_point = fixed_point_loss(study.agreement, model, graph, table)
    emit(Event("model", {"own": fixed_point}))
    rounds = Rounds(plan.settings.epochs, plan.settings.epochs)
    bundle = yield from seal_as_party(study, identity, joined, record, no_privacy(), rounds, graph)
    # All have signed: whatever fails from here on, the bundle is worth more, and is returned.
    sealed: dict[str, Any] = {"signers": list(bundle.manifest.signers)}
    try:
        record.sealed(bundle.encode())
        kept.forget()
    except TacitError as error:
        sealed["reason"] = f"the run's end is not in the log: {error}"
    emit(Event("sealed", sealed))
    return bundle, fixed_point


def compute_as_coordinator(study: Study, record: Record, answers: Answers) -> Generator[Outgoing, Answers, Answers]:
    """Take in how the computation ended at each party; returns the answers where it is done at all that are there.

    Raises:
        ProtocolError: it failed; names who was lost, or else whom the parties blame.
    """
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, Failed)}
    if not failed:
        note_computed(record, study.agreement)
        return answers
    lost = tuple(name for name in study.agreement.names if name not in answers)
    said = "; ".join(f"{name} says: {quote(answer.reason)}" for name, answer in failed.items())
    blamed = ", ".join(lost) or ", ".join(sorted({quote(answer.culprit) for answer in failed.values()}))
    error = ProtocolError(f"{'lost in the computation' if lost else 'blamed'}; {said}", culprit=blamed, step=STEP)
    yield {name: Lost(lost) if name in failed else Stop(str(error)) for name in answers}
    raise error


def note_computed(record: Record, agreement: Agreement) -> None:
    """Note that the computation is done, and how secure it was."""
    security = agreement.computation.security if agreement.computation else ""
    record.log.append("computation", {"security": security, "epochs": agreement.training.rounds})


def no_privacy() -> PrivacyLedger:
    """Return the ledger of a run without noise: it claims nothing."""
    return PrivacyLedger(
        unit="none",
        adjacency=ADJACENCY["none"],
        epsilon_budget=0.0,
        epsilon_spent=0.0,
        delta=0.0,
        void=NOT_PRIVATE,
        releases=(),
    )


def _with_verdict(error: ProtocolError, verdict: CoordinatorMessage, coordinator: str) -> ProtocolError:
    """Return the error with the one named whom the coordinator has lost, where that is somebody else."""
    if not isinstance(verdict, Lost) or not verdict.parties or error.culprit in verdict.parties:
        return error
    names = ", ".join(quote(name) for name in verdict.parties)
    return ProtocolError(f"was lost, says {coordinator}, who carries messages; here: {error}", culprit=names, step=STEP)

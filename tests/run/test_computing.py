"""A run by multi-party computation, its roles stepped against each other; what computes is put in by the test."""

import msgspec
import numpy as np
import pytest

from tacit.bundle import Manifest, verify
from tacit.data import Table
from tacit.errors import DataError, ProtocolError
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.training.train import DenseModel
from tacit.run import coordinator_steps, party_steps
from tacit.run.messages import Failed, Join, Lost, Proposal, Ready, Stop
from tacit.study import Study
from tacit.study.drafting import Choices, compose

from .acting import COORDINATOR, SCHEMA, Run, make_tables, own_copy

NAMES = ("north", "east", "south")
EPOCHS = 6
MODEL = DenseModel(((np.array([[1.0], [0.5]]), np.array([0.25])),))
replace = msgspec.structs.replace


def make_study(people, folder, security="active", timeout=120) -> Study:
    choices = Choices(
        name="trial",
        purpose="a test",
        address="localhost:9440",
        rounds=EPOCHS,
        unit="none",
        corrupt=1,
        dropping=0,
        method="mpc",
        security=security,
        party_addresses=("localhost:9441", "localhost:9442", "localhost:9443"),
    )
    members = [people.identities[name].public for name in (*NAMES, COORDINATOR)]
    text = compose(choices, members[:3], members[3], SCHEMA).decode()
    text = text.replace("[training]", f"[training]\ntimeout_seconds = {timeout}")
    study = Study.new(folder, text.encode(), members)
    for name in NAMES:
        study.sign(people.identities[name])
    return study


@pytest.fixture
def trial(people, tmp_path):
    return make_study(people, tmp_path / "study")


def opened(joined, identity, table, storage, progress):
    """Every epoch ends, and the model is opened."""
    for epoch in range(storage.numbers[0] + 1, EPOCHS + 1):
        storage.keep(epoch, {"w": Arithmetic(np.array([epoch], np.uint64), np.array([epoch], np.uint64))})
        progress(epoch, EPOCHS)
    return MODEL


def blaming(culprit, *, after=0):
    """Some epochs end, then this party sees `culprit` hang up."""

    def compute(joined, identity, table, storage, progress):
        for epoch in range(storage.numbers[0] + 1, after + 1):
            storage.keep(epoch, {"w": Arithmetic(np.array([epoch], np.uint64), np.array([epoch], np.uint64))})
            progress(epoch, EPOCHS)
        raise ProtocolError("hung up", culprit=culprit, step="round 7")

    return compute


class ComputedRun(Run):
    """`Run` with what each party does in place of a computation."""

    def __init__(self, study, people, computes=None, **ways):
        super().__init__(study, people.identities, {}, **ways)
        self.told = {name: [] for name in NAMES}
        tables = make_tables(NAMES)
        self.parties = {
            name: party_steps(
                own_copy(study, name),
                people.identities[name],
                tables[name],
                self.told[name].append,
                (computes or {}).get(name, opened),
            )
            for name in NAMES
        }
        self.coordinator = coordinator_steps(own_copy(study, COORDINATOR), self.events.append)


def kinds(run, name):
    return [event.kind for event in run.told[name]]


@pytest.mark.parametrize("security", ["active", "passive"])
def test_what_was_computed_is_sealed_by_all_with_how_secure_it_was(people, tmp_path, security):
    study = make_study(people, tmp_path / "study", security)
    run = ComputedRun(study, people).go()
    assert set(run.results) == set(NAMES)
    assert len({result.bundle.encode() for result in run.results.values()} | {run.bundle.encode()}) == 1
    manifest = run.bundle.manifest
    assert (manifest.method, manifest.security) == ("mpc", security)
    assert manifest.privacy.void.startswith("rows and all that lies between were hidden, but no noise was added")
    assert (manifest.rounds.planned, manifest.rounds.taken) == (EPOCHS, EPOCHS)
    for name in (*NAMES, COORDINATOR):
        copy = own_copy(study, name)
        report = verify(run.bundle.encode(), study=copy)
        assert report.holds
        said = {row.check: row.detail for row in report.rows}
        assert f"trained by multi-party computation, security {security} (" in said["method"]
        assert "one of three may be corrupt" in said["method"]
        (log,) = [log for log in copy.run_logs(name) if len(log)]
        assert [entry.kind for entry in log] == ["run", "computation", "sealed"]
        assert list(log)[1].body == {"security": security, "epochs": EPOCHS}
    graph = run.bundle.open(people.identities["north"], study)
    rows = np.array([[50.0, 0.5], [0.0, -1.0]])
    scaled = np.array([[0.0, 0.5], [-1.0, -1.0]])
    expected = 1 / (1 + np.exp(-(scaled @ MODEL.layers[0][0] + 0.25)))
    np.testing.assert_allclose(graph.predict(rows).reshape(-1, 1), expected, atol=1e-3)
    assert kinds(run, "north") == ["joined", *["epoch"] * EPOCHS, "model", "sealed"]


def test_shares_are_forgotten_once_the_bundle_is_sealed(people, trial):
    ComputedRun(trial, people).go()
    for name in NAMES:
        assert not list(own_copy(trial, name).member_folder(name).glob("shares*"))


def test_without_something_that_computes_there_is_no_run(people, trial):
    steps = party_steps(trial, people.identities["north"], make_tables()["north"], lambda event: None)
    with pytest.raises(ValueError, match="a function is needed that computes"):
        next(steps)


def test_who_was_lost_is_named_where_a_neighbour_only_hung_up_in_turn(people, trial):
    """South died; east saw that, and hung up, and that is all that north saw."""
    computes = {"north": blaming("east"), "east": blaming("south")}
    lost = ComputedRun(
        trial, people, computes, reply=lambda step, name, said: None if step and name == "south" else said
    )
    lost.try_it()
    assert lost.errors["north"].culprit == "south"
    assert "was lost, says carrier" in str(lost.errors["north"])
    assert "here: east, in step round 7: hung up" in str(lost.errors["north"])
    assert str(lost.errors["east"]) == "south, in step round 7: hung up"
    assert lost.failure.culprit == "south"
    assert "lost in the computation" in str(lost.failure)


def test_where_nobody_was_lost_what_each_has_seen_stands(people, trial):
    computes = {"north": blaming("south"), "east": blaming("south"), "south": blaming("north")}
    run = ComputedRun(trial, people, computes).try_it()
    assert {name: run.errors[name].culprit for name in NAMES} == {"north": "south", "east": "south", "south": "north"}
    assert run.failure.culprit == "north, south"
    assert "east says: south, in step round 7: hung up" in str(run.failure)


def test_nothing_is_sealed_where_one_of_them_has_no_model(people, trial):
    run = ComputedRun(trial, people, {"south": blaming("east")}).try_it()
    assert run.bundle is None
    assert set(run.errors) == set(NAMES)
    assert "stopped the run" in str(run.errors["north"])
    assert "south says" in str(run.errors["north"])


def test_a_table_that_does_not_fit_stops_the_run_and_is_told_as_it_is(people, trial):
    def refuse(*arguments):
        raise DataError("the parties' tables have not the same number of rows")

    run = ComputedRun(trial, people, dict.fromkeys(NAMES, refuse)).try_it()
    assert {type(error) for error in run.errors.values()} == {DataError}
    assert isinstance(run.failure, ProtocolError)
    assert run.bundle is None


@pytest.mark.parametrize("answer", [Stop("no more"), Lost(()), Lost(("east",)), Ready()])
def test_a_coordinator_cannot_make_an_error_vanish(people, trial, answer):
    def lie(step, name, message):
        return answer if isinstance(message, Lost) else message

    run = ComputedRun(trial, people, {name: blaming("east") for name in NAMES}, intercept=lie).try_it()
    for name in NAMES:
        assert run.errors[name].culprit == "east"
        assert "hung up" in str(run.errors[name])


def test_who_says_something_else_is_left_out_and_named(people, trial):
    run = ComputedRun(
        trial,
        people,
        reply=lambda step, name, said: Stop("x") if step and name == "east" and isinstance(said, Ready) else said,
    ).try_it()
    assert run.failure.culprit == "east"
    assert run.bundle is None


@pytest.mark.parametrize(("field", "value"), [("security", "passive"), ("method", "federated")])
def test_a_proposal_of_another_security_is_refused_before_anyone_signs(people, trial, field, value):
    def lie(step, name, said):
        if not isinstance(said, Proposal):
            return said
        manifest = replace(Manifest.decode(said.manifest), **{field: value}).encode()
        return replace(said, manifest=manifest, signature=people.identities["north"].sign("bundle manifest", manifest))

    run = ComputedRun(trial, people, reply=lie, intercept=lambda step, name, said: said).try_it()
    assert run.bundle is None
    for name in ("east", "south"):
        assert run.errors[name].culprit == "north"
        assert f"manifest's {field} is not what this party computed" in str(run.errors[name])


def test_a_run_goes_on_after_the_last_epoch_that_all_three_hold(people, trial):
    breaks = {"north": blaming("south", after=4), "east": blaming("south", after=3), "south": blaming("east", after=4)}
    broken = ComputedRun(trial, people, breaks).try_it()
    assert set(broken.errors) == set(NAMES)
    began = {}

    def note(joined, identity, table, storage, progress):
        began[identity.name] = (storage.numbers, int(storage.shares(storage.numbers[0])["w"].own[0]))
        return opened(joined, identity, table, storage, progress)

    run = ComputedRun(trial, people, dict.fromkeys(NAMES, note)).go()
    assert began == dict.fromkeys(NAMES, ((3, 0), 3))
    joined = next(event for event in run.told["north"] if event.kind == "joined")
    assert joined.body["continues_after"] == 3
    assert [event.body["step"] for event in run.told["north"] if event.kind == "epoch"] == [4, 5, 6]
    assert run.bundle.manifest.rounds.taken == EPOCHS
    assert verify(run.bundle.encode(), study=own_copy(trial, "south")).holds


def test_an_earlier_runs_shares_are_removed_once_the_later_has_ended_an_epoch(people, trial):
    for after in (2, 3):
        ComputedRun(trial, people, {name: blaming("south", after=after) for name in NAMES}).try_it()
    for name in NAMES:
        assert len(list(own_copy(trial, name).member_folder(name).glob("shares*"))) == 1


def test_who_has_lost_its_shares_begins_anew_with_all(people, trial):
    ComputedRun(trial, people, {name: blaming("south", after=2) for name in NAMES}).try_it()
    (file,) = own_copy(trial, "east").member_folder("east").glob("shares*")
    file.unlink()
    run = ComputedRun(trial, people).go()
    assert [event.body["step"] for event in run.told["north"] if event.kind == "epoch"] == [1, 2, 3, 4, 5, 6]
    assert run.bundle is not None


@pytest.mark.parametrize(("marks", "fits"), [(EPOCHS, True), (EPOCHS + 1, False)])
def test_a_party_that_would_go_on_after_an_epoch_that_is_not_planned_is_left_out(people, trial, marks, fits):
    name = "east"
    copy = own_copy(trial, name)
    from tacit.run.shares import KeptShares

    storage = KeptShares(copy, people.identities[name]).go_on(bytes([7]) * 32, None)
    storage.keep(marks, {"w": Arithmetic(np.zeros(1, np.uint64), np.zeros(1, np.uint64))})
    run = ComputedRun(trial, people).try_it()
    assert (run.bundle is not None) == fits
    if not fits:
        assert "continue at a step that the plan does not have" in run.dropped[name]


def test_parties_of_two_versions_whose_plans_differ_do_not_begin(people, trial):
    def other(step, name, said):
        if name != "east" or not isinstance(said, Join):
            return said
        from tacit import canonical

        body = replace(said.signed.body, plan=bytes(32))
        signature = people.identities[name].sign("join of a run", canonical.encode(body))
        return replace(said, signed=replace(said.signed, body=body, signature=signature))

    run = ComputedRun(trial, people, reply=other).try_it()
    assert "works out another plan" in run.dropped["east"]


def test_a_reason_that_is_long_or_strange_is_shortened(people, trial):
    def long(*arguments):
        raise ProtocolError("x" * 5000 + "\x1b[2J", culprit="south", step="round 1")

    run = ComputedRun(trial, people, dict.fromkeys(NAMES, long)).try_it()
    for said in run.sent:
        if isinstance(said, Failed):
            assert len(said.reason) <= 1000
            assert said.reason.isprintable()
    assert "\x1b" not in str(run.failure)


def test_tables_of_another_kind_are_no_part_of_a_message(people, trial):
    """Nothing that a party says to the coordinator holds its rows or the model."""
    run = ComputedRun(trial, people).go()
    said = b"".join(msgspec.msgpack.encode(each) for each in run.sent)
    for table in make_tables(NAMES).values():
        assert isinstance(table, Table)
        for row in table.features[:20]:
            assert row.tobytes() not in said
    assert MODEL.layers[0][0].tobytes() not in said

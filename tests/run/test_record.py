"""The record of a run: the same at everyone, and every step's signatures are bound to all that came before."""

import pytest

from tacit.federated.plan import make_plan
from tacit.run.continuing import Mark, Start
from tacit.run.record import Record, history_digest
from tacit.study import Head, Log, Study

from .acting import COORDINATOR, NAMES

RUN = b"\x05" * 32
HISTORIES = dict.fromkeys(NAMES, bytes(32))
START = Start(0, None)


def begun(study, member="north", run=RUN, histories=HISTORIES, start=START):
    return Record(study, member, run, NAMES, histories, start)


@pytest.fixture
def step(study):
    return make_plan(study.agreement).steps[1]


def test_everyone_has_the_same_entries(study, step):
    heads = set()
    for member in (*NAMES, COORDINATOR):
        record = begun(study, member)
        record.charge(step)
        record.total(step, [NAMES[:3]], [b"words"])
        heads.add((record.head.size, record.head.root))
        record.sealed(b"bundle")
    assert len(heads) == 1
    logs = {(study.folder / "log" / name / f"{RUN.hex()}.jsonl").read_bytes() for name in (*NAMES, COORDINATOR)}
    assert len(logs) == 1


def test_the_first_entry_says_who_began_under_what_after_what(study):
    (entry,) = begun(study).log
    assert entry.kind == "run"
    assert entry.body["agreement"] == study.digest.hex()
    assert entry.body["participants"] == list(NAMES)
    assert entry.body["histories"]["east"] == bytes(32).hex()


def test_nothing_but_public_values_is_written(study, step):
    record = begun(study)
    record.charge(step)
    record.total(step, [NAMES], [b"\x01\x02 the words of a total"])
    assert b"the words" not in record.log.path.read_bytes()
    assert [entry.kind for entry in record.log] == ["run", "release", "total"]
    assert set(list(record.log)[1].body) == {"step", "kind", "multiplier"}
    assert set(list(record.log)[2].body) == {"step", "sums"}


def test_a_steps_setting_is_bound_to_run_step_and_history(study, step):
    plan = make_plan(study.agreement)
    record = begun(study)
    instances = [record.settings(step)[0].instance, record.settings(plan.steps[0])[0].instance]
    instances.append(begun(study, run=b"\x06" * 32).settings(step)[0].instance)
    record.charge(step)
    instances.append(record.settings(step)[0].instance)
    record.total(step, [NAMES], [b"words"])
    instances.append(record.settings(step)[0].instance)
    for number, (survivors, words) in enumerate(((NAMES[:3], b"words"), (NAMES, b"other"))):
        other = begun(study, f"member-{number}")
        other.charge(step)
        other.total(step, [survivors], [words])
        instances.append(other.settings(step)[0].instance)
    assert len(set(instances)) == len(instances) == 7


def test_a_setting_is_the_agreements(study, step):
    setting = begun(study).settings(step)[0]
    assert setting.parties == study.parties
    assert (setting.corrupt, setting.dropping, setting.coordinator) == (1, 1, COORDINATOR)
    assert (setting.length, setting.word_bits) == (step.encoding.length, step.encoding.word_bits)


def test_another_start_is_another_history(study):
    after = Mark(b"\x01" * 32, 3, 9, bytes(32))
    heads = {begun(study, "north").head.root, begun(study, "east", start=Start(4, after)).head.root}
    heads.add(begun(study, "south", start=Start(5, after)).head.root)
    heads.add(begun(study, "west", start=Start(5, after, lost=1)).head.root)
    assert len(heads) == 4


def test_what_was_charged_is_on_the_disk_before_anything_leaves(study, step):
    record = begun(study)
    record.charge(step)
    assert [entry.kind for entry in Log(record.log.path)] == ["run", "release"]


def test_history_covers_all_earlier_runs_of_this_member_alone(study, step):
    digests = [history_digest(study, "north")]
    record = begun(study, "north")
    digests.append(history_digest(study, "north"))
    record.charge(step)
    digests.append(history_digest(study, "north"))
    begun(study, "north", run=b"\x06" * 32)
    digests.append(history_digest(study, "north"))
    assert len(set(digests)) == 4
    before = history_digest(study, "north")
    begun(study, "east")
    assert history_digest(Study.load(study.folder), "north") == before


def test_a_mark_is_the_head_after_the_step(study, step):
    record = begun(study, start=Start(0, None, lost=2))
    record.total(step, [NAMES], [b"words"])
    mark = record.mark(step)
    assert (mark.run, mark.step, mark.lost, Head(mark.size, mark.root)) == (RUN, step.index, 2, record.head)

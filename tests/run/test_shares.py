"""Shares are kept for each run by itself, so that those of two runs are never taken together."""

import numpy as np
import pytest

from tacit.errors import FormatError
from tacit.mpc.replicated import Arithmetic
from tacit.run.continuing import BEGINNING, start_of
from tacit.run.messages import MAX_MARKS
from tacit.run.shares import KeptShares

RUNS = [bytes([number]) * 32 for number in range(12)]


@pytest.fixture
def mine(people, study):
    def again(name="north"):
        return KeptShares(study, people.identities[name])

    return again


def shares(value):
    return {"w": Arithmetic(np.array([value], np.uint64), np.array([value], np.uint64))}


def steps(kept):
    return [(mark.run, mark.step) for mark in kept.claim.marks if mark != BEGINNING]


def test_who_has_none_can_begin_anew(mine):
    assert mine().claim == ((BEGINNING,), 0, 0)


def test_what_was_kept_is_claimed_the_newest_first(mine):
    storage = mine().go_on(RUNS[0], None)
    for number in (1, 2, 3):
        storage.keep(number, shares(number))
    assert steps(mine()) == [(RUNS[0], 3), (RUNS[0], 2)]
    assert mine().claim.marks[-1] == BEGINNING


def test_a_run_that_goes_on_begins_with_a_copy_and_keeps_its_source_until_an_epoch_is_done(mine):
    first = mine().go_on(RUNS[0], None)
    for number in (1, 2):
        first.keep(number, shares(number))
    kept = mine()
    (mark,) = [mark for mark in kept.claim.marks if mark.step == 1]
    storage = kept.go_on(RUNS[1], mark)
    assert storage.numbers == (1, 0)
    assert storage.shares(1)["w"].own.tolist() == [1]
    assert sorted(steps(mine())) == [(RUNS[0], 1), (RUNS[0], 2), (RUNS[1], 1)]
    storage.keep(2, shares(20))
    kept.settle(RUNS[1])
    assert steps(mine()) == [(RUNS[1], 2), (RUNS[1], 1)]


def test_the_same_epoch_of_two_runs_is_not_the_same(mine, study):
    """One party has ended the second epoch of a later run, and another only that of the earlier one."""
    joins = {}
    for name in ("north", "east"):
        storage = mine(name).go_on(RUNS[0], None)
        for number in (1, 2):
            storage.keep(number, shares(number))
        kept = mine(name)
        (mark,) = [mark for mark in kept.claim.marks if mark.step == 1]
        storage = kept.go_on(RUNS[1], mark)
        if name == "north":
            storage.keep(2, shares(20))
            kept.settle(RUNS[1])
        joins[name] = mine(name).claim
    start = start_of(joins, 1)
    assert (start.after.run, start.after.step) == (RUNS[1], 1)


def test_starts_that_come_to_nothing_do_not_pile_up(mine):
    storage = mine().go_on(RUNS[0], None)
    storage.keep(5, shares(5))
    for run in RUNS[1:]:
        kept = mine()
        kept.go_on(run, kept.claim.marks[0])
        assert len(mine().claim.marks) <= MAX_MARKS
    assert {step for _, step in steps(mine())} == {5}
    assert len(steps(mine())) == 2


def test_no_more_is_claimed_than_a_join_has_room_for(mine):
    for run in RUNS:
        storage = mine().go_on(run, None)
        for number in (1, 2):
            storage.keep(number, shares(number))
    assert len(mine().claim.marks) == MAX_MARKS
    assert mine().claim.marks[-1] == BEGINNING


def test_all_is_forgotten_at_the_end(mine, study):
    mine().go_on(RUNS[0], None).keep(1, shares(1))
    kept = mine()
    kept.go_on(RUNS[1], kept.claim.marks[0])
    kept.forget()
    assert not list(study.member_folder("north").glob("shares*"))


def test_a_file_of_another_run_or_member_is_refused_with_what_to_do(mine, study):
    mine().go_on(RUNS[0], None).keep(1, shares(1))
    folder = study.member_folder("north")
    (folder / f"shares-{RUNS[0].hex()}").rename(folder / f"shares-{RUNS[1].hex()}")
    with pytest.raises(FormatError, match=r"without the file shares-0101.* the computation begins anew"):
        mine()


def test_other_files_in_the_folder_are_left_alone(mine, study):
    for name in ("shares-notes", "shares-00"):
        (study.member_folder("north") / name).write_text("mine")
    assert steps(mine()) == []
    mine().forget()
    assert (study.member_folder("north") / "shares-00").exists()


def test_secrets_do_not_show(mine):
    mine().go_on(RUNS[0], None).keep(1, shares(1))
    assert repr(mine()) == "KeptShares('north', 1 runs, secret)"

"""All participants work out the same start, and no step is ever charged twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import FormatError, ProtocolError
from tacit.run.continuing import Mark, Start, first_uncharged, start_of, who_can_start
from tacit.study import Log

RUN, OTHER = b"\x01" * 32, b"\x02" * 32


def mark(step, run=RUN):
    return Mark(run, step, 2 * step + 3, bytes([step % 256]) * 32)


def marks(*steps, run=RUN):
    return tuple(mark(step, run) for step in steps)


def test_begins_at_the_first_step_when_nobody_has_begun():
    assert start_of({"north": ((), 0), "east": ((), 0)}) == Start(0, None)


def test_continues_after_the_newest_common_step_at_the_first_that_nobody_was_charged_for():
    assert start_of({"north": (marks(6, 5), 7), "east": (marks(6, 5), 7)}) == Start(7, mark(6))
    assert start_of({"north": (marks(6, 5), 8), "east": (marks(6, 5), 7)}) == Start(8, mark(6))
    assert start_of({"north": (marks(6, 5), 7), "east": (marks(5, 4), 6)}) == Start(7, mark(5))


def test_a_run_continued_twice_is_found_by_the_step_that_all_hold():
    newer, older = mark(9, OTHER), mark(6)
    assert start_of({"north": ((newer, older), 10), "east": ((older, mark(5)), 9)}) == Start(10, older)


def test_who_holds_no_common_step_is_named():
    with pytest.raises(ProtocolError, match="holds no step") as caught:
        start_of({"north": (marks(6, 5), 7), "east": (marks(6, 5), 7), "south": ((), 0), "west": (marks(1, 0), 2)})
    assert caught.value.culprit == "south, west"


def test_the_coordinator_takes_the_largest_group_that_can_begin():
    claims = {"north": (marks(6, 5), 7), "east": (marks(1, 0), 2), "south": (marks(6, 5), 7), "west": (marks(5, 4), 6)}
    assert who_can_start(claims) == ("north", "south", "west")
    assert who_can_start({"north": ((), 0), "east": (marks(3, 2), 4), "south": ((), 0)}) == ("north", "south")
    assert who_can_start({"north": ((), 0), "east": (marks(3, 2), 4)}) == ("east",)


def test_who_repeats_itself_is_not_counted_twice():
    """Else one party could call the run off for the others, by claiming a step of its own again and again."""
    honest = (marks(6, 5), 7)
    claims = {"north": honest, "east": honest, "south": (marks(9, run=OTHER) * 8, 10)}
    assert who_can_start(claims) == ("north", "east")


step = st.integers(0, 40)
claim = st.one_of(
    st.just(((), 0)),
    st.builds(
        lambda newest, ahead, run: (marks(newest, max(newest - 1, 0), run=run), newest + 1 + ahead),
        step,
        st.integers(0, 2),
        st.sampled_from([RUN, OTHER]),
    ),
)


@given(st.lists(claim, min_size=1, max_size=6))
def test_whatever_the_coordinator_chooses_can_begin_and_charges_nothing_twice(claims):
    joins = {f"p{index}": each for index, each in enumerate(claims)}
    chosen = {name: joins[name] for name in who_can_start(joins)}
    start = start_of(chosen)
    assert all(start.step >= uncharged for _, uncharged in chosen.values())
    assert start.after is None or all(start.after in held for held, _ in chosen.values())
    assert start.after is None or start.step > start.after.step
    reordered = dict(reversed(chosen.items()))
    assert start_of(reordered) == start


def log(path, *entries):
    made = Log(path)
    for kind, number in entries:
        made.append(kind, {"step": number})
    return made


def test_counts_what_any_unfinished_run_was_charged_for(tmp_path):
    first = log(tmp_path / "a", ("run", 0), ("release", 0), ("total", 0), ("release", 1))
    second = log(tmp_path / "b", ("run", 0), ("release", 2), ("total", 2), ("release", 3))
    done = log(tmp_path / "c", ("release", 9), ("sealed", 0))
    assert first_uncharged([]) == 0
    assert first_uncharged([first]) == 2
    assert first_uncharged([second, first]) == 4
    assert first_uncharged([done]) == 0


@pytest.mark.parametrize("body", [{}, {"step": "1"}, {"step": True}, {"step": -1}, {"step": 10**12}, {"step": 1.5}])
def test_a_release_of_no_step_is_refused_with_its_place(tmp_path, body):
    log = Log(tmp_path / "run.jsonl")
    log.append("release", body)
    with pytest.raises(FormatError, match=r"run\.jsonl: entry 0 is a release of no step"):
        first_uncharged([log])

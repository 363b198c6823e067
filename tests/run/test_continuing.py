"""All participants work out the same start, no step is ever charged twice, and no lie takes rounds away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import FormatError, ProtocolError
from tacit.run.continuing import AHEAD, BEGINNING, WITHOUT_MARK, Claim, Mark, Start, left_out, own_claim, start_of
from tacit.study import Log

RUN, OTHER = b"\x01" * 32, b"\x02" * 32
CORRUPT = 1


def mark(step, run=RUN, lost=0):
    return Mark(run, step, 2 * step + 3, bytes([step % 256]) * 32, lost)


def at(*steps, next_step=None, run=RUN):
    """The claim of who holds the marks of these steps."""
    return Claim(tuple(mark(step, run) for step in steps), steps[0] + 1 if next_step is None else next_step, 0)


def anew(lost=0):
    return Claim((BEGINNING,), 0, lost)


def chosen(joins, enough=3, corrupt=CORRUPT):
    apart = left_out(joins, enough, corrupt)
    return tuple(name for name in joins if name not in apart)


def test_begins_at_the_first_step_when_nobody_has_begun():
    assert start_of({"north": anew(), "east": anew()}, CORRUPT) == Start(0, None)


def test_continues_after_the_newest_common_step_at_the_first_that_nobody_was_charged_for():
    begun = at(6, 5, next_step=8)
    assert start_of({"north": at(6, 5), "east": at(6, 5)}, CORRUPT) == Start(7, mark(6))
    assert start_of({"north": begun, "east": at(6, 5)}, CORRUPT) == Start(8, mark(6))
    assert start_of({"north": at(6, 5), "east": at(5, 4)}, CORRUPT) == Start(7, mark(5))


def test_a_run_continued_twice_is_found_by_the_step_that_all_hold():
    newer, older = mark(9, OTHER), mark(6)
    north, east = Claim((newer, older), 10, 0), Claim((older, mark(5)), 9, 0)
    assert start_of({"north": north, "east": east}, CORRUPT) == Start(10, older)


def test_who_holds_no_common_step_is_named():
    with pytest.raises(ProtocolError, match="holds no step") as caught:
        start_of({"north": at(6, 5), "east": at(6, 5), "south": anew(), "west": at(1, 0)}, CORRUPT)
    assert caught.value.culprit == "south, west"


def test_the_coordinator_takes_the_largest_group_that_can_begin():
    claims = {"north": at(6, 5), "east": at(1, 0), "south": at(6, 5), "west": at(5, 4)}
    assert left_out(claims, 3, CORRUPT) == {"east": WITHOUT_MARK}
    assert chosen({"north": anew(), "east": at(3, 2), "south": anew()}) == ("north", "south")
    assert chosen({"north": anew(), "east": at(3, 2)}) == ("east",)
    assert left_out({"north": Claim((), 0, 0)}, 3, CORRUPT) == {"north": WITHOUT_MARK}
    assert left_out({}, 3, CORRUPT) == {}


def test_who_repeats_itself_is_not_counted_twice():
    """Else one party could call the run off for the others, by claiming a step of its own again and again."""
    honest = at(6, 5)
    liar = Claim((mark(9, run=OTHER),) * 8, 10, 0)
    assert chosen({"north": honest, "east": honest, "south": liar}) == ("north", "east")


def test_a_claim_far_ahead_of_the_others_is_left_out():
    honest = dict.fromkeys(("north", "east", "south"), at(6, 5))
    liar = {"west": at(6, 5, next_step=30)}
    assert left_out(honest | liar, 3, CORRUPT) == {"west": AHEAD}
    with pytest.raises(ProtocolError, match="too few of the others know") as caught:
        start_of(honest | liar, CORRUPT)
    assert caught.value.culprit == "west"
    assert start_of(honest | {"west": at(6, 5, next_step=8)}, CORRUPT) == Start(8, mark(6))


def test_as_many_liars_as_the_agreement_bears_back_each_other_in_vain():
    honest = {name: at(6, 5) for name in "abcd"}
    liars = {"x": at(6, 5, next_step=30), "y": at(6, 5, next_step=29)}
    assert left_out(liars | honest, 4, 2) == dict.fromkeys(liars, AHEAD)
    assert start_of(liars | honest, 1).step == 30, "one more than it bears"


def test_who_was_away_is_not_told_ahead_of_those_who_come_back():
    """Two rounds, or twenty, may have been lost meanwhile: who was there knows it, charged or not."""
    claims = {"north": at(6, 5, next_step=20), "east": at(6, 5, next_step=19), "south": at(6, 5)}
    assert left_out(claims, 3, CORRUPT) == {}
    assert start_of(claims, CORRUPT) == Start(20, mark(6))


def test_the_loss_of_the_statistics_is_counted_like_a_step():
    claims = {"north": anew(1), "east": anew(), "south": anew(), "west": anew()}
    assert start_of(claims, CORRUPT) == Start(0, None, lost=1)
    assert left_out(claims | {"west": anew(5)}, 3, CORRUPT) == {"west": AHEAD}


def test_all_begin_anew_where_too_few_hold_the_statistics():
    heard = Claim((mark(0), BEGINNING), 1, 1)
    two = {"north": heard, "east": heard, "south": anew(1), "west": anew(1)}
    assert left_out(two, 3, CORRUPT) == {}
    assert start_of(two, CORRUPT) == Start(0, None, lost=1)


def test_nobody_begins_anew_where_enough_hold_the_statistics():
    heard = Claim((mark(0), BEGINNING), 1, 1)
    three = {"north": heard, "east": heard, "south": heard, "west": anew(1)}
    assert left_out(three, 3, CORRUPT) == {"west": WITHOUT_MARK}
    del three["west"]
    assert start_of(three, CORRUPT) == Start(1, mark(0))


def test_what_was_lost_before_is_still_known_when_the_run_goes_on():
    claim = Claim((mark(6, lost=2), mark(5, lost=2)), 7, 3)
    assert start_of({"north": claim, "east": claim}, CORRUPT) == Start(7, mark(6, lost=2), lost=2)


number = st.integers(0, 40)
claim = st.one_of(
    st.builds(anew, st.integers(0, 4)),
    st.builds(
        lambda newest, ahead, run: at(newest, max(newest - 1, 0), next_step=newest + 1 + ahead, run=run),
        number,
        st.integers(0, 5),
        st.sampled_from([RUN, OTHER]),
    ),
)


@given(st.lists(claim, min_size=1, max_size=6), st.integers(0, 2), st.integers(1, 6))
def test_whatever_the_coordinator_chooses_can_begin_and_charges_nothing_twice(claims, corrupt, enough):
    joins = {f"p{index}": each for index, each in enumerate(claims)}
    names = chosen(joins, enough, corrupt)
    together = {name: joins[name] for name in names}
    assert together
    start = start_of(together, corrupt)
    held = BEGINNING if start.after is None else start.after
    assert all(held in each.marks for each in together.values())
    if start.after is None:
        assert start.lost >= max(each.lost for each in together.values())
    else:
        assert start.step > start.after.step
        assert start.step >= max(each.step for each in together.values())
    reordered = dict(reversed(together.items()))
    assert start_of(reordered, corrupt) == start


@given(st.lists(number, min_size=3, max_size=6), st.lists(st.sampled_from([0, 1, 2, 3, 1000]), max_size=2))
def test_no_lie_takes_the_start_further_than_one_step_past_the_honest(honest, lies):
    told = {f"h{index}": Claim((mark(0),), each, 0) for index, each in enumerate(honest)}
    told |= {f"z{index}": Claim((mark(0),), max(honest) + each, 0) for index, each in enumerate(lies)}
    together = {name: told[name] for name in chosen(told, 3, corrupt=2)}
    assert start_of(together, corrupt=2).step <= max(*honest, 1) + 1


def log(path, *entries, **begun):
    made = Log(path)
    made.append("run", begun)
    for kind, step in entries:
        made.append(kind, {"step": step})
    return made


CONTINUES = {"run": "00"}


def test_counts_what_any_unfinished_run_was_charged_for(tmp_path):
    first = log(tmp_path / "a", ("release", 0), ("total", 0), ("release", 1))
    second = log(tmp_path / "b", ("release", 2), ("total", 2), ("release", 3), continues=CONTINUES, start=2)
    done = log(tmp_path / "c", ("release", 9), ("sealed", 0))
    held = (mark(0),)
    assert own_claim([], ()) == Claim((), 0, 0)
    assert own_claim([first], held).step == 2
    assert own_claim([second, first], held).step == 4
    assert own_claim([done], held).step == 1
    assert own_claim([], (mark(6),)).step == 7


def test_knows_of_steps_that_others_were_charged_for_by_where_its_runs_began(tmp_path):
    """Else who was charged for a step alone, run after run, would be taken for a liar."""
    begun = log(tmp_path / "a", continues=CONTINUES, start=9)
    assert own_claim([begun], (mark(6),)).step == 9
    done = log(tmp_path / "b", ("sealed", 0), continues=CONTINUES, start=9)
    assert own_claim([done], (mark(6),)).step == 7


def test_counts_the_statistics_that_were_lost(tmp_path):
    charged = log(tmp_path / "a", ("release", 0), continues={}, start=0, lost=0)
    told = log(tmp_path / "b", continues={}, start=0, lost=2)
    both = log(tmp_path / "c", ("release", 0), continues={}, start=0, lost=2)
    done = log(tmp_path / "d", ("release", 0), ("sealed", 0), continues={}, start=0, lost=5)
    going_on = log(tmp_path / "e", ("release", 4), continues=CONTINUES, start=4, lost=2)
    assert [own_claim([each], ()).lost for each in (charged, told, both, done, going_on)] == [1, 2, 3, 0, 0]
    assert own_claim([charged, told], ()).lost == 2


NOT_STEPS = [{}, {"step": "1"}, {"step": True}, {"step": -1}, {"step": 10**12}, {"step": 1.5}]


@pytest.mark.parametrize("body", NOT_STEPS)
def test_a_release_of_no_step_is_refused_with_its_place(tmp_path, body):
    log = Log(tmp_path / "run.jsonl")
    log.append("release", body)
    with pytest.raises(FormatError, match=r"run\.jsonl: entry 0 has no step of any plan"):
        own_claim([log], ())


@pytest.mark.parametrize("body", [{"lost": -1}, {"lost": "1"}, {"continues": CONTINUES}])
def test_a_run_that_began_nowhere_is_refused_with_its_place(tmp_path, body):
    with pytest.raises(FormatError, match=r"run\.jsonl: entry 0 has no step of any plan"):
        own_claim([log(tmp_path / "run.jsonl", **body)], ())

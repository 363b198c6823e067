"""The live display of a run says who is there, the round, the loss and the privacy spent."""

import pytest
from rich.console import Console

from tacit.cli.progress import round_note, show_progress
from tacit.run import Event
from tacit.study import Study


@pytest.fixture
def trial(study):
    return Study.load(study)


def test_shows_who_came_who_went_and_why(trial, capsys):
    with show_progress(trial) as watch:
        watch(Event("connected", {"party": "north", "of": 3}))
        watch(Event("dropped", {"party": "east", "reason": "hung up [/bold]"}))
        watch(Event("refused", {"reason": "a stranger"}))
    shown = capsys.readouterr().out
    assert "connected  north\n" in shown
    assert "dropped    east: hung up [/bold]\n" in shown
    assert "refused    a stranger\n" in shown


def test_shows_the_round_and_that_it_is_done(trial, capsys):
    with show_progress(trial) as watch:
        watch(Event("joined", {"participants": ["north", "east", "south"]}))
        watch(Event("round", {"step": 30, "steps": 30, "loss": 0.25, "epsilon": 3.5, "survivors": 3}))
        watch(Event("sealed", {"signers": ["north"]}))
    shown = capsys.readouterr().out
    assert "round 30 of 30" in shown
    assert "loss 0.250  epsilon 3.50 of 4  3 parties" in shown


def test_fits_a_screen_of_80_columns(trial, capsys, monkeypatch):
    monkeypatch.setattr("tacit.cli.progress.console", Console(width=80, highlight=False))
    with show_progress(trial) as watch:
        watch(Event("joined", {"participants": ["north", "east", "south"]}))
        watch(Event("round", {"step": 30, "steps": 30, "loss": 0.25, "epsilon": 3.5, "survivors": 3}))
        watch(Event("sealed", {"signers": ["north"]}))
    shown = capsys.readouterr().out
    assert "loss 0.250  epsilon 3.50 of 4  3 parties" in shown
    assert "…" not in shown


def test_says_after_which_round_a_run_goes_on(trial, capsys):
    with show_progress(trial) as watch:
        watch(Event("joined", {"participants": ["north", "east", "south"], "continues_after": 7, "lost": 1}))
    shown = capsys.readouterr().out
    assert "continues  after round 7, 1 lost when it broke off" in shown
    assert "round 7 of 30" in shown


def test_says_that_lost_statistics_are_paid_for_with_rounds(trial, capsys):
    with show_progress(trial) as watch:
        watch(Event("joined", {"participants": ["north", "east", "south"], "statistics_lost": 2}))
        watch(Event("round", {"step": 9, "steps": 30, "loss": 0.25, "epsilon": 3.5, "survivors": 3}))
    shown = capsys.readouterr().out
    assert "anew       the statistics were lost in 2 earlier tries; the first rounds are given up for them" in shown
    assert "continues" not in shown
    assert "round 9 of 30" in shown


def test_the_coordinator_is_shown_no_loss(trial):
    assert round_note(Event("round", {"step": 1, "steps": 30, "survivors": 3}), trial) == "3 parties"

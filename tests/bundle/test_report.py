from tacit.bundle import Report, Row
from tacit.bundle.report import judged, row

HOLDS, WARNS = Row("a", "holds", "fine"), Row("b", "warning", "look")
FAILS, SKIPPED = Row("c", "fails", "broken"), Row("d", "not checked", "unknown")


def test_holds_only_if_everything_was_checked_and_nothing_failed():
    assert Report((HOLDS, WARNS)).holds
    assert not Report((HOLDS, FAILS)).holds
    assert not Report((HOLDS, SKIPPED)).holds


def test_sorts_rows_by_what_they_ask_of_the_reader():
    report = Report((HOLDS, WARNS, FAILS, SKIPPED))
    assert report.failures == (FAILS, SKIPPED)
    assert report.warnings == (WARNS,)
    assert report.first_fault == "c: broken"
    assert Report((HOLDS,)).first_fault == ""


def test_says_what_is_not_shown_even_when_all_holds():
    text = str(Report((HOLDS,)))
    assert "The bundle holds." in text
    assert "Not shown: how accurate" in text
    assert "Not shown: that the training data were true" in text


def test_says_that_it_does_not_hold():
    assert "does NOT hold" in str(Report((FAILS, WARNS)))


def test_says_what_is_left_to_judge():
    assert Report((HOLDS, WARNS)).verdict == "The bundle holds, but for what you have to judge: b."
    assert Report((HOLDS, WARNS)).verdict in str(Report((HOLDS, WARNS)))
    assert Report((HOLDS,)).verdict == "The bundle holds."


def test_a_forger_cannot_write_on_the_terminal():
    hostile = "void\x1b[2J\x1b[1;1Hholds\r\nall fine\u202e\x00\x9b31m"
    for made in (row(hostile, "fails", hostile), judged("x", [hostile], "")):
        assert made.detail.isprintable()
        assert made.check.isprintable()
        assert "void" in made.detail


def test_a_forger_cannot_fill_the_screen():
    assert len(row("x", "fails", "y" * 10_000_000).detail) < 20_000


def test_judged():
    assert judged("x", [], "fine") == Row("x", "holds", "fine")
    assert judged("x", ["one", "two"], "fine") == Row("x", "fails", "one; two")

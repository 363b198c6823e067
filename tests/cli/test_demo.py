"""`tacit demo` before it starts: nothing of the user's is lost. The walk itself is in tests/demo."""

import pytest

from tacit.bundle import verify
from tacit.demo import DemoReport, set_aside
from tacit.errors import TacitError


def test_refuses_a_folder_that_is_no_demo_and_leaves_it(tacit, here):
    (here / "mine").mkdir()
    (here / "mine" / "thesis.tex").write_text("years of work")
    done = tacit("demo", "--out", "mine")
    assert done.code == 1
    assert "is not an earlier demo" in done.err
    assert (here / "mine" / "thesis.tex").read_text() == "years of work"


def test_refuses_the_working_folder_when_something_is_in_it(tacit, members):
    before = sorted(members.iterdir())
    assert tacit("demo", "--out", ".").code == 1
    assert sorted(members.iterdir()) == before


def test_where_nothing_can_be_written_it_says_so(tacit, here):
    done = tacit("demo", "--out", "/proc/demo")
    assert done.code == 1
    assert "/proc/demo" in done.err
    assert "Traceback" not in done.err


def test_a_file_in_the_way_is_refused(tacit, here):
    (here / "tacit-demo").write_text("a file")
    assert tacit("demo").code == 2
    assert (here / "tacit-demo").read_text() == "a file"


def test_an_earlier_demo_is_kept_under_another_name(here):
    for number in (1, 2):
        (here / "demo" / "hospitals").mkdir(parents=True)
        (here / "demo" / "kept").write_text(str(number))
        assert set_aside(here / "demo") == here / f"demo.{number}"
    assert [(here / f"demo.{number}" / "kept").read_text() for number in (1, 2)] == ["1", "2"]


def test_a_new_or_empty_folder_is_used_as_it_is(here):
    assert set_aside(here / "new") is None
    assert set_aside(here) is None


def test_a_lookalike_file_is_not_moved(here):
    (here / "demo").mkdir()
    (here / "demo" / "hospitals").write_text("a file of this name")
    with pytest.raises(TacitError, match="not an earlier demo"):
        set_aside(here / "demo")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_bundle_that_does_not_hold_ends_with_1(tacit, here, monkeypatch, arguments):
    report = DemoReport(here / "tacit-demo", alone={"north": 0.5}, rows={"north": 2}, verification=verify(b"no bundle"))
    monkeypatch.setattr("tacit.demo.run_demo", lambda *_: report)
    assert tacit("demo", *arguments).code == 1

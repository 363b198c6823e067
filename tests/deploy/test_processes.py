"""Flower's programs as child processes: their surroundings, their logs, and what becomes of one that stops."""

import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from tacit.deploy import processes
from tacit.deploy.pinned import PROGRAMS
from tacit.deploy.processes import Program, Supervised, check_free, environment
from tacit.errors import TacitError


def stops_at_once(folder):
    """A program of ours that stops by itself: it has no pass."""
    return Program("flower-superexec", [], folder)


def test_secrets_and_settings_of_this_process_do_not_reach_flowers(tmp_path, monkeypatch):
    for name in ("TACIT_PASSPHRASE", "TACIT_STORE", "FLWR_HOME", "FLWR_ENABLE_EVENT_LOG"):
        monkeypatch.setenv(name, "of this process")
    made = environment(tmp_path, {"TACIT_PASS": "given"})
    assert "of this process" not in made.values()
    assert made["TACIT_PASS"] == "given"
    assert made["FLWR_TELEMETRY_ENABLED"] == "0"


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    made = environment(tmp_path, {})
    assert made["NO_PROXY"] == made["no_proxy"] == "intranet.example,127.0.0.1,localhost"
    monkeypatch.delenv("NO_PROXY")
    assert environment(tmp_path, {})["NO_PROXY"] == "127.0.0.1,localhost"


def test_the_programs_that_are_found_by_name_are_for_their_owner_alone(tmp_path):
    place = Path(environment(tmp_path, {})["PATH"])
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE((place / name).stat().st_mode) for name in PROGRAMS} == {0o700}


def test_an_interpreter_whose_path_has_a_space_starts_them_too(tmp_path, monkeypatch):
    place = tmp_path / "an environment"
    place.mkdir()
    (place / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (place / "python").chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(place / "python"))
    path = Path(environment(tmp_path, {})["PATH"])
    done = subprocess.run([path / "flwr-model"], capture_output=True, text=True)
    assert "does not run it" in done.stderr


def test_a_module_in_the_folder_where_they_run_is_not_taken_for_ours(tmp_path):
    """Their home is where Flower puts what it was sent."""
    (tmp_path / "tacit").mkdir()
    (tmp_path / "tacit" / "__init__.py").write_text("raise SystemExit('hijacked')")
    with stops_at_once(tmp_path) as program:
        program._process.wait(30)
        with pytest.raises(TacitError, match="nothing is started"):
            program.check()


def test_one_that_stops_says_why_with_the_end_of_its_log_and_no_control_characters(tmp_path):
    with stops_at_once(tmp_path) as program:
        program._process.wait(30)
        with program.log.open("ab") as log:
            log.write(b"x" * 5000 + b"\x1b[31mlast\x07 words\xff")
        with pytest.raises(TacitError) as caught:
            program.check()
    assert "last? words" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 3000


def test_a_log_does_not_grow_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LOG_BYTES", 1000)
    with stops_at_once(tmp_path) as program:
        program._process.wait(30)
        with program.log.open("ab", buffering=0) as log:
            log.write(b"x" * 1001)
            program.trim_log()
            assert program.log.stat().st_size == 0
            log.write(b"and on")
            program.trim_log()
        assert program.log.read_bytes() == b"and on"
        program.log.unlink()
        program.trim_log()


@pytest.mark.parametrize(
    ("steady", "expected"), [(300.0, [0.01, 0.02, 0.04, 0.05, 0.05]), (0.0, [0.01] * 5)], ids=["at once", "much later"]
)
def test_one_that_stops_is_started_again_after_pauses_that_grow(tmp_path, monkeypatch, steady, expected):
    monkeypatch.setattr(processes, "STEADY_SECONDS", steady)
    monkeypatch.setattr(processes, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(processes, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(processes, "LONGEST_PAUSE", 0.05)
    said, enough = [], threading.Event()

    def emit(event):
        said.append(event.body["reason"])
        if len(said) == 5:
            enough.set()

    began = []
    with Supervised("flower-superexec", [], tmp_path, emit=emit, begin=began.append):
        assert enough.wait(60)
    pauses = [float(reason.rpartition(" in ")[2].removesuffix(" s")) for reason in said[:5]]
    assert pauses == expected
    assert len(began) >= 4


def test_a_start_that_fails_is_tried_again(tmp_path, monkeypatch):
    """The system may lack memory or files for one more process at the moment."""
    for name in ("WATCH_SECONDS", "FIRST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(processes, name, 0.01)
    said, again = [], threading.Event()

    def emit(event):
        said.append(event)
        if len(said) == 1:
            (tmp_path / "flower-superexec.log").unlink()
            (tmp_path / "flower-superexec.log").mkdir()  # which cannot be written to
        elif len(said) == 4:
            (tmp_path / "flower-superexec.log").rmdir()
        elif len(said) > 4 and "nothing is started" in event.body["reason"]:
            again.set()

    with Supervised("flower-superexec", [], tmp_path, emit=emit):
        assert again.wait(60)


def test_a_port_that_is_taken_or_a_host_that_is_not_ours_is_said_before_anything_is_started():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            TacitError, match=f"cannot listen at 127.0.0.1:{port}: .*in use; choose another with --port"
        ):
            check_free("127.0.0.1", port, "choose another with --port")
    check_free("127.0.0.1", port, "")
    for host in ("203.0.113.7", "no.such.host.invalid", "x" * 300):
        with pytest.raises(TacitError, match="cannot listen at"):
            check_free(host, port, "")

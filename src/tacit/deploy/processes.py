"""Flower's programs as child processes of ours: started with all of their settings, stopped with us.

They get a path on which only the programs of `tacit.deploy.pinned` exist, a private home, no telemetry and no look-ups
of newer versions. What they print goes to a log file, begun anew when it is long, whose end is shown when one of them
stops by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tacit.deploy.pinned import PROGRAMS
from tacit.errors import TacitError
from tacit.run import Emit, Event

STOP_SECONDS = 5.0
WATCH_SECONDS = 0.5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
STEADY_SECONDS = 300.0
POLL_SECONDS = 0.1
TAIL_BYTES = 2000
LOG_BYTES = 16 * 1024 * 1024
POLL_VARIABLE = "FLWR_SUPEREXEC_TASK_POLL_INTERVAL"


class Program:
    """One of Flower's programs, running; use it in a `with` statement."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None
    ) -> None:
        """Start `name` with `arguments`; `folder`, private, is its home, and NAME.log in it what it prints."""
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-P", "-m", "tacit.deploy.pinned", name, *arguments],
                env=environment(folder, extra or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def check(self) -> None:
        """Check that it is still running; raises TacitError with the end of its log."""
        code = self._process.poll()
        if code is not None:
            raise TacitError(
                f"{self.name} stopped by itself (exit code {code}). The end of {self.log}:\n{self._tail()}"
            )

    def trim_log(self) -> None:
        """Empty the log once it holds more than `LOG_BYTES`: Flower writes a line for each of its requests."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_BYTES:
                os.truncate(self.log, 0)  # it is open for appending, which goes on at the new end

    def wait_for_port(self, host: str, port: int, seconds: float) -> None:
        """Return once something listens at `host` and `port`; raises TacitError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
                return
            time.sleep(POLL_SECONDS)
        raise TacitError(f"{self.name} does not listen at {host}:{port} after {seconds:g} s; see {self.log}")

    def close(self) -> None:
        """Stop it: asked first, and killed if it does not. Safe to repeat."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _tail(self) -> str:
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
                data = stream.read(TAIL_BYTES)
        except OSError:
            return "it cannot be read"
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in data.decode(errors="replace")).strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Supervised:
    """A program that is started again whenever it stops by itself; use it in a `with` statement."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        extra: Mapping[str, str] | None = None,
        *,
        emit: Emit,
        begin: Callable[[Program], None] = lambda program: None,
    ) -> None:
        """Start it as `Program` does; after each later start `begin` is called, and `emit` is told of every one."""
        self._start = partial(Program, name, arguments, folder, extra)
        self._emit = emit
        self._begin = begin
        self._stopping = threading.Event()
        self.program = self._start()
        self._thread = threading.Thread(target=self._watch, name=f"tacit: {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop it for good."""
        self._stopping.set()
        self._thread.join()
        self.program.close()

    def _watch(self) -> None:
        pause, since = FIRST_PAUSE, time.monotonic()
        while not self._stopping.wait(WATCH_SECONDS):
            try:
                self.program.check()
                self.program.trim_log()
                continue
            except TacitError as error:
                pause = FIRST_PAUSE if time.monotonic() - since > STEADY_SECONDS else pause
                self._emit(Event("waiting", {"reason": f"{error}\nIt is started again in {pause:g} s"}))
            if self._stopping.wait(pause):
                return
            pause, since = min(2 * pause, LONGEST_PAUSE), time.monotonic()
            # Whatever fails here, memory for one more process or a port, it is looked at again.
            with contextlib.suppress(TacitError, OSError):
                self.program = self._start()
                self._begin(self.program)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def check_free(host: str, port: int, advice: str) -> None:
    """Check that a program of ours can listen at `host` and `port`; raises TacitError with `advice`."""
    try:
        places = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, _, _, place in places:
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
    except (OSError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "no such name is possible"
        raise TacitError(f"cannot listen at {host}:{port}: {reason}; {advice}") from None


def flwr(
    commands: Sequence[Sequence[str]], folder: Path, extra: Mapping[str, str], seconds: float = 120.0
) -> str | None:
    """Give `commands` to Flower's own command line, with its home in `folder`; return what it printed if one failed."""
    code = (
        "import sys, json; from tacit.deploy.pinned import show_pass; show_pass(); from flwr.cli.app import app; "
        "[app(command, standalone_mode=False) for command in json.loads(sys.argv[1])]"
    )
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter
            [sys.executable, "-P", "-c", code, json.dumps([list(command) for command in commands])],
            # Not the framed traceback, which breaks paths in two and shows the values of variables.
            env={**environment(folder, extra), "TYPER_STANDARD_TRACEBACK": "1", "_TYPER_STANDARD_TRACEBACK": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing came of it in {seconds:g} s"
    return done.stdout + done.stderr if done.returncode else None


def environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of Flower's programs: ours without what could change them, and with what they need."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLWR_", "TACIT_"))}
    near = [*filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost"))]
    return {
        **kept,
        # A proxy of this machine's settings has nothing to do with what its programs say to one another.
        "NO_PROXY": ",".join(near),
        "no_proxy": ",".join(near),
        "PATH": str(_programs(folder)),
        "FLWR_HOME": str(folder),
        "TMPDIR": str(folder),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        POLL_VARIABLE: "0.1",
        **extra,
    }


def _programs(folder: Path) -> Path:
    """Return the folder with the programs that Flower's processes find by name: ours, and nothing else."""
    place = folder / "programs"
    if not place.exists():
        place.mkdir(mode=0o700)
        for name in PROGRAMS:
            path = place / name
            # By way of the shell, since the first line of a script takes no path that is long or has a space in it.
            path.write_text(
                f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m tacit.deploy.pinned {shlex.quote(name)} "$@"\n'
            )
            path.chmod(0o700)
    return place

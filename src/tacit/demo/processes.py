"""The demo's parties as processes: each runs the command line in its own folder, as it would on its own machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tacit.errors import TacitError

Watch = Callable[[str, dict[str, Any]], None]


def command(*arguments: str) -> list[str]:
    """Return the argument list that runs `tacit` with this interpreter."""
    return [sys.executable, "-c", "from tacit.cli import main; main()", *arguments]


def run_each(folders: Mapping[str, Path], arguments: Mapping[str, tuple[str, ...]], watch: Watch) -> dict[str, Any]:
    """Run one command in each folder, all at once; return the last JSON line of each.

    `watch` is called with the party and each JSON line, from several threads, one call at a time.

    Raises:
        TacitError: a command failed; says which and what it said. The others are ended.
    """
    processes = {name: _start(folders[name], arguments[name]) for name in arguments}
    lines: dict[str, dict[str, Any]] = {}
    lock = threading.Lock()

    def read(name: str) -> None:
        stream = processes[name].stdout
        for line in stream if stream is not None else ():
            with lock:
                lines[name] = _parse(line)
                watch(name, lines[name])

    threads = [threading.Thread(target=read, args=(name,), daemon=True) for name in processes]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _check(processes, lines)
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()
    return lines


def _start(folder: Path, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    # One thread each: on a small machine five processes with a thread pool each would only wait for one another.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    log = (folder / "errors.txt").open("w")
    with log:
        return subprocess.Popen(  # noqa: S603 - our own command line, with arguments that the demo made
            command(*arguments, "--json"), cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )


def _parse(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {"text": line.rstrip()}
    return value if isinstance(value, dict) else {"value": value}


def _check(processes: Mapping[str, subprocess.Popen[str]], lines: Mapping[str, dict[str, Any]]) -> None:
    failed = [name for name, process in processes.items() if process.wait() != 0]
    if failed:
        said = "; ".join(
            f"{name}: {lines.get(name, {}).get('error', {}).get('message', 'no message')}" for name in failed
        )
        raise TacitError(f"a party's process failed. {said}")

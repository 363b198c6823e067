"""How the process of a task is started: forked from one that has loaded what all of them need.

Flower starts a process for every message, and loading its own modules takes each more than a second of a processor,
which would be most of what a round costs. The fork server of `multiprocessing` loads them once, has no thread and no
secret but the pass, and each task is a process of its own as before.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess

LOADED = ("flwr.supernode.cli.flwr_clientapp", "flwr.superlink.cli.flwr_serverapp", "tacit.deploy.server_app")


class Launcher:
    """Starts tasks; stands in for `subprocess` where Flower's own launcher looks for `Popen` and `DEVNULL`."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self) -> None:
        """Name what is loaded; the server starts with the first task."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(LOADED))
        self._running: list[ForkServerProcess] = []

    def Popen(  # noqa: N802  # as Flower calls it
        self, arguments: Sequence[str], stdout: int | None = None, stderr: int | None = None
    ) -> ForkServerProcess:
        """Start the program of `tacit.deploy.pinned` that the first of `arguments` names, with the others as its."""
        self._running = [each for each in self._running if each.is_alive()]
        quiet = (stdout, stderr) == (subprocess.DEVNULL, subprocess.DEVNULL)
        process = self._context.Process(target=run_task, args=(tuple(arguments), quiet), daemon=True)
        process.start()
        self._running.append(process)
        return process


def run_task(arguments: tuple[str, ...], quiet: bool) -> None:
    """Be the program that `arguments` name, in a process of its own; its output goes nowhere if `quiet`."""
    from tacit.deploy.pinned import main

    if quiet:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    sys.argv = [sys.argv[0], *arguments]
    main()

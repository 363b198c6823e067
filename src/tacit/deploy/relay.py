"""The relay at the coordinator's: the ServerApp that its SuperLink runs, started, and started again when it is silent.

Flower takes an app along with each run. The one given here is empty, as the programs that run it are pinned to this
library's (`tacit.deploy.pinned`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tacit.deploy.processes import flwr
from tacit.errors import TacitError
from tacit.files import write_atomically
from tacit.run import Emit, Event

SUPERLINK = "tacit"
SILENT_SECONDS = 90.0
WATCH_SECONDS = 1.0


class Relay:
    """Keeps a relay running at the SuperLink whose address `configure` has written; use it in a `with` statement."""

    def __init__(self, folder: Path, extra: Mapping[str, str], heard: Callable[[], float], emit: Emit) -> None:
        """Start none yet.

        Args:
            folder: the home of Flower's programs.
            extra: what their environment has besides.
            heard: returns the time, on the monotonic clock, at which a relay last asked the coordinator's process.
            emit: is told when it is started again.
        """
        self._folder = folder
        self._extra = extra
        self._heard = heard
        self._emit = emit
        self._started = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, before: Sequence[Sequence[str]] = ()) -> None:
        """Start the ServerApp, after Flower's commands `before`; raises TacitError."""
        with self._lock:
            app = _empty_app(self._folder)
            printed = flwr([*before, ["run", str(app), SUPERLINK]], self._folder, self._extra)
            self._started = time.monotonic()
        if printed is not None:
            raise TacitError(f"Flower did not start the relay: {_last_words(printed)}")

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="tacit: relay", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            if not self._started or time.monotonic() - max(self._started, self._heard()) < SILENT_SECONDS:
                continue
            self._emit(
                Event("waiting", {"reason": f"the relay has said nothing for {SILENT_SECONDS:g} s: another one"})
            )
            try:
                self.start()
            except TacitError as error:
                self._emit(Event("waiting", {"reason": str(error)}))


def configure(folder: Path, address: str, authority: Path) -> None:
    """Write where Flower's command line, with its home in `folder`, finds the SuperLink, and who certifies it."""
    lines = (
        "[superlink]",
        f'default = "{SUPERLINK}"',
        f"[superlink.{SUPERLINK}]",
        f"address = {json.dumps(address)}",
        f"root-certificates = {json.dumps(str(authority), ensure_ascii=False)}",
    )
    write_atomically(folder / "config.toml", "\n".join(lines).encode())


def _empty_app(folder: Path) -> Path:
    app = folder / "app"
    (app / "relay").mkdir(parents=True, exist_ok=True)
    (app / "relay" / "__init__.py").write_text(_RELAY)
    (app / "pyproject.toml").write_text(_APP)
    return app


def _last_words(text: str) -> str:
    """Return the end of what a program printed, without what draws boxes around it."""
    words = " ".join(word for word in text.split() if any(c.isalnum() for c in word))
    return "".join(c for c in words[-500:] if c.isprintable()) or "it said nothing"


_RELAY = """from tacit.deploy import client_app, server_app

client = client_app.app
server = server_app.app
"""
_APP = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "relay"
version = "1.0.0"
description = "Carries sealed frames"
license = "Apache-2.0"
dependencies = []

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "tacit"

[tool.flwr.app.components]
serverapp = "relay:server"
clientapp = "relay:client"

[tool.flwr.app.config]
"""

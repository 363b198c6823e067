"""Flower's processes, held to one app: what they run is this library's relay, whatever they are sent.

A SuperNode installs and runs any app that its SuperLink sends: whoever runs the SuperLink, or breaks into it, could run
code beside a party's table. Here `flwr-clientapp` and `flwr-serverapp` neither install nor load what came, and the
other programs that a SuperLink can ask for do not exist on the path that they are looked up in
(`tacit.deploy.processes`). Where a later Flower has other names for what is replaced, nothing is started.

Run as `python -m tacit.deploy.pinned PROGRAM ARGUMENTS`; the process ends with the one that started it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

PARENT_SECONDS = 1.0
IDLE_SECONDS = 0.2


def main() -> None:
    """Run the program that the first argument names, with the others as its own."""
    program = sys.argv.pop(1)
    sys.argv[0] = program
    PROGRAMS[program]()


def _superlink() -> None:
    _end_with_parent()
    import_module("flwr.superlink.cli.flower_superlink").flower_superlink()


def _supernode() -> None:
    _end_with_parent()
    module = import_module("flwr.supernode.start_client_internal")
    # It asks for messages and then sleeps for 3 s, which is most of the time that a round takes.
    clock = getattr(module, "time", None)
    if clock is time:
        module.time = SimpleNamespace(  # type: ignore[attr-defined]
            **{name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
            | {"sleep": lambda seconds: time.sleep(min(seconds, IDLE_SECONDS))}
        )
    import_module("flwr.supernode.cli.flower_supernode").flower_supernode()


def _superexec() -> None:
    import_module("flwr.supercore.cli.flower_superexec").flower_superexec()


def _clientapp() -> None:
    module = import_module("flwr.supernode.runtime.run_clientapp")
    _replace(module, "install_from_fab", lambda *given, **named: None)
    _replace(module, "get_load_client_app_fn", lambda **named: lambda *given: _relay("client_app"))
    import_module("flwr.supernode.cli.flwr_clientapp").flwr_clientapp()


def _serverapp() -> None:
    module = import_module("flwr.superlink.runtime.run_serverapp")
    run = module.run_
    _replace(module, "install_from_fab", lambda *given, **named: None)
    _replace(
        module,
        "get_project_config",
        lambda *given: {"tool": {"flwr": {"app": {"components": {"serverapp": "tacit.deploy.server_app:app"}}}}},
    )
    _replace(module, "get_fused_config_from_dir", lambda *given: {})
    _replace(
        module,
        "run_",
        lambda grid, context, **named: run(
            grid=grid, context=context, server_app_dir="", loaded_server_app=_relay("server_app")
        ),
    )
    import_module("flwr.superlink.cli.flwr_serverapp").flwr_serverapp()


PROGRAMS: dict[str, Callable[[], None]] = {
    "flower-superlink": _superlink,
    "flower-supernode": _supernode,
    "flower-superexec": _superexec,
    "flwr-clientapp": _clientapp,
    "flwr-serverapp": _serverapp,
}


def _relay(side: str) -> Any:
    return import_module(f"tacit.deploy.{side}").app


def _replace(module: Any, name: str, other: Any) -> None:
    if not hasattr(module, name):
        sys.exit(f"this version of Flower has no {module.__name__}.{name}: nothing is run, as it could run anything")
    setattr(module, name, other)


def _end_with_parent() -> None:
    """End this process soon after its parent, however that ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="tacit: parent", daemon=True).start()


if __name__ == "__main__":
    main()

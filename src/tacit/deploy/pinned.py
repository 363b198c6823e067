"""Flower's processes, held to one app: what they run is this library's relay, whatever they are sent.

A SuperNode installs and runs any app that its SuperLink sends: whoever runs the SuperLink, or breaks into it, could run
code beside a party's table. Here `flwr-clientapp` and `flwr-serverapp` neither install nor load what came, and the
other programs that a SuperLink can ask for do nothing on the path that they are looked up in
(`tacit.deploy.processes`). Where a later Flower has other names for what is replaced, nothing is started.

What came is not even unpacked, and whoever has no pass gets no answer from either (`tacit.deploy.gate`).

Run as `python -m tacit.deploy.pinned PROGRAM ARGUMENTS`; the process ends with the one that started it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from tacit.deploy.gate import FLEET, HEADER, Gate, own_pass
from tacit.deploy.launching import Launcher

PARENT_SECONDS = 1.0
IDLE_SECONDS = 0.2


def main() -> None:
    """Run the program that the first argument names, with the others as its own."""
    program = sys.argv.pop(1)
    sys.argv[0] = program
    PROGRAMS[program]()


def _superlink() -> None:
    _end_with_parent()
    _put_gate("flwr.superlink.main", (FLEET,))
    _wait_for_no_disk()
    module = import_module("flwr.superlink.cli.flower_superlink")
    _end_with_child(module)
    module.flower_superlink()


def _supernode() -> None:
    _end_with_parent()
    _put_gate("flwr.supernode.main", ())
    module = import_module("flwr.supernode.start_client_internal")
    _end_with_child(module)
    # The app that is sent along stays packed: it could swell to any size, and its settings are none of ours.
    _replace(module, "get_fused_config_from_fab", lambda *given: {})
    # It asks for messages and then sleeps for 3 s, which is most of the time that a round takes.
    clock = getattr(module, "time", None)
    if clock is time:
        module.time = SimpleNamespace(  # type: ignore[attr-defined]
            **{name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
            | {"sleep": lambda seconds: time.sleep(min(seconds, IDLE_SECONDS))}
        )
    import_module("flwr.supernode.cli.flower_supernode").flower_supernode()


def _superexec() -> None:
    show_pass()
    _replace(import_module("flwr.supercore.superexec.executor.subprocess_executor"), "subprocess", Launcher())
    import_module("flwr.supercore.cli.flower_superexec").flower_superexec()


def _clientapp() -> None:
    show_pass()
    module = import_module("flwr.supernode.runtime.run_clientapp")
    _install_nothing(module)
    _replace(module, "get_load_client_app_fn", lambda **named: lambda *given: _relay("client_app"))
    import_module("flwr.supernode.cli.flwr_clientapp").flwr_clientapp()


def _serverapp() -> None:
    show_pass()
    module = import_module("flwr.superlink.runtime.run_serverapp")
    run = module.run_
    _install_nothing(module)
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


def _nothing() -> None:
    sys.exit("a deployment has no use for this program, and does not run it")


PROGRAMS: dict[str, Callable[[], None]] = {
    "flower-superlink": _superlink,
    "flower-supernode": _supernode,
    "flower-superexec": _superexec,
    "flwr-clientapp": _clientapp,
    "flwr-serverapp": _serverapp,
    # Those that a SuperLink may ask for as well. Were they missing, whoever starts them would stop.
    "flwr-agentapp": _nothing,
    "flwr-connector": _nothing,
    "flwr-model": _nothing,
    "flwr-simulation": _nothing,
}


def show_pass() -> None:
    """Have all of this process's requests show the pass: not for a SuperNode, whose requests go to others."""
    client, shown = import_module("flwr.supercore.protobuf.client").ProtobufClient, own_pass()
    begin = client.__init__

    def begin_with_pass(self: Any, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self._client.headers[HEADER] = shown

    client.__init__ = begin_with_pass


def _put_gate(name: str, free: tuple[str, ...]) -> None:
    """Put the gate before whatever the module `name` serves, but for the paths that begin with one of `free`."""
    module: Any = import_module(name)
    wanted = own_pass()
    _check_has(module, "create_app")
    create = module.create_app

    def create_app(*given: Any, **named: Any) -> Any:
        app = create(*given, **named)
        app.add_middleware(Gate, wanted=wanted, free=free)  # the last added is the first asked
        return app

    module.create_app = create_app


def _wait_for_no_disk() -> None:
    """Have SQLite not wait for the disk: the SuperLink's state is in a temporary folder, and of use to it alone."""
    listen = import_module("sqlalchemy.event").listen
    engine = import_module("sqlalchemy.engine").Engine
    listen(engine, "connect", lambda connection, record: connection.execute("PRAGMA synchronous=OFF").close())


def _install_nothing(module: Any) -> None:
    """Neither the app that was sent nor, by whatever setting, what it says that it depends on."""
    _replace(module, "install_from_fab", lambda *given, **named: None)
    _replace(module, "install_app_dependencies", lambda *given, **named: None)


def _relay(side: str) -> Any:
    return import_module(f"tacit.deploy.{side}").app


def _replace(module: Any, name: str, other: Any) -> None:
    _check_has(module, name)
    setattr(module, name, other)


def _check_has(module: Any, name: str) -> None:
    if not hasattr(module, name):
        sys.exit(f"this version of Flower has no {module.__name__}.{name}: nothing is run, as it could run anything")


def _end_with_parent() -> None:
    """End this process soon after its parent, however that ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="tacit: parent", daemon=True).start()


def _end_with_child(module: Any) -> None:
    """End this process when the one that `module` starts has ended: it would wait for it without end."""

    def start(*given: Any, **named: Any) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(*given, **named)  # noqa: S603  # what Flower would start

        def watch() -> None:
            child.wait()
            os._exit(1)

        threading.Thread(target=watch, name="tacit: child", daemon=True).start()
        return child

    _replace(module, "subprocess", SimpleNamespace(Popen=start, TimeoutExpired=subprocess.TimeoutExpired))


if __name__ == "__main__":
    main()

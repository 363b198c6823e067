"""A study over Flower's simulation engine: `flwr run` starts the nodes with Ray, this process is the study's members.

Run: pip install 'tacit[federated,flower]' && python examples/flower_simulation/run.py
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

import tacit
from tacit.deploy.ends import CoordinatorEnd, PartyEnd
from tacit.deploy.post import Post
from tacit.run import new_study, serve_coordinator, serve_party
from tacit.study.drafting import Choices

CONFIG = """[superlink]
default = "simulation"
[superlink.simulation]
address = "127.0.0.1:{port}"
insecure = true
"""

folder = Path(tempfile.mkdtemp(prefix="tacit-"))  # short: sockets lie in it
schema = tacit.Schema(
    label="ill",
    columns=(
        tacit.Column(name="age", kind="number", low=0.0, high=120.0),
        tacit.Column(name="ill", kind="category", values=("no", "yes")),
    ),
    max_rows=1000,
)
parties = [tacit.Identity.new(name) for name in ("north", "east", "south")]
carrier = tacit.Identity.new("carrier")
choices = Choices(name="example", purpose="to show Flower", address="localhost:9440", rounds=2, epsilon=8.0)
study = new_study(folder / "study", choices, [party.public for party in parties], carrier.public, schema)
tables = []
for seed, party in enumerate(parties):
    study.sign(party)
    ages = np.random.default_rng(seed).uniform(20, 90, 200)
    path = folder / f"{party.name}.csv"
    path.write_text("age,ill\n" + "".join(f"{age:.1f},{'yes' if age > 55 else 'no'}\n" for age in ages))
    tables.append(tacit.load(path, schema))

ends = [PartyEnd(study, party) for party in parties]
coordinator = CoordinatorEnd(study, carrier)


def take_part(number: int) -> tacit.Bundle:
    """One party's part; its process would do this on its own machine."""
    with ends[number].connect() as channel:
        result = serve_party(study, parties[number], tables[number], channel, lambda event: None)
    ends[number].linger(10.0)
    return result.bundle


def flower(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of Flower's programs, with its home in our folder and without telemetry."""
    module, name = {"flwr": ("flwr.cli.app", "app"), "flower-superlink": ("flwr.superlink.cli", "flower_superlink")}[
        program
    ]
    code = f"import sys; sys.argv[0] = {program!r}; from {module} import {name} as main; main()"
    quiet = {"FLWR_HOME": str(folder), "FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **quiet, "PATH": programs},
        stdin=subprocess.DEVNULL,
    )


def coordinate() -> tacit.Bundle:
    """The coordinator's part."""
    try:
        return serve_coordinator(study, coordinator.accept, lambda event: print(event.kind, dict(event.body)))
    finally:
        coordinator.finish(10.0)


with ExitStack() as held, ThreadPoolExecutor() as threads:
    for number, end in enumerate(ends):  # nodes are numbered: 0.sock is the first party's
        held.enter_context(Post(folder / f"{number}.sock", lambda question, end=end: end.answer(question, 1.0)))
    held.enter_context(Post(folder / "carrier.sock", coordinator.answer))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config.toml").write_text(CONFIG.format(port=port))
    link = flower("flower-superlink", "--insecure", "--simulation", "--host", "127.0.0.1", "--port", str(port))
    held.callback(link.terminate)
    while link.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.2)
    run = flower(
        *(
            "flwr",
            "run",
            str(Path(__file__).parent),
            "simulation",
            "--federation-config",
            f"num-supernodes={len(parties)}",
        ),
        *("--run-config", f"tacit-socket='{folder}/carrier.sock' tacit-sockets='{folder}'"),
    )
    coordinating = threads.submit(coordinate)
    bundles = [each.result() for each in [threads.submit(take_part, number) for number in range(len(parties))]]
    coordinating.result()
    run.wait(60)

graph = bundles[0].open(parties[0])
print(tacit.verify(bundles[0].encode(), study=study))
print("right on", np.mean([(graph.classify(table.features) == table.labels).mean() for table in tables]))

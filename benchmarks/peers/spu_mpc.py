"""Three parties by spu, ABY3 over 64-bit words: the cases of `mpc.py`. Run it where spu is installed.

Run: python spu_mpc.py '{"kind": "product", "arrays": "in.npz", "result": "out.npy", "parties": "processes",
     "addresses": ["127.0.0.1:9100", ...], "prefixes": [[], [], []], "repeat": 5}'

`parties` is `processes` (one each, plain TCP without TLS) or `threads` (of one process, no network: spu's simulation).
`prefixes` are words before a party's command line, such as `ip netns exec NAME`. All inherit what cores this is let on.

The last line is JSON: version, seconds of each run by the slowest party, those to compile and to connect (of the party
that came last), bytes and messages sent by one party (mean of the three), the largest process's memory, and the cores
that it was let run on. All numbers are secret; the clock runs while the program is carried out on shares, not while
these are made or put together. The first run has spu's profile switched on, from which bytes and messages come, and is
timed only where `repeat` is 0. Rounds spu does not tell.
"""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from spu import Io, Runtime, libspu

PARTIES = 3
OUTPUT = "result"
EPOCHS, BATCH, RATE = 10, 32, 0.5  # as in mpc_cases.py, which is not to be had in this environment
LINK = re.compile(r"Link details: total send bytes (\d+), recv bytes \d+, send actions (\d+)")


def settings(profiled: bool) -> libspu.RuntimeConfig:
    config = libspu.RuntimeConfig(protocol=libspu.ProtocolKind.ABY3, field=libspu.FieldType.FM64)
    config.enable_pphlo_profile = profiled
    return config


class Program:
    """What all parties run.

    Attributes:
        code: the executable.
        inputs: the secret arrays by name, in the program's order.
        compiling: seconds.
    """

    def __init__(self, kind: str, arrays: dict[str, np.ndarray]) -> None:
        from spu.utils import frontend  # brings JAX, which the parties do not need

        self.inputs = minibatches(arrays["x"], arrays["y"]) if kind == "logistic" else arrays
        begun = time.perf_counter()
        executable, _ = frontend.compile(
            frontend.Kind.JAX,
            {"mlp": perceptron, "product": product, "logistic": training}[kind],
            list(self.inputs.values()),
            {},
            list(self.inputs),
            [libspu.Visibility.VIS_SECRET] * len(self.inputs),
            lambda _: [OUTPUT],
        )
        self.compiling = time.perf_counter() - begun
        self.code = executable.code


def minibatches(rows: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The weights to begin with, and then the rows, with a one for the intercept, and labels of each minibatch."""
    made = {"weights": np.zeros(rows.shape[1] + 1, np.float32)}
    for start in range(0, len(rows), BATCH):
        made[f"x{start}"] = np.append(rows[start : start + BATCH], np.ones((BATCH, 1), np.float32), axis=1)
        made[f"y{start}"] = labels[start : start + BATCH]
    return made


def product(x, y):
    return x @ y


def perceptron(x, *layers):
    import jax

    for place in range(0, len(layers), 2):
        x = x @ layers[place] + layers[place + 1]
        if place < len(layers) - 2:
            x = jax.nn.relu(x)
    return x


def training(weights, *batches):
    import jax

    def epoch(_, weights):
        for x, y in zip(batches[::2], batches[1::2], strict=True):
            off = jax.nn.sigmoid(x @ weights) - y
            weights = weights - RATE / BATCH * (off @ x)
        return weights

    # Spelt out, ten epochs take four times as long to compile and save no time after that.
    return jax.lax.fori_loop(0, EPOCHS, epoch, weights)


def serve(link, work: dict, rank: int, barrier) -> dict:
    """One party: a run with spu's profile, then `repeat` runs without; the seconds and its share of the result."""
    executable = libspu.Executable("case", list(work["shares"][rank]), [OUTPUT], work["code"])
    seconds = []
    for run in range(work["repeat"] + 1):
        runtime = Runtime(link, settings(profiled=run == 0))
        for name, share in work["shares"][rank].items():
            runtime.set_var(name, share_of(share))
        barrier()
        begun = time.perf_counter()
        runtime.run(executable)
        seconds.append(time.perf_counter() - begun)
    share = runtime.get_var(OUTPUT)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds[1:] or seconds, "share": (share.meta, share.share_chunks), "peak": peak}


def share_of(parts) -> libspu.Share:
    share = libspu.Share()
    share.meta, share.share_chunks = parts
    return share


def write(path: Path, value: object) -> None:
    """As JSON, with bytes in base64."""
    path.write_text(json.dumps(value, default=lambda data: {"base64": base64.b64encode(data).decode()}))


def read(path: Path):
    """What `write` wrote."""
    return json.loads(
        path.read_text(), object_hook=lambda each: base64.b64decode(each["base64"]) if "base64" in each else each
    )


def description(addresses: list[str]):
    named = libspu.link.Desc()
    named.recv_timeout_ms = 600_000
    named.connect_retry_times, named.connect_retry_interval_ms = 3_000, 20  # by default 1 s, for others that start late
    for place, address in enumerate(addresses):
        named.add_party(f"party-{place}", address)
    return named


def party(folder: Path, rank: int) -> None:
    """A party in a process of its own; what spu logs goes to its output."""
    work = read(folder / "work")
    (folder / f"ready-{rank}").touch()
    while len(list(folder.glob("ready-*"))) < PARTIES:  # a link that finds nobody there tries again after seconds
        time.sleep(0.002)
    begun = time.perf_counter()
    link = libspu.link.create_brpc(description(work["addresses"]), rank)
    connecting = time.perf_counter() - begun
    found = serve(link, work, rank, link.barrier) | {"connecting": connecting}
    link.barrier()
    write(folder / f"found-{rank}", found)
    link.stop_link()


def threads(folder: Path) -> None:
    """All parties as threads of this process, as in spu's simulation."""
    work = read(folder / "work")
    named, barrier = description([f"thread-{rank}" for rank in range(PARTIES)]), threading.Barrier(PARTIES)

    def run(rank: int) -> None:
        link = libspu.link.create_mem(named, rank)
        found = serve(link, work, rank, barrier.wait) | {"connecting": 0.0}
        write(folder / f"found-{rank}", found)

    workers = [threading.Thread(target=run, args=(rank,)) for rank in range(PARTIES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def run(work: dict) -> dict[str, object]:
    """Compile, share, start the parties, and put together what they found."""
    program = Program(work["kind"], dict(np.load(work["arrays"])))
    io = Io(PARTIES, settings(profiled=False))
    shares: list[dict] = [{} for _ in range(PARTIES)]
    for name, array in program.inputs.items():
        for own, share in zip(shares, io.make_shares(array, libspu.Visibility.VIS_SECRET), strict=True):
            own[name] = (share.meta, share.share_chunks)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "work", work | {"code": program.code, "shares": shares})
        log = start(folder, work)
        found = [read(folder / f"found-{rank}") for rank in range(PARTIES)]
    sent = [(int(size), int(messages)) for size, messages in LINK.findall(log)]
    assert len(sent) == PARTIES, "spu's log has not one profile of each party"
    np.save(work["result"], io.reconstruct([share_of(each["share"]) for each in found]))
    return {
        "version": version("spu"),
        "seconds": [max(times) for times in zip(*(each["seconds"] for each in found), strict=True)],
        "compiling": program.compiling,
        "connecting": min(each["connecting"] for each in found),
        "bytes": sum(size for size, _ in sent) / PARTIES,
        "messages": sum(messages for _, messages in sent) / PARTIES,
        "peak": max(each["peak"] for each in found),
        "cores": sorted(os.sched_getaffinity(0)),
    }


def start(folder: Path, work: dict) -> str:
    """Run the parties to their end, and return what spu logged; raises CalledProcessError."""
    own = [sys.executable, __file__]
    if work["parties"] == "threads":
        commands = [[*own, "threads", folder]]
    else:
        commands = [[*prefix, *own, "party", folder, str(rank)] for rank, prefix in enumerate(work["prefixes"])]
    logs = [folder / f"log-{place}" for place in range(len(commands))]
    running = []
    for command, log in zip(commands, logs, strict=True):
        with log.open("wb") as out:
            running.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))
    codes = [process.wait() for process in running]
    log = "".join(each.read_text(errors="replace") for each in logs)
    for code, command in zip(codes, commands, strict=True):
        if code:
            print(log[-4000:], file=sys.stderr)
            raise subprocess.CalledProcessError(code, command)
    return log


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["party", folder, rank]:
            party(Path(folder), int(rank))
        case ["threads", folder]:
            threads(Path(folder))
        case [work]:
            print(json.dumps(run(json.loads(work))))

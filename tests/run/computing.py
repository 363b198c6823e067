"""Three parties and a coordinator that train on shares, each a process with the command line, on folders here."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tacit.data import Column, Schema
from tacit.keys import Identity
from tacit.run import new_study
from tacit.study import Study
from tacit.study.drafting import Choices

NAMES = ("north", "east", "south")
COORDINATOR = "carrier"


def free_addresses(count: int) -> list[str]:
    """Addresses on this machine that were free a moment ago, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{probe.getsockname()[1]}" for probe in probes]
    for probe in probes:
        probe.close()
    return addresses


@dataclass
class Place:
    """A folder with everyone's keys and tables and a signed study."""

    here: Path
    people: dict[str, Identity]

    @classmethod
    def make(cls, here: Path, schema: Schema, tables: dict[str, pd.DataFrame], *, timeout: int = 60, **choices):
        people = {name: Identity.new(name) for name in (*NAMES, COORDINATOR)}
        own, *addresses = free_addresses(4)
        settings = {"unit": "none", "corrupt": 1, "dropping": 0, "method": "mpc", "purpose": "a test", "name": "trial"}
        made = Choices(address=own, party_addresses=tuple(addresses), **{**settings, **choices})
        study = new_study(
            here / "draft", made, [people[name].public for name in NAMES], people[COORDINATOR].public, schema
        )
        text = study.agreement_bytes.replace(b"[training]", f"[training]\ntimeout_seconds = {timeout}".encode())
        study = Study.new(here / "study", text, [identity.public for identity in people.values()])
        for name, identity in people.items():
            identity.save(here / f"{name}.key")
            if name in NAMES:
                study.sign(identity)
                tables[name].to_csv(here / f"{name}.csv", index=False)
        return cls(here, people)

    @property
    def study(self) -> Study:
        return Study.load(self.here / "study")

    def tacit(self, *arguments: str) -> subprocess.Popen:
        """Start a command in the folder."""
        command = [sys.executable, "-c", "from tacit.cli import main; main()", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "120"}
        return subprocess.Popen(
            command, cwd=self.here, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def train(self, name: str, *more: str) -> subprocess.Popen:
        """Start `tacit train` for a member."""
        data = ("--data", f"{name}.csv") if name in NAMES else ()
        return self.tacit("train", "study", "--identity", f"{name}.key", "--out", f"{name}.tacit", *data, *more)

    def train_all(self, *more: str) -> dict[str, tuple[int, str, str]]:
        """Train to the end; exit code, output and errors of each member."""
        started = {name: self.train(name, *more) for name in (COORDINATOR, *NAMES)}
        ended = {name: process.communicate(timeout=240) for name, process in started.items()}
        return {name: (started[name].returncode, *said) for name, said in ended.items()}


def events(output: str) -> list[dict]:
    """The JSON lines of a command's output."""
    return [json.loads(line) for line in output.splitlines()]


SMALL = Schema(
    label="ill",
    columns=(
        Column(name="dose", kind="number", low=-2.0, high=6.0),
        Column(name="ill", kind="category", values=("no", "yes")),
        Column(name="age", kind="number", low=0.0, high=100.0),
        Column(name="sex", kind="category", values=("f", "m")),
    ),
    max_rows=400,
)


def small_table(rows: int, seed: int) -> pd.DataFrame:
    """Rows of `SMALL`, whose label follows from two of the columns."""
    draw = np.random.default_rng(seed)
    age, dose = draw.uniform(0, 100, rows), draw.uniform(-2, 6, rows)
    ill = np.where((age - 50) / 25 + (dose - 2) / 2 + draw.normal(0, 0.2, rows) > 0, "yes", "no")
    return pd.DataFrame({"age": age, "dose": dose, "sex": draw.choice(["f", "m"], rows), "ill": ill})


def small_tables(rows: tuple[int, int, int] = (60, 50, 40)) -> dict[str, pd.DataFrame]:
    """Whole rows of each party."""
    return {name: small_table(count, seed) for seed, (name, count) in enumerate(zip(NAMES, rows, strict=True))}

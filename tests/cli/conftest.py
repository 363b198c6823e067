"""The command line, called in this process as its entry point is."""

import json
import random
import shutil
import socket
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tacit.cli import main
from tacit.data import Schema
from tacit.keys import Identity
from tacit.run import new_study, take_part
from tacit.study import Study
from tacit.study.drafting import Choices

PARTIES = ("north", "east", "south")

SCHEMA = """
[data]
label = "ill"
max_rows = 500

[[data.columns]]
name = "age"
kind = "number"
low = 0.0
high = 120.0

[[data.columns]]
name = "sex"
kind = "category"
values = ["female", "male"]

[[data.columns]]
name = "ill"
kind = "category"
values = ["no", "yes"]
"""


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def tacit(capsys, monkeypatch):
    def call(*arguments) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["tacit", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return Outcome(int(end.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TACIT_IDENTITY", raising=False)
    monkeypatch.delenv("TACIT_PASSPHRASE", raising=False)
    return tmp_path


@pytest.fixture
def members(here):
    """Identities of three parties and a coordinator, as files in the working folder."""
    for name in ("north", "east", "south", "carrier"):
        identity = Identity.new(name)
        identity.save(here / f"{name}.key")
        identity.public.save(here / f"{name}.pub")
    (here / "columns.toml").write_text(SCHEMA)
    return here


@pytest.fixture
def new_study_arguments(members):
    parties = [word for name in ("north", "east", "south") for word in ("--party", f"{name}.pub")]
    place = ["--coordinator", "carrier.pub", "--address", "127.0.0.1:9441"]
    return ["study", "new", "trial", *parties, *place, "--schema", "columns.toml"]


@pytest.fixture
def study(tacit, new_study_arguments, members):
    assert tacit(*new_study_arguments).code == 0
    return members / "trial"


@dataclass
class Sealed:
    """A study that has run: its folder, everyone's keys beside it, and the bundle that came out."""

    here: Path
    study: Path
    bundle: Path
    table: Path


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """One run over real channels, for all tests that only read what came out of it."""
    here = tmp_path_factory.mktemp("finished")
    people = {name: Identity.new(name) for name in (*PARTIES, "carrier")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    choices = Choices(name="trial", purpose="a test", address=f"127.0.0.1:{port}", rounds=3, epsilon=8.0)
    columns = msgspec.convert(tomllib.loads(SCHEMA)["data"], Schema)
    study = new_study(
        here / "trial", choices, [people[name].public for name in PARTIES], people["carrier"].public, columns
    )
    draw = random.Random(4)
    for name, identity in people.items():
        identity.save(here / f"{name}.key")
        rows = [(draw.randint(20, 90), draw.choice(("female", "male"))) for _ in range(80)]
        lines = [f"{age},{sex},{'yes' if age > 55 else 'no'}" for age, sex in rows]
        (here / f"{name}.csv").write_text("\n".join(["age,sex,ill", *lines]) + "\n")
        if name in PARTIES:
            study.sign(identity)
    with ThreadPoolExecutor() as threads:
        runs = [
            threads.submit(
                take_part,
                Study.load(here / "trial"),
                identity,
                here / f"{name}.csv" if name in PARTIES else None,
                here / f"{name}.tacit",
                None,
                lambda event: None,
            )
            for name, identity in people.items()
        ]
        for run in runs:
            run.result()
    return here


@pytest.fixture
def sealed(finished_run, here):
    """A copy of the finished run in the working folder, to spoil at will."""
    shutil.copytree(finished_run, here, dirs_exist_ok=True)
    return Sealed(here, here / "trial", here / "north.tacit", here / "north.csv")

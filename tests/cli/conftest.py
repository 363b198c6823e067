"""The command line, called in this process as its entry point is."""

import json
import sys
from dataclasses import dataclass

import pytest

from tacit.cli import main
from tacit.keys import Identity

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

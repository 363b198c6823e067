"""Three parties, a coordinator, a recipient, and the agreement between them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tacit.keys import Identity
from tacit.study import Agreement, Study

TEXT = """\
format = "tacit-study/1"
name = "readmission"
purpose = "predict readmission within thirty days"
split = "horizontal"

[coordinator]
name = "carrier"
key = "{carrier}"
address = "carrier.example:7000"

[[parties]]
name = "ash"
key = "{ash}"

[[parties]]
name = "birch"
key = "{birch}"

[[parties]]
name = "cedar"
key = "{cedar}"

[model]
kind = "logistic"

[training]
rounds = 5
learning_rate = 1.0

[privacy]
unit = "record"
epsilon = 4.0
delta = 1e-5

[trust]
corrupt = 0
dropping = 1

[release]
holders = ["ash", "buyer"]

[[release.recipients]]
name = "buyer"
key = "{buyer}"

[data]
label = "readmitted"

[[data.columns]]
name = "age"
kind = "number"
low = 0.0
high = 120.0

[[data.columns]]
name = "readmitted"
kind = "boolean"
"""


@dataclass(frozen=True)
class People:
    """Everybody's keys, and the text of what they agree on."""

    identities: dict[str, Identity]

    @property
    def text(self) -> str:
        return TEXT.format(**{name: identity.public.fingerprint for name, identity in self.identities.items()})

    @property
    def agreement(self) -> Agreement:
        return Agreement.decode(self.text.encode())

    def study(self, folder: Path, *, signed: bool = False) -> Study:
        """A new study folder, signed by nobody or by all parties."""
        study = Study.new(folder, self.text.encode(), [identity.public for identity in self.identities.values()])
        for name in study.agreement.names if signed else ():
            study.sign(self.identities[name])
        return study

    def __getitem__(self, name: str) -> Identity:
        return self.identities[name]


@pytest.fixture(scope="session")
def people() -> People:
    return People({name: Identity.new(name) for name in ("ash", "birch", "cedar", "carrier", "buyer")})


@pytest.fixture(scope="session")
def outsider() -> Identity:
    return Identity.new("outsider")

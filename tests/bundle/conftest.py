"""A finished study in miniature: four parties, one absent, two holders, and the means to forge what they made."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tacit.bundle import (
    Bundle,
    Manifest,
    NoisyRelease,
    Outcome,
    PrivacyLedger,
    Proposal,
    Rounds,
    container,
    propose,
    sign,
)
from tacit.bundle.container import Sections
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.graph import Graph, Linear, Sigmoid
from tacit.keys import Identity
from tacit.study import Study

PARTIES = ("ash", "birch", "cedar", "dogwood")
SIGNERS = ("ash", "birch", "cedar")
HOLDERS = ("ash", "buyer")

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

[[parties]]
name = "dogwood"
key = "{dogwood}"

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
corrupt = 1
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

LEDGER = PrivacyLedger(
    unit="record",
    adjacency="two data sets are neighbours when one has one more row, at any one party",
    epsilon_budget=4.0,
    epsilon_spent=3.75,
    delta=1e-5,
    void="",
    releases=(NoisyRelease("statistics", 1, 9.5, 2.0), NoisyRelease("round", 5, 3.25, 1.06)),
)


@dataclass(frozen=True, repr=False)
class World:
    """Everybody's keys, a signed study in a folder, what each honest party computed, and the bundle of it."""

    identities: dict[str, Identity]
    study: Study
    own: Outcome
    proposal: Proposal
    data: bytes

    def _repr_pretty_(self, printer, cycle) -> None:
        printer.text("World(...)")

    @property
    def manifest(self) -> Manifest:
        return Manifest.decode(self.proposal.manifest)

    @property
    def sections(self) -> Sections:
        return container.unpack(self.data)

    def outcome(self, **changes) -> Outcome:
        """What a party would have computed if things had been otherwise."""
        return replace(self.own, **changes)

    def sealed(self, own: Outcome, proposal: Proposal | None = None) -> bytes:
        """The bundle of another outcome, made as the parties make it."""
        proposal = proposal or propose(own)
        signers = Manifest.decode(proposal.manifest).signers
        signatures = {name: sign(self.identities[name], proposal.manifest) for name in signers}
        return Bundle.assemble(own.study, proposal.manifest, signatures, proposal.payload).encode()

    def conspire(self, **changes) -> bytes:
        """A bundle whose manifest is changed, and which its signers have signed all the same."""
        return self.resigned(msgspec.structs.replace(self.manifest, **changes))

    def resigned(self, manifest: Manifest, **sections) -> bytes:
        """A bundle of this manifest, signed by those whom it names, whether or not it makes sense."""
        data = manifest.encode()
        signatures = tuple(self.identities[name].sign(SIGNING_DOMAIN, data) for name in manifest.signers)
        return self.packed(manifest=data, manifest_signatures=signatures, **sections)

    def packed(self, **sections) -> bytes:
        """The bundle with some sections exchanged and nothing else adapted."""
        return container.pack(self.sections._replace(**sections))

    def another_study(self, folder: Path, change=lambda text: text, keep: bool = True) -> Study:
        """A study that differs in its text, signed by all of its parties; with `keep` it has the same keys."""
        identities = self.identities if keep else {name: Identity.new(name) for name in self.identities}
        return make_study(folder, identities, change)


def agreement_text(identities: dict[str, Identity]) -> str:
    return TEXT.format(**{name: identity.public.fingerprint for name, identity in identities.items()})


def make_study(folder: Path, identities: dict[str, Identity], change=lambda text: text) -> Study:
    text = change(agreement_text(identities))
    study = Study.new(folder, text.encode(), [identity.public for identity in identities.values()])
    for name in study.agreement.names:
        study.sign(identities[name])
    return study


def small_graph() -> Graph:
    """Of the schema's one feature: the probability grows with age and is one half at 64."""
    return Graph.build([Linear.of(np.array([[0.03125]]), np.array([-2.0])), Sigmoid.of()], [0.0], [120.0])


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    identities = {name: Identity.new(name) for name in (*PARTIES, "carrier", "buyer")}
    study = make_study(tmp_path_factory.mktemp("world") / "study", identities)
    run = hashlib.sha256(b"the first run").digest()
    log = study.run_log("ash", run)
    for index in range(5):
        log.append("round", {"index": index})
    own = Outcome(
        study=study,
        run=run,
        graph=small_graph().to_bytes(),
        content_key=hashlib.sha256(b"content key").digest(),
        salt=hashlib.sha256(b"salt").digest(),
        ledger=LEDGER,
        rounds=Rounds(5, 5),
        log=log.head,
        signers=SIGNERS,
    )
    proposal = propose(own)
    empty = World(identities, study, own, proposal, b"")
    return replace(empty, data=empty.sealed(own, proposal))


@pytest.fixture(scope="session")
def outsider() -> Identity:
    return Identity.new("outsider")

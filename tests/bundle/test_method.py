"""What a bundle says of how its model was trained: by secure sums, or by multi-party computation and how secure."""

import msgspec
import pytest

from tacit.bundle import Manifest, PrivacyLedger, Rounds, container, propose, verify
from tacit.bundle.manifest import SIGNING_DOMAIN

from .checking import only

replace = msgspec.structs.replace


COMPUTED = """
[computation]
security = "active"
addresses = ["a.example:7001", "b.example:7001", "c.example:7001"]

[release]
"""


@pytest.fixture
def computed(world, tmp_path):
    """What three parties seal that have trained by multi-party computation."""

    def change(text):
        text = text.replace(text[text.index('[[parties]]\nname = "dogwood"') : text.index("[model]")], "")
        text = text.replace('unit = "record"\nepsilon = 4.0\ndelta = 1e-5', 'unit = "none"')
        text = text.replace("rounds = 5", 'method = "mpc"\nrounds = 5').replace("dropping = 1", "dropping = 0")
        return text.replace("\n[release]\n", COMPUTED)

    study = world.another_study(tmp_path / "computed", change)
    ledger = PrivacyLedger(
        unit="none", adjacency="none", epsilon_budget=0.0, epsilon_spent=0.0, delta=0.0, void="no noise", releases=()
    )
    log = study.run_log("ash", world.own.run)
    log.append("run", {})
    own = world.outcome(study=study, ledger=ledger, log=log.head)
    return study, own, propose(own)


def test_a_computation_says_against_whom_it_is_secure(world, computed):
    study, own, proposal = computed
    manifest = Manifest.decode(proposal.manifest)
    assert (manifest.method, manifest.security) == ("mpc", "active")
    said = {row.check: row for row in verify(world.sealed(own, proposal), study=study).rows}
    assert said["method"].detail == (
        "trained by multi-party computation, security active (abort), one of three may be corrupt"
    )
    assert said["rounds"].detail == "5 epochs of training on shares, all that the agreement plans"
    assert "at most one of the three parties is corrupt, whatever it does" in said["trust"].detail
    assert {row.result for row in said.values()} == {"holds", "warning"}
    assert said["privacy"].result == "warning"


def conspired(world, computed, **changes):
    """The bundle of a manifest that is changed, and which all three have signed all the same."""
    study, own, proposal = computed
    data = replace(Manifest.decode(proposal.manifest), **changes).encode()
    signatures = tuple(world.identities[name].sign(SIGNING_DOMAIN, data) for name in study.agreement.names)
    sections = container.unpack(world.sealed(own, proposal))
    return container.pack(sections._replace(manifest=data, manifest_signatures=signatures))


@pytest.mark.parametrize("security", ["passive", ""])
def test_another_security_than_was_agreed_on(world, computed, security):
    data = conspired(world, computed, security=security)
    only(data, "method", f"its security is {security!r}, but the agreement says 'active'")


def test_another_method_than_was_agreed_on(world, computed):
    data = conspired(world, computed, method="federated", security="active")
    only(data, "method", "its method is 'federated', but the agreement says 'mpc'")
    only(world.conspire(method="mpc"), "method", "its method is 'mpc', but the agreement says 'federated'")
    only(world.conspire(security="active"), "method", "its security is 'active', but the agreement says ''")


def test_a_computation_takes_all_of_its_epochs(world, computed):
    only(conspired(world, computed, rounds=Rounds(5, 4)), "rounds", "4 of 5 epochs: a computation takes all")


def test_trust_of_a_computation_is_the_agreements(world, computed):
    trust = replace(Manifest.decode(computed[2].manifest).trust, corrupt=0)
    only(conspired(world, computed, trust=trust), "trust", "another number of corrupt")

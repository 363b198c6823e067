"""The accountant: what is spent is spent, over all runs, and what does not fit is refused without being counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tacit.errors import BudgetError
from tacit.federated.plan import make_plan
from tacit.federated.privacy import Accountant, calibrate
from tacit.federated.privacy.budget import epsilon_of
from tacit.study import Log, Privacy

from ..agreements import make_agreement

PRIVACY = Privacy("record", 4.0, 1e-5)
ROUND = calibrate(PRIVACY, 10).round


def write_log(path: Path, *multipliers: float) -> Log:
    """The log of a run that released as many sums."""
    log = Log(path)
    log.append("run", {"participants": ["ash"], "multiplier": 0.001})
    for step, multiplier in enumerate(multipliers):
        log.append("release", {"step": step, "kind": "round", "multiplier": multiplier})
        log.append("total", {"step": step, "survivors": ["ash"], "sha256": "00"})
    return log


def test_nothing_is_spent_at_first() -> None:
    assert Accountant(PRIVACY).epsilon == 0.0


def test_charges_add_up() -> None:
    accountant = Accountant(PRIVACY)
    for count in (1, 2, 3):
        accountant.charge(ROUND)
        assert accountant.epsilon == epsilon_of({ROUND: count}, PRIVACY.delta)
    accountant.charge(2 * ROUND)
    assert accountant.epsilon == epsilon_of({ROUND: 3, 2 * ROUND: 1}, PRIVACY.delta)


def test_a_whole_plan_fits_and_nothing_more() -> None:
    agreement = make_agreement(unit="record", rounds=7)
    plan, accountant = make_plan(agreement), Accountant(agreement.privacy)
    accountant.require(plan.releases())
    for step in plan.steps:
        accountant.charge(step.multiplier)
    assert 0.999 * 4.0 <= accountant.epsilon <= 4.0
    with pytest.raises(BudgetError, match=r"epsilon 4 of 4 is spent .* Nothing was released"):
        accountant.charge(plan.steps[1].multiplier)


def test_a_refused_charge_counts_nothing() -> None:
    accountant = Accountant(PRIVACY)
    accountant.charge(ROUND)
    before = accountant.epsilon
    with pytest.raises(BudgetError):
        accountant.charge(0.1)
    assert accountant.epsilon == before
    accountant.charge(ROUND)
    assert accountant.epsilon > before


def test_a_requirement_counts_nothing() -> None:
    accountant = Accountant(PRIVACY)
    accountant.require({ROUND: 5})
    assert accountant.epsilon == 0.0
    with pytest.raises(BudgetError, match="this would make it"):
        accountant.require({ROUND: 100})
    assert accountant.epsilon == 0.0


def test_the_logs_of_all_earlier_runs_count(tmp_path: Path) -> None:
    logs = [write_log(tmp_path / f"{run}.jsonl", *[ROUND] * run) for run in (3, 2, 4)]
    accountant = Accountant(PRIVACY, logs)
    assert accountant.epsilon == epsilon_of({ROUND: 9}, PRIVACY.delta)
    accountant.charge(ROUND)
    with pytest.raises(BudgetError):
        for _ in range(3):
            accountant.charge(ROUND)


def test_logs_are_counted_as_read_from_the_disk(tmp_path: Path) -> None:
    multiplier = 6.683229439044636
    written = write_log(tmp_path / "run.jsonl", multiplier, multiplier)
    accountant = Accountant(PRIVACY, [Log(written.path)])
    accountant.charge(multiplier)
    assert accountant.epsilon == epsilon_of({multiplier: 3}, PRIVACY.delta)


def test_a_run_that_broke_off_has_spent_what_it_charged(tmp_path: Path) -> None:
    log = Log(tmp_path / "run.jsonl")
    log.append("run", {})
    log.append("release", {"step": 0, "kind": "statistics", "multiplier": ROUND})
    # Killed while it wrote the next line.
    with log.path.open("ab") as stream:
        stream.write(b'{"body":{"kind":"round"')
    assert Accountant(PRIVACY, [Log(log.path)]).epsilon == epsilon_of({ROUND: 1}, PRIVACY.delta)


def test_what_a_log_says_of_other_things_is_no_release(tmp_path: Path) -> None:
    assert Accountant(PRIVACY, [write_log(tmp_path / "run.jsonl")]).epsilon == 0.0


@pytest.mark.parametrize("multiplier", [0.0, -1.0, 10**400, None, "6.7", True, [3.0]])
def test_an_earlier_release_without_noise_leaves_nothing_to_promise(tmp_path: Path, multiplier: object) -> None:
    """Its log was kept under an agreement that claimed nothing, or is damaged: what it showed cannot be taken back."""
    log = Log(tmp_path / "run.jsonl")
    log.append("release", {"step": 0, "kind": "round", "multiplier": multiplier})
    with pytest.raises(BudgetError, match=r"run\.jsonl has a release without noise"):
        Accountant(PRIVACY, [log])


def test_an_earlier_release_that_does_not_say_its_noise_leaves_nothing_to_promise(tmp_path: Path) -> None:
    log = Log(tmp_path / "run.jsonl")
    log.append("release", {"step": 0, "kind": "round"})
    with pytest.raises(BudgetError, match="a release without noise"):
        Accountant(PRIVACY, [log])


def test_releases_without_noise_claim_nothing(tmp_path: Path) -> None:
    """They can be there only where the agreement claims nothing either."""
    log = write_log(tmp_path / "run.jsonl", 0.0, 0.0)
    accountant = Accountant(Privacy("none"), [log])
    accountant.require({0.5: 10_000})
    accountant.charge(0.5)
    assert accountant.epsilon == 0.0

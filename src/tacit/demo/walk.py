"""The nine steps of the demo, by the same files and commands that a real study uses."""

from __future__ import annotations

import itertools
import shutil
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tacit.bundle import Bundle, Report, verify
from tacit.bundle.prediction import predict
from tacit.demo import processes
from tacit.demo.baselines import accuracy, baselines
from tacit.demo.patients import HOSPITALS, LABEL, Patients, patient_schema, split_patients
from tacit.errors import TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.run import new_study
from tacit.study import Study
from tacit.study.drafting import Choices

COORDINATOR = "coordinator"
Tell = Callable[["Step"], None]
Watch = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Step:
    """One of the nine steps, done: its number, what it is, and what came of it."""

    number: int
    title: str
    outcome: str


@dataclass
class DemoReport:
    """What the demo found."""

    folder: Path
    accuracy: float = 0.0
    alone: dict[str, float] = field(default_factory=dict)
    pooled: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)
    holdout_rows: int = 0
    fixed_point: dict[str, Any] = field(default_factory=dict)
    epsilon: float = 0.0
    delta: float = 0.0
    void: str = ""
    model_digest: str = ""
    seconds: float = 0.0
    verification: Report | None = None

    @property
    def verified(self) -> bool:
        """Whether the bundle holds, by `tacit verify`."""
        return self.verification is not None and self.verification.holds

    @property
    def alone_mean(self) -> float:
        """The accuracy of one hospital alone, on average over the hospitals."""
        return sum(self.alone.values()) / len(self.alone)


def set_aside(folder: Path) -> Path | None:
    """Move an earlier demo out of the way, so that nothing of it is lost; return where it is now.

    Raises:
        TacitError: something is there that is no demo, which is left as it is.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not (folder / "hospitals").is_dir():
        raise TacitError(f"{folder} exists and is not an earlier demo: choose another folder with --out")
    folder = folder.resolve()
    numbers = (folder.with_name(f"{folder.name}.{number}") for number in itertools.count(1))
    return folder.rename(next(kept for kept in numbers if not kept.exists()))


def run_demo(folder: Path, seed: int | None, tell: Tell, watch: Watch) -> DemoReport:
    """Walk through all nine steps in `folder`, new or empty; returns what was found.

    With a `seed` the result repeats and there is no privacy: for tests alone.

    Raises:
        TacitError: a step failed.
    """
    began = time.monotonic()
    patients = split_patients(seed)
    report = DemoReport(folder, rows={name: len(table) for name, table in patients.hospitals.items()})
    report.holdout_rows = len(patients.holdout)
    folders = _lay_out(folder, patients)
    compared = _Background(lambda: baselines(patients))
    _make_identities(folders, tell)
    _agree(folder, folders, seed, tell)
    _train(folders, report, tell, watch)
    _use(folders, patients, report, tell)
    report.alone, report.pooled = compared.result()
    report.seconds = time.monotonic() - began
    return report


def _lay_out(folder: Path, patients: Patients) -> dict[str, Path]:
    """Give each hospital its folder with its table, and nothing of anyone else's."""
    folders = {name: folder / "hospitals" / name for name in HOSPITALS}
    folders[COORDINATOR] = folder / COORDINATOR
    for path in folders.values():
        path.mkdir(parents=True, mode=0o700)
    for name, table in patients.hospitals.items():
        table.to_csv(folders[name] / "patients.csv", index=False)
    patients.holdout.to_csv(folder / "holdout.csv", index=False)
    return folders


def _make_identities(folders: dict[str, Path], tell: Tell) -> None:
    made = processes.run_each(folders, {name: ("id", "new", name) for name in folders}, _ignore)
    prints = ", ".join(f"{name} {made[name]['fingerprint'][7:15]}…" for name in HOSPITALS)
    tell(Step(1, "identities", f"Ed25519+ML-DSA-65 and X25519+ML-KEM-768: {prints}"))


def _agree(folder: Path, folders: dict[str, Path], seed: int | None, tell: Tell) -> None:
    """Draft the study, hand everyone a copy, let each sign, and hand round the signatures."""
    public = {name: PublicIdentity.load(path / f"{name}.pub") for name, path in folders.items()}
    choices = Choices(
        name="breast-cancer",
        purpose="tell malignant from benign tumours by measurements of cell nuclei",
        address=f"127.0.0.1:{_free_port()}",
        rounds=30,
        epsilon=4.0,
        delta=1e-5,
        corrupt=1,
        dropping=1,
        test_seed=seed,
    )
    study = new_study(
        folder / "study", choices, [public[name] for name in HOSPITALS], public[COORDINATOR], patient_schema()
    )
    for path in folders.values():
        shutil.copytree(study.folder, path / "study")
    signing = {name: ("study", "sign", "study", "--identity", f"{name}.key") for name in HOSPITALS}
    processes.run_each(folders, signing, _ignore)
    for name in HOSPITALS:
        signature = Path("signatures") / f"{name}.sig"
        for copy in [folder / "study", *(path / "study" for path in folders.values())]:
            if copy != folders[name] / "study":
                shutil.copyfile(folders[name] / "study" / signature, copy / signature)
    study.require_signed()
    tell(Step(2, "agreement", f"study.toml {study.digest.hex()[:16]}… signed by {', '.join(HOSPITALS)}"))


def _train(folders: dict[str, Path], report: DemoReport, tell: Tell, watch: Watch) -> None:
    arguments: dict[str, tuple[str, ...]] = {
        name: ("train", "study", "--identity", f"{name}.key", "--data", "patients.csv") for name in HOSPITALS
    }
    arguments[COORDINATOR] = ("train", "study", "--identity", f"{COORDINATOR}.key")
    told = _TrainingSteps(report, tell, watch)
    done = processes.run_each(folders, arguments, told)
    own = [done[name]["fixed_point"] for name in HOSPITALS]
    report.fixed_point = {
        "rows": sum(part["rows"] for part in own),
        "changed": sum(part["changed"] for part in own),
        "largest_difference": max(part["largest_difference"] for part in own),
    }
    lost = report.fixed_point
    tell(
        Step(
            6,
            "fixed point",
            f"changes {lost['changed']} of {lost['rows']} predictions, by at most {lost['largest_difference']:.1e}",
        )
    )


class _TrainingSteps:
    """Follows the parties' events and tells the steps that they complete."""

    def __init__(self, report: DemoReport, tell: Tell, watch: Watch) -> None:
        self._report = report
        self._tell = tell
        self._watch = watch
        self._told: set[int] = set()

    def __call__(self, party: str, line: dict[str, Any]) -> None:
        self._watch(party, line)
        if party != HOSPITALS[0]:
            return
        kind = line.get("event")
        if kind == "joined":
            rows = ", ".join(f"{name} {count}" for name, count in self._report.rows.items())
            self._once(Step(3, "tables", f"all rows fit the schema; each read by its hospital alone: {rows}"))
        elif kind == "statistics":
            self._once(
                Step(4, "statistics", f"secure, noisy sum of {line['survivors']} parties: about {line['count']} rows")
            )
        elif kind == "round" and line["step"] == line["steps"]:
            outcome = f"{line['steps']} rounds, loss {line['loss']:.3f} (noisy), epsilon {line['epsilon']:.2f}"
            self._once(Step(5, "training", outcome))

    def _once(self, step: Step) -> None:
        if step.number not in self._told:
            self._told.add(step.number)
            self._tell(step)


def _use(folders: dict[str, Path], patients: Patients, report: DemoReport, tell: Tell) -> None:
    """Look at the bundle, verify it, and predict for patients whom no hospital has seen."""
    holder = HOSPITALS[0]
    path = report.folder / "model.tacit"
    shutil.copyfile(folders[holder] / "model.tacit", path)
    bundle = Bundle.load(path)
    ledger = bundle.manifest.privacy
    report.epsilon, report.delta, report.void = ledger.epsilon_spent, ledger.delta, ledger.void
    tell(
        Step(7, "bundle", f"model.tacit, {path.stat().st_size:,} bytes, signed by {', '.join(bundle.manifest.signers)}")
    )
    study = Study.load(folders[holder] / "study")
    report.verification = verify(path, study=study)
    held = sum(row.result == "holds" for row in report.verification.rows)
    tell(Step(8, "verify", f"{held} checks hold" if report.verification.holds else "does NOT hold"))
    identity = Identity.load(folders[holder] / f"{holder}.key")
    unlabelled = report.folder / "patients.csv"
    patients.holdout.drop(columns=LABEL).to_csv(unlabelled, index=False)
    result = predict(bundle, identity, unlabelled, study)
    result.save(report.folder / "predictions.csv")
    report.model_digest = bundle.open(identity).digest
    report.accuracy = accuracy(result.values, patients.holdout)
    tell(Step(9, "predict", f"{len(result)} patients whom no hospital has seen: predictions.csv"))


class _Background:
    """A value that is worked out while other things go on."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._value: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._value.append(work()), daemon=True)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join()
        return self._value[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ignore(party: str, line: dict[str, Any]) -> None:
    pass

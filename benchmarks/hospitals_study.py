"""Four real hospitals' tables, and the ways to train on them: a whole study, open sums, scikit-learn."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tacit
from tacit.data import Column, Schema, Table
from tacit.federated.plan import make_plan
from tacit.federated.training import FederatedTraining
from tacit.run import serve_coordinator, serve_party
from tacit.study import Agreement, Study
from tacit.study.drafting import Choices, compose
from tacit.wire import pair

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "heart"
HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
ZERO_IS_MISSING = ("trestbps", "chol", "thal")  # nobody has a blood pressure or cholesterol of 0
HELD_OUT = 0.3
HIDDEN = {"logistic": (), "mlp": (16,)}
Score = Callable[[np.ndarray], np.ndarray]  # features (rows, features) to probabilities (rows,)


class Setting(NamedTuple):
    """What was chosen for one model and budget."""

    rounds: int
    learning_rate: float
    clip: float
    l2: float


def _number(name: str, low: float, high: float, unit: str = "", missing: str = "indicator") -> Column:
    return Column(name=name, kind="number", low=low, high=high, unit=unit, missing=missing)


def _codes(name: str, values: str, missing: str = "indicator") -> Column:
    return Column(name=name, kind="category", values=tuple(values), missing=missing)


# Bounds are what such measurements can be in adults, not what these rows hold.
SCHEMA = Schema(
    label="disease",
    columns=(
        _number("age", 18.0, 100.0, "years", missing="refuse"),
        Column(name="sex", kind="boolean"),
        _codes("cp", "1234", missing="refuse"),
        _number("trestbps", 60.0, 260.0, "mmHg"),
        _number("chol", 50.0, 700.0, "mg/dl"),
        Column(name="fbs", kind="boolean", missing="indicator"),
        _codes("restecg", "012"),
        _number("thalach", 40.0, 220.0, "1/min"),
        Column(name="exang", kind="boolean", missing="indicator"),
        _number("oldpeak", -5.0, 10.0, "mm"),
        _codes("slope", "123"),
        _number("ca", 0.0, 3.0, "vessels"),
        _codes("thal", "367"),
        Column(name="disease", kind="category", values=("no", "yes")),
    ),
    max_rows=1000,
)


class Split(NamedTuple):
    """Each hospital's training and test rows, in the order of HOSPITALS."""

    training: list[Table]
    test: list[Table]


def read_hospital(name: str) -> pd.DataFrame:
    """The hospital's file as it would clean it: zeros that stand for nothing are empty, the label is yes or no."""
    table = pd.read_csv(DATA / f"{name}.csv", dtype=str, keep_default_na=False)
    for column in ZERO_IS_MISSING:
        table.loc[table[column] == "0", column] = ""
    table["disease"] = np.where(table.pop("num").astype(int) > 0, "yes", "no")
    return table


def split_hospitals(seed: int, folder: Path) -> Split:
    """Split every hospital 70/30, stratified by label; write CSVs, and load them as a party does."""
    parts: Split = Split([], [])
    for name in HOSPITALS:
        rows = read_hospital(name)
        halves = train_test_split(rows, test_size=HELD_OUT, stratify=rows["disease"], random_state=seed)
        for tables, half, use in zip(parts, halves, ("training", "test"), strict=True):
            path = folder / f"{name}-{use}-{seed}.csv"
            half.to_csv(path, index=False)
            tables.append(tacit.load(path, SCHEMA, allow_one_class=use == "test"))
    return parts


IDENTITIES = [tacit.Identity.new(name) for name in HOSPITALS]
CARRIER = tacit.Identity.new("carrier")


def agree(model: str, epsilon: float, setting: Setting, test_seed: int | None = None) -> Agreement:
    """The agreement of the four: no party may drop for good (a broken run goes on), so noise shares are smallest."""
    choices = Choices(
        name="heart",
        purpose="heart disease by what four hospitals measured",
        address="localhost:9440",
        model=model,
        hidden=HIDDEN[model],
        rounds=setting.rounds,
        learning_rate=setting.learning_rate,
        momentum=0.5,
        unit="record" if epsilon else "none",
        epsilon=epsilon,
        delta=1e-5,
        corrupt=1,
        dropping=0,
        test_seed=test_seed,
    )
    drafted = Agreement.decode(compose(choices, [each.public for each in IDENTITIES], CARRIER.public, SCHEMA))
    training = msgspec.structs.replace(drafted.training, clip=setting.clip, l2=setting.l2)
    return msgspec.structs.replace(drafted, training=training)


def train_federated(agreement: Agreement, tables: list[Table], folder: Path) -> Score:
    """A whole study in one process; the model as its holder opens it from the verified bundle."""
    study = Study.new(folder, agreement, [each.public for each in (*IDENTITIES, CARRIER)])
    for party in IDENTITIES:
        study.sign(party)
    lines = [pair(party.public, CARRIER.public) for party in IDENTITIES]
    waiting = [there for _, there in lines]
    with ThreadPoolExecutor(len(HOSPITALS) + 1) as threads:
        coordinating = threads.submit(serve_coordinator, study, lambda timeout: waiting.pop(), lambda event: None)
        parties = [
            threads.submit(serve_party, study, party, table, here, lambda event: None)
            for party, table, (here, _) in zip(IDENTITIES, tables, lines, strict=True)
        ]
        bundle, *_ = [party.result().bundle for party in parties]
        coordinating.result()
    report = tacit.verify(bundle.encode(), study=study)
    if not report.holds:
        raise SystemExit(f"the bundle does not hold:\n{report}")
    graph = bundle.open(IDENTITIES[0])
    return lambda features: graph.predict(features).ravel()


def train_openly(agreement: Agreement, tables: list[Table]) -> Score:
    """The same sums without masks, for tuning: the same arithmetic in a fraction of the time."""
    plan = make_plan(agreement)
    parties = [FederatedTraining(agreement, plan, table, name) for table, name in zip(tables, HOSPITALS, strict=True)]
    for step in plan.steps:
        words = [party.contribution(step) for party in parties]
        total = np.sum([each.astype(np.uint64) for each in words], axis=0, dtype=np.uint64)
        total &= np.uint64(2**step.encoding.word_bits - 1)
        for party in parties:
            party.apply(step, total.astype(words[0].dtype), len(parties))
    graph = parties[0].graph()
    return lambda features: graph.predict(features).ravel()


def train_plainly(model: str, tables: list[Table], penalty: float) -> Score:
    """The same model by scikit-learn, without any protection, on the rows of `tables`."""
    features = np.concatenate([table.features for table in tables])
    labels = np.concatenate([table.labels for table in tables])
    if model == "logistic":
        estimator = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=2000)
    else:
        estimator = MLPClassifier(HIDDEN[model], alpha=penalty, solver="lbfgs", max_iter=2000, random_state=0)
    fitted = make_pipeline(StandardScaler(), estimator).fit(features, labels)
    return lambda rows: fitted.predict_proba(rows)[:, 1]

"""Models beyond dense layers, from the agreement to a bundle that predicts: all roles in one process, sums secure."""

import gzip
import hashlib
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tacit.data import Column, Schema, Table
from tacit.errors import AgreementError
from tacit.federated import factory
from tacit.keys import Identity
from tacit.run import coordinator_steps, keep_taking_part, party_steps, take_part
from tacit.study import Agreement, Convolution, Model, Privacy, Release, Study, Training, Trust
from tacit.study.agreement import Coordinator, Party

from .acting import own_copy

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
NAMES = ("north", "east", "south")
BARS = Schema(
    "across",
    (Column("pixel", "number", low=0.0, high=1.0, numbered=(0, 35)), Column("across", "boolean")),
    max_rows=100,
)
CODE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution, self.last = nn.Conv2d(1, 4, 3), nn.Linear(64, 1)

    def forward(self, rows):
        return self.last(torch.relu(self.convolution(rows.reshape(-1, 1, 6, 6))).flatten(1))

def make():
    return Net()
"""
LENET = Model(
    "cnn", hidden=(120, 84), image=(1, 28, 28), convolutions=(Convolution(6, 5, pool=2), Convolution(16, 5, pool=2))
)


@pytest.fixture(scope="module")
def identities() -> dict[str, Identity]:
    return {name: Identity.new(name) for name in (*NAMES, "carrier")}


def idx(name: str) -> np.ndarray:
    """The array in one of the files of LeCun, Cortes and Burges: bytes, after its sides as big-endian numbers."""
    data = gzip.decompress((MNIST / name).read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, ">u4", axes, 4)
    return np.frombuffer(data, np.uint8, math.prod(map(int, shape)), 4 + 4 * axes).reshape(shape)


def make_study(folder: Path, identities: dict[str, Identity], model: Model, schema: Schema, **settings) -> Study:
    people = [identities[name].public for name in (*NAMES, "carrier")]
    agreement = Agreement(
        name="images",
        purpose="a test",
        coordinator=Coordinator("carrier", people[-1].fingerprint, "localhost:9440"),
        parties=tuple(Party(each.name, each.fingerprint) for each in people[:-1]),
        model=model,
        training=settings["training"],
        privacy=settings.get("privacy", Privacy("none")),
        trust=Trust(0, 0),
        release=Release(NAMES),
        data=schema,
    )
    study = Study.new(folder, agreement.encode(), people)
    for name in NAMES:
        study.sign(identities[name])
    return study


def run(study: Study, identities: dict[str, Identity], tables: dict[str, Table]) -> dict:
    """What each party has at the end."""
    parties = {
        name: party_steps(own_copy(study, name), identities[name], tables[name], lambda event: None) for name in NAMES
    }
    coordinator, results = coordinator_steps(own_copy(study, "carrier"), lambda event: None), {}
    next(coordinator)
    answers = {name: next(party) for name, party in parties.items()}
    try:
        while True:
            outgoing, answers = coordinator.send(answers), {}
            for name, message in outgoing.items():
                try:
                    answers[name] = parties[name].send(message)
                except StopIteration as end:
                    results[name] = end.value
    except StopIteration:
        return results


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason="shared/data/mnist, beside the repository, is not there")
def test_three_parties_train_lenet_on_digits(tmp_path, identities):
    """LeNet-5 (LeCun et al. 1998) by FedAvg, on some 667 digits of each party: tested on 500 that none of them has."""
    images, labels = idx("t10k-images-idx3-ubyte.gz"), idx("t10k-labels-idx1-ubyte.gz").astype(np.int64)
    order = np.random.default_rng(0).permutation(len(images))[:2500]
    pixels = images[order].reshape(2500, 784).astype(np.float64)
    schema = Schema(
        "digit",
        (
            Column("pixel", "integer", low=0, high=255, numbered=(0, 783)),
            Column("digit", "category", values=tuple(map(str, range(10)))),
        ),
        max_rows=1000,
    )
    rows = np.array_split(np.arange(2000), 3)
    tables = {
        name: Table(pixels[part], labels[order[part]], schema, f"{name}.csv")
        for name, part in zip(NAMES, rows, strict=True)
    }
    training = Training(
        rounds=8, learning_rate=0.05, clip=50.0, strategy="fedavg", local_steps=20, batch_rows=32, timeout_seconds=600
    )
    study = make_study(tmp_path / "study", identities, LENET, schema, training=training)
    results = run(study, identities, tables)
    graph = results["north"].bundle.open(identities["north"])
    right = (graph.classify(pixels[2000:]) == labels[order[2000:]]).mean()
    assert right >= 0.9
    assert results["north"].fixed_point["changed"] <= 5


def bars(rows: int, seed: int) -> Table:
    """Images of 6 x 6 with a bar, across or upright, in noise."""
    draw = np.random.default_rng(seed)
    images, across = draw.uniform(0, 0.4, (rows, 6, 6)), draw.integers(0, 2, rows)
    for image, lies, place in zip(images, across, draw.integers(0, 6, rows), strict=True):
        image[(place, slice(None)) if lies else (slice(None), place)] += 0.6
    return Table(images.reshape(rows, 36), across, BARS, f"bars {seed}")


@pytest.fixture
def torch_code(tmp_path, monkeypatch) -> Model:
    """The agreement's model for `CODE`, in a package on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "bar_nets.py"
    path.write_text(CODE)
    source = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return Model("torch", factory="bar_nets:make", source=source, parameters=40 + 65)


CNN = Model("cnn", (8,), image=(1, 6, 6), convolutions=(Convolution(4, 3, pool=2, pooling="max"),))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cnn", "torch"])
@pytest.mark.parametrize(
    ("privacy", "training"),
    [
        (
            Privacy("none"),
            Training(
                rounds=8, learning_rate=0.3, clip=20.0, local_steps=5, validation_share=0.2, personal="last-layer"
            ),
        ),
        (Privacy("record", 200.0, 1e-5), Training(rounds=15, learning_rate=1.0, momentum=0.8)),
        (Privacy("party", 1000.0, 1e-5), Training(rounds=4, learning_rate=0.3, local_steps=10, clip=5.0)),
    ],
    ids=lambda value: value.unit if isinstance(value, Privacy) else "",
)
def test_images_and_torch_code_are_trained_and_sealed(tmp_path, identities, torch_code, kind, privacy, training):
    model = CNN if kind == "cnn" else torch_code
    tables = {name: bars(100, place) for place, name in enumerate(NAMES)}
    study = make_study(tmp_path / "study", identities, model, BARS, training=training, privacy=privacy)
    results = run(study, identities, tables)
    assert set(results) == set(NAMES)
    bundle = results["east"].bundle
    assert bundle.encode() == results["north"].bundle.encode()
    assert bundle.manifest.model.kind == kind
    graph, unseen = bundle.open(identities["east"], study), bars(200, 9)
    # With a whole party as the unit, three parties leave little but noise: that it runs to its end is the point.
    if privacy.unit != "party":
        assert (graph.classify(unseen.features) == unseen.labels).mean() > 0.85


def test_a_party_with_another_file_takes_no_part(tmp_path, identities, torch_code):
    """It says which digest it found; nothing is sent."""
    study = make_study(tmp_path / "study", identities, torch_code, BARS, training=Training(rounds=1, learning_rate=0.1))
    (tmp_path / "bar_nets.py").write_text(CODE.replace("relu", "tanh"))
    factory._function.cache_clear()
    with pytest.raises(AgreementError, match="not the file that was agreed on; its digest is sha256:"):
        next(party_steps(study, identities["north"], bars(20, 0), lambda event: None))


@pytest.mark.parametrize("taking", [take_part, keep_taking_part])
@pytest.mark.parametrize(
    ("code", "parameters", "reason"),
    [
        (CODE.replace("relu", "tanh"), 105, "not the file that was agreed on"),
        (CODE, 104, "has 105 parameters"),
        (None, 105, "there is no module 'bar_nets' here"),
    ],
)
def test_a_party_without_the_agreed_code_notices_before_it_connects(
    tmp_path, identities, torch_code, taking, code, parameters, reason
):
    model = msgspec.structs.replace(torch_code, parameters=parameters)
    training = Training(rounds=1, learning_rate=0.1, timeout_seconds=1)
    study = make_study(tmp_path / "study", identities, model, BARS, training=training)
    pixels = [f"pixel{place}" for place in range(36)]
    rows = [[*pixels, "across"], [*["0.5"] * 36, "yes"], [*["0.1"] * 36, "no"]]
    (tmp_path / "north.csv").write_text("\n".join(",".join(row) for row in rows))
    file = tmp_path / "bar_nets.py"
    file.unlink() if code is None else file.write_text(code)
    factory._function.cache_clear()
    with pytest.raises(AgreementError, match=reason):
        taking(study, identities["north"], tmp_path / "north.csv", tmp_path / "out.tacit", None, lambda event: None)

"""Models beyond dense layers, from the agreement to a bundle that predicts: all roles in one process, sums secure."""

import gzip
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tacit.data import Column, Schema, Table
from tacit.keys import Identity
from tacit.run import coordinator_steps, party_steps
from tacit.study import Agreement, Convolution, Model, Privacy, Release, Study, Training, Trust
from tacit.study.agreement import Coordinator, Party

from .acting import own_copy

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
NAMES = ("north", "east", "south")
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

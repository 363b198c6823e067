"""What training and classifying on shares cost in accuracy: the same steps in the clear and on shares.

Run: python benchmarks/mpc_accuracy.py [--only breast-cancer adult mnist cnn] [--security passive]

breast-cancer (scikit-learn) and adult (../shared/data): logistic regression. mnist (../shared/data, the 10,000 test
images, 8,000 to train on and 2,000 to test): an MLP 784-128-128-10 trained on shares, and a convolutional network of
LeNet's size trained in the clear and classifying on shares. In the clear is torch in float32, from the same weights,
with the same batches, rate and epochs. Three parties, rows split evenly, as threads of this process.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_breast_cancer
from torch import nn

from tacit.graph import Graph
from tacit.mpc import Part, Session, Settings, Split, run_locally, train
from tacit.mpc.evaluation import Skeleton, evaluate, weights_of
from tacit.mpc.inputs import share
from tacit.mpc.opening import open_to_all
from tacit.mpc.training.descent import initial_weights
from tacit.mpc.training.rows import decoded, encoded
from tacit.mpc.verification import verify

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Data:
    """Features within [-1, 1], labels from 0 on; rows to train on, then rows to test on."""

    x: np.ndarray
    y: np.ndarray
    train: int


def breast_cancer() -> Data:
    x, y = load_breast_cancer(return_X_y=True)
    return _shuffled(_bounded(x), y, 455)


def adult() -> Data:
    import pandas as pd

    table = pd.read_csv(DATA / "adult" / "adult.csv")
    y = (table.pop("income").str.strip().str.startswith(">50K")).to_numpy().astype(np.int64)
    columns = pd.get_dummies(table, dummy_na=False).to_numpy(dtype=np.float64)
    return _shuffled(_bounded(columns), y, 26_048)


def mnist() -> Data:
    def read(name: str, skip: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((DATA / "mnist" / name).read_bytes()), np.uint8, offset=skip)

    images = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784) / 127.5 - 1
    return _shuffled(images, read("t10k-labels-idx1-ubyte.gz", 8).astype(np.int64), 8_000)


def _bounded(x: np.ndarray) -> np.ndarray:
    low, high = x.min(axis=0), x.max(axis=0)
    return 2 * (x - low) / np.maximum(high - low, 1e-9) - 1


def _shuffled(x: np.ndarray, y: np.ndarray, train: int) -> Data:
    order = np.random.default_rng(0).permutation(len(x))
    return Data(x[order], y[order], train)


def on_shares(data: Data, settings: Settings, security: str) -> tuple[float, float]:
    """Accuracy on the test rows, and seconds, of a training on shares."""
    targets = data.y[:, None].astype(float) if settings.outputs == 1 else np.eye(settings.outputs)[data.y]
    rows = np.array_split(np.arange(data.train), 3)
    split = Split("horizontal", tuple(len(each) for each in rows), (data.x.shape[1],) * 3)

    def party(session: Session, part: Part):
        return train(session, part, split, settings)

    begun = time.perf_counter()
    parts = [(Part(data.x[each], targets[each]),) for each in rows]
    model = run_locally(party, parts, security=security, timeout=600)[0]
    scores = data.x[data.train :]
    for weight, bias in model.layers[:-1]:
        scores = np.maximum(scores @ weight + bias, 0)
    return _right(scores @ model.layers[-1][0] + model.layers[-1][1], data), time.perf_counter() - begun


def in_the_clear(data: Data, settings: Settings) -> float:
    """The same training by torch."""
    x = data.x[: data.train]
    mean, deviation = x.mean(axis=0), np.sqrt(x.var(axis=0) + 2.0**-10)
    z = torch.tensor((data.x - mean) / deviation, dtype=torch.float32)
    layers: list[nn.Module] = []
    for weight, bias in initial_weights(x.shape[1], settings):
        layer = nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weight.T).float(), torch.tensor(bias).float()
        layers += [layer, nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    _descend(network, z[: data.train], data, settings)
    with torch.no_grad():
        return _right(network(z[data.train :]).numpy(), data)


def _descend(network: nn.Module, z: torch.Tensor, data: Data, settings: Settings) -> None:
    labels = torch.tensor(data.y[: data.train])
    loss = nn.BCEWithLogitsLoss() if settings.outputs == 1 else nn.CrossEntropyLoss()
    if settings.outputs == 1:
        labels = labels[:, None].float()
    step = torch.optim.SGD(network.parameters(), settings.learning_rate, settings.momentum, weight_decay=settings.l2)
    for epoch in range(settings.epochs):
        order = np.random.default_rng((settings.seed, epoch)).permutation(data.train)
        for start in range(0, data.train, settings.batch_rows):
            batch = order[start : start + settings.batch_rows]
            step.zero_grad()
            loss(network(z[batch]), labels[batch]).backward()
            step.step()


def _right(scores: np.ndarray, data: Data) -> float:
    found = scores[:, 0] > 0 if scores.shape[1] == 1 else scores.argmax(axis=1)
    return float((found == data.y[data.train :]).mean())


def convolutional(data: Data, security: str) -> tuple[float, float, float]:
    """Accuracy in the clear and on shares, and seconds on shares, of a network of LeNet's size on the test rows."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    z = torch.tensor(data.x, dtype=torch.float32)
    _descend(
        network,
        z[: data.train],
        data,
        Settings("classes", 10, epochs=8, batch_rows=64, learning_rate=0.05, momentum=0.9),
    )
    with torch.no_grad():
        clear = _right(network(z[data.train :]).numpy(), data)
    graph = Graph.from_torch(network, -1.0, 1.0, input_shape=(784,), fraction_bits=16)
    skeleton, f = Skeleton.of(graph), 16
    test = data.x[data.train :]

    def party(session: Session) -> np.ndarray:
        def shared(words: np.ndarray):
            return session.run(share(session.party, 0, words if session.party.index == 0 else None, words.shape))

        weights = [shared(each) for each in weights_of(graph)]
        found = []
        for start in range(0, len(test), 250):
            x = shared(encoded(test[start : start + 250], f, "images"))
            scores = session.run(evaluate(session.party, skeleton, weights, x))
            if session.party.active:
                session.run(verify(session.party))
            found.append(decoded(session.run(open_to_all(session.party, scores)), f))
        return np.concatenate(found)

    begun = time.perf_counter()
    scores = run_locally(party, security=security, timeout=600)[0]
    return clear, _right(scores, data), time.perf_counter() - begun


TRAININGS = {
    "breast-cancer": (
        breast_cancer,
        Settings("binary", epochs=20, batch_rows=32, learning_rate=0.1, momentum=0.5, l2=1e-3),
    ),
    "adult": (adult, Settings("binary", epochs=3, batch_rows=256, learning_rate=0.1, momentum=0.5)),
    "mnist": (mnist, Settings("classes", 10, (128, 128), epochs=5, batch_rows=128, learning_rate=0.1, momentum=0.5)),
}


def cases(only: list[str], security: str) -> Iterator[tuple[str, float, float, float]]:
    for name, (data, settings) in TRAININGS.items():
        if name in only:
            found, seconds = on_shares(data(), settings, security)
            yield f"{name}, trained on shares", found, in_the_clear(data(), settings), seconds
    if "cnn" in only:
        clear, found, seconds = convolutional(mnist(), security)
        yield "mnist, LeNet-sized network classifying on shares", found, clear, seconds


def main() -> None:
    names = [*TRAININGS, "cnn"]
    arguments = argparse.ArgumentParser(description="Accuracy on shares.")
    arguments.add_argument("--only", nargs="+", choices=names, default=names)
    arguments.add_argument("--security", choices=("passive", "active"), default="passive")
    given = arguments.parse_args()
    if not DATA.exists() and set(given.only) - {"breast-cancer"}:
        sys.exit("the data are not here: ../shared/data, beside the repository")
    table = Table("case", "on shares", "in the clear", "difference", "seconds", box=None, title=given.security)
    results = []
    for name, found, clear, seconds in cases(given.only, given.security):
        table.add_row(name, f"{found:.4f}", f"{clear:.4f}", f"{100 * (found - clear):+.2f} points", f"{seconds:.1f}")
        results.append({"case": name, "ours": found, "peer": clear, "ratio": found / clear, "unit": "accuracy"})
    Console(width=120).print(table)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

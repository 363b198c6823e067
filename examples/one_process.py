"""A whole study in one process: three parties and a coordinator as threads, over in-process channels.

For trying things out; `tacit train` does the same between machines. Run: python examples/one_process.py
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import tacit
from tacit.run import new_study, serve_coordinator, serve_party
from tacit.study.drafting import Choices
from tacit.wire import pair

folder = Path(tempfile.mkdtemp())
schema = tacit.Schema(
    label="ill",
    columns=(
        tacit.Column(name="age", kind="number", low=0.0, high=120.0),
        tacit.Column(name="smoker", kind="boolean"),
        tacit.Column(name="ill", kind="category", values=("no", "yes")),
    ),
    max_rows=1000,
)
parties = [tacit.Identity.new(name) for name in ("north", "east", "south")]
carrier = tacit.Identity.new("carrier")
choices = Choices(name="example", purpose="to show the API", address="localhost:9440", rounds=15, epsilon=8.0)
study = new_study(folder / "study", choices, [party.public for party in parties], carrier.public, schema)
for party in parties:
    study.sign(party)

draw = np.random.default_rng(0)
tables = []
for party in parties:
    age, smoker = draw.uniform(20, 90, 300), draw.random(300) < 0.3
    ill = np.where((age - 60) / 10 + 2 * smoker + draw.normal(0, 0.5, 300) > 0, "yes", "no")
    rows = [f"{a:.1f},{str(s).lower()},{label}" for a, s, label in zip(age, smoker, ill, strict=True)]
    (folder / f"{party.name}.csv").write_text("age,smoker,ill\n" + "\n".join(rows) + "\n")
    tables.append(tacit.load(folder / f"{party.name}.csv", schema))

lines = [pair(party.public, carrier.public) for party in parties]
waiting = [there for _, there in lines]
with ThreadPoolExecutor() as threads:
    coordinating = threads.submit(serve_coordinator, study, lambda timeout: waiting.pop(), lambda event: None)
    training = [
        threads.submit(serve_party, study, party, table, here, lambda event: None)
        for party, table, (here, _) in zip(parties, tables, lines, strict=True)
    ]
    bundles = [future.result().bundle for future in training]
    coordinating.result()

graph = bundles[0].open(parties[0])
print(tacit.verify(bundles[0].encode(), study=study))
print("right on", np.mean([(graph.classify(table.features) == table.labels).mean() for table in tables]))

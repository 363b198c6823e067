"""No row of any table crosses the wire: everything that every party says in a whole run is searched for its values."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tacit.data import Column, Schema, load
from tacit.keys import Identity
from tacit.run import new_study, serve_coordinator, serve_party
from tacit.study.drafting import Choices
from tacit.wire import encode, pair

NAMES = ("north", "east", "south")
SCHEMA = Schema(
    label="ill",
    columns=(
        Column(name="dose", kind="number", low=0.0, high=1.0),
        Column(name="weight", kind="number", low=0.0, high=200.0),
        Column(name="ill", kind="boolean"),
    ),
    max_rows=1000,
)


class Overheard:
    """A channel end that keeps the bytes of every message which goes out through it."""

    def __init__(self, channel):
        self._channel = channel
        self.said = []

    def send(self, message, *arguments, **options):
        self.said.append(encode(message))
        return self._channel.send(message, *arguments, **options)

    def __getattr__(self, name):
        return getattr(self._channel, name)


def traces(table) -> set[bytes]:
    """Return what would betray a row: its numbers as text, as floats, and in fixed point, in both byte orders.

    Each is at least 6 bytes long, so that none is found by chance: under 2^-48 a place.
    """
    found = set()
    for row in table.features:
        for value in row:
            found.add(repr(float(value)).encode())
            found |= {np.array(value, order).tobytes() for order in ("<f8", ">f8")}
            fixed = np.array(np.round(value * 2.0**40))
            found |= {fixed.astype(order).tobytes() for order in ("<i8", ">i8")}
        found |= {row.astype(order).tobytes() for order in ("<f4", ">f4")}
    return {trace for trace in found if len(trace) >= 6}


@pytest.fixture(params=["record", "none"])
def run(request, tmp_path):
    """A whole run, with noise and, which hides nothing by itself, without."""
    budget = {"epsilon": 4.0, "delta": 1e-5} if request.param == "record" else {"epsilon": 0.0, "delta": 0.0}
    parties = [Identity.new(name) for name in NAMES]
    carrier = Identity.new("carrier")
    trust = {"corrupt": 0, "dropping": 0}
    choices = Choices(
        name="trial", purpose="a test", address="localhost:9440", rounds=3, unit=request.param, **trust, **budget
    )
    study = new_study(tmp_path / "study", choices, [party.public for party in parties], carrier.public, SCHEMA)
    draw = np.random.default_rng(8)
    tables = []
    for party in parties:
        study.sign(party)
        rows = [f"{draw.random()!r},{200 * draw.random()!r},{draw.random() < 0.5}" for _ in range(40)]
        (tmp_path / f"{party.name}.csv").write_text("dose,weight,ill\n" + "\n".join(rows) + "\n")
        tables.append(load(tmp_path / f"{party.name}.csv", SCHEMA))
    lines = [pair(party.public, carrier.public) for party in parties]
    ends = [Overheard(here) for here, _ in lines]
    waiting = [Overheard(there) for _, there in lines]
    answers = list(waiting)
    with ThreadPoolExecutor() as threads:
        coordinating = threads.submit(serve_coordinator, study, lambda timeout: waiting.pop(), lambda event: None)
        training = [
            threads.submit(serve_party, study, party, table, end, lambda event: None)
            for party, table, end in zip(parties, tables, ends, strict=True)
        ]
        for future in [*training, coordinating]:
            future.result()
    return tables, [b"".join(end.said) for end in [*ends, *answers]]


def test_no_value_of_any_row_is_in_any_message(run):
    tables, said = run
    assert all(len(part) > 10_000 for part in said), "nothing was overheard: the test would be empty"
    for table in tables:
        looked_for = traces(table)
        assert len(looked_for) > 10 * len(table)
        assert not [trace for trace in looked_for if any(trace in part for part in said)]


def test_a_row_that_did_cross_would_be_found(run):
    tables, _ = run
    row = tables[0].features[7]
    for sent in (row.tobytes(), repr(float(row[0])).encode(), row.astype("<f4").tobytes()):
        assert any(trace in b"before" + sent + b"after" for trace in traces(tables[0]))

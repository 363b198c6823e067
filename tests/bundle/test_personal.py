"""A personal model: for its owner, beside its bundle, and nowhere else."""

import hashlib
import stat

import numpy as np
import pytest

from tacit.bundle import Bundle
from tacit.bundle.personal import DOMAIN, load_personal, save_personal
from tacit.bundle.prediction import UNCERTIFIED, predict
from tacit.errors import FormatError
from tacit.graph import Graph, Linear, Sigmoid


@pytest.fixture
def bundle(world) -> Bundle:
    return Bundle.decode(world.data)


@pytest.fixture
def own() -> Graph:
    return Graph.build([Linear.of(np.array([[0.0625]]), np.array([-3.0])), Sigmoid.of()], [0.0], [120.0])


@pytest.fixture
def path(world, bundle, own, tmp_path):
    save_personal(tmp_path / "own", own, bundle, world.identities["ash"])
    return tmp_path / "own"


def test_comes_back_for_its_owner_and_is_closed_to_others_on_the_machine(world, bundle, own, path):
    assert load_personal(path, bundle, world.identities["ash"]).to_bytes() == own.to_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert own.to_bytes()[-64:] not in path.read_bytes()


def test_nobody_else_opens_it(world, bundle, path):
    with pytest.raises(FormatError, match="no personal model of 'birch' that goes with this bundle"):
        load_personal(path, bundle, world.identities["birch"])


def test_it_goes_with_its_own_bundle_alone(world, path):
    other = Bundle.decode(world.conspire(run=hashlib.sha256(b"another run").digest()))
    with pytest.raises(FormatError, match="that goes with this bundle"):
        load_personal(path, other, world.identities["ash"])


def test_one_that_somebody_else_sealed_to_the_owner_is_refused(world, bundle, own, path):
    ash, context = world.identities["ash"], hashlib.sha256(bundle.encode()).digest()
    forged = world.identities["birch"].sign(DOMAIN, context + own.to_bytes()) + own.to_bytes()
    path.write_bytes(ash.public.seal(DOMAIN, forged, context))
    with pytest.raises(FormatError, match="that goes with this bundle"):
        load_personal(path, bundle, ash)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_any_altered_byte_is_noticed(world, bundle, path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="that goes with this bundle"):
        load_personal(path, bundle, world.identities["ash"])


def test_a_file_that_is_not_there_is_said_to_be(world, bundle, tmp_path):
    with pytest.raises(FormatError, match="cannot read personal model"):
        load_personal(tmp_path / "none", bundle, world.identities["ash"])


def test_predictions_are_its_own_and_carry_a_warning(world, bundle, own, path, tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text("age\n20\n64\n")
    result = predict(bundle, world.identities["ash"], table, world.study, personal=path)
    assert (result.scores[:, 1] == own.predict([[20.0], [64.0]]).reshape(-1)).all()
    assert UNCERTIFIED in result.warnings
    assert UNCERTIFIED not in predict(bundle, world.identities["ash"], table, world.study).warnings

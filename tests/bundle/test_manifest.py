import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit import canonical
from tacit.bundle import Evidence, Manifest
from tacit.bundle import manifest as manifests
from tacit.errors import FormatError


def changed(world, **changes) -> bytes:
    return msgspec.structs.replace(world.manifest, **changes).encode()


def test_bytes_come_back(world):
    assert Manifest.decode(world.proposal.manifest).encode() == world.proposal.manifest


def test_is_json_that_anybody_can_read(world):
    read = json.loads(world.proposal.manifest)
    assert read["format"] == "tacit-bundle/1"
    assert read["signers"] == ["ash", "birch", "cedar"]
    assert read["absent"] == ["dogwood"]
    assert [holder["name"] for holder in read["holders"]] == ["ash", "buyer"]
    assert read["privacy"]["epsilon_spent"] == 3.75


@pytest.mark.parametrize("length", [0, 31, 33])
def test_digests_have_32_bytes(world, length):
    short = bytes(length)
    for name, data in {
        "agreement": changed(world, agreement=short),
        "run": changed(world, run=short),
        "model.commitment": changed(world, model=msgspec.structs.replace(world.manifest.model, commitment=short)),
        "model.payload_digest": changed(
            world, model=msgspec.structs.replace(world.manifest.model, payload_digest=short)
        ),
        "log.root": changed(world, log=msgspec.structs.replace(world.manifest.log, root=short)),
        r"evidence\[1\].digest": changed(
            world, evidence=(Evidence("a", "b", bytes(32), 1), Evidence("a", "b", short, 1))
        ),
    }.items():
        with pytest.raises(FormatError, match=f"{name} has {length} bytes"):
            Manifest.decode(data)


def test_sizes_are_not_negative(world):
    for name, data in {
        "model.payload_size": changed(world, model=msgspec.structs.replace(world.manifest.model, payload_size=-1)),
        "log.size": changed(world, log=msgspec.structs.replace(world.manifest.log, size=-1)),
    }.items():
        with pytest.raises(FormatError, match=f"{name} is negative"):
            Manifest.decode(data)


def test_another_version_is_named_before_its_fields_are_read():
    data = canonical.encode({"format": "tacit-bundle/2", "new field": 1})
    with pytest.raises(FormatError, match="'tacit-bundle/2'; this version reads 'tacit-bundle/1'"):
        Manifest.decode(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"{", b"{ ", 1),
        lambda text: text + b"\n",
        lambda text: text.replace(b'"run"', b'"ru\\u006e"'),
        lambda text: (
            text.replace(b'"absent":["dogwood"],', b"", 1).replace(b"{", b'{"absent":["dogwood"],', 1)[:-1]
            + b',"absent":["dogwood"]}'
        ),
        lambda text: text.replace(b"3.75", b"3.750"),
        lambda text: text.replace(b"4.0", b"4"),
        lambda text: text[:-1] + b',"zebra":1}',
        lambda text: text[:-1] + b',"study":"readmission"}',
    ],
)
def test_only_the_canonical_form_is_read(world, change):
    assert change(world.proposal.manifest) != world.proposal.manifest
    with pytest.raises(FormatError):
        Manifest.decode(change(world.proposal.manifest))


def test_larger_than_any(world, monkeypatch):
    monkeypatch.setattr(manifests, "MAX_BYTES", len(world.proposal.manifest) - 1)
    with pytest.raises(FormatError, match="larger than"):
        Manifest.decode(world.proposal.manifest)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_one_error(data):
    with pytest.raises(FormatError):
        Manifest.decode(data)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b'{"format":1}', b"{}", b"null", b'{"format":'])
def test_hostile_json(data):
    with pytest.raises(FormatError):
        Manifest.decode(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_field_is_a_manifest_or_one_error(world, data):
    tree = json.loads(world.proposal.manifest)
    branch, keys = tree, list(tree)
    while True:
        key = data.draw(st.sampled_from(keys))
        inner = branch[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        branch, keys = inner, list(inner) if isinstance(inner, dict) else list(range(len(inner)))
    branch[key] = data.draw(json_values)
    try:
        encoded = canonical.encode(tree)
    except ValueError:
        return
    try:
        manifest = Manifest.decode(encoded)
    except FormatError:
        return
    assert manifest.encode() == encoded

import pickle
import re
from dataclasses import replace as but

import msgspec
import numpy as np
import pytest

from tacit.bundle import Bundle, Holder, Manifest, payload, propose, sign, verify
from tacit.bundle.manifest import SEALING_DOMAIN
from tacit.bundle.sealing import sealing_context
from tacit.errors import AgreementError, FormatError, IdentityError, ProofError, ProtocolError
from tacit.federated.export import to_graph
from tacit.federated.plan import parameter_count
from tacit.federated.statistics import Scaling
from tacit.graph import (
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Square,
    Unflatten,
)
from tacit.keys import Identity

replace = msgspec.structs.replace


def signatures(world, proposal=None):
    manifest = (proposal or world.proposal).manifest
    return {name: sign(world.identities[name], manifest) for name in Manifest.decode(manifest).signers}


def resealed(world, name, secret, **bound) -> bytes:
    """The bundle with another secret sealed to `name`, signed by all signers."""
    public = world.identities[name].public
    context = sealing_context(
        bound.get("agreement", world.study.digest), bound.get("run", world.own.run), public.fingerprint
    )
    sealed = Holder(name, public.fingerprint, public.seal(SEALING_DOMAIN, secret, context))
    return world.conspire(holders=tuple(sealed if h.name == name else h for h in world.manifest.holders))


def test_bytes_come_back(world):
    assert Bundle.decode(world.data).encode() == world.data


def test_file_comes_back(world, tmp_path):
    path = tmp_path / "model.tacit"
    Bundle.decode(world.data).save(path)
    assert path.read_bytes() == world.data
    assert Bundle.load(path).encode() == world.data


def test_load_names_the_file(world, tmp_path):
    path = tmp_path / "model.tacit"
    with pytest.raises(FormatError, match=r"model\.tacit"):
        Bundle.load(path)
    path.write_bytes(world.data[:-1])
    with pytest.raises(FormatError, match=r"model\.tacit: .*truncated"):
        Bundle.load(path)


def test_says_what_it_is_about(world):
    bundle = Bundle.decode(world.data)
    assert bundle.agreement == world.study.agreement
    assert bundle.manifest == world.manifest
    assert "readmission" in repr(bundle)


@pytest.mark.parametrize("name", ["ash", "buyer"])
def test_every_holder_opens_the_very_model(world, name):
    graph = Bundle.decode(world.data).open(world.identities[name])
    assert graph.to_bytes() == world.own.graph
    rows = [[30.0], [80.0]]
    assert (graph.predict(rows) == Graph.from_bytes(world.own.graph).predict(rows)).all()


def test_the_model_is_not_in_the_file(world):
    assert world.own.graph[8:40] not in world.data
    assert world.own.content_key not in world.data
    assert world.own.salt not in world.data


@pytest.mark.parametrize("name", ["birch", "dogwood", "carrier"])
def test_who_is_no_holder_is_told_what_to_do(world, name):
    with pytest.raises(IdentityError) as caught:
        Bundle.decode(world.data).open(world.identities[name])
    text = str(caught.value)
    assert f"{name!r}" in text
    assert "is not a holder" in text
    assert "ash, buyer" in text
    assert "ask one of them for predictions" in text


def test_a_namesake_of_a_holder_is_no_holder(world):
    with pytest.raises(IdentityError, match="is not a holder"):
        Bundle.decode(world.data).open(Identity.new("ash"))


def test_reports_what_verify_says(world):
    for rest in ({}, {"study": world.study}, {"pins": world.study.parties[:1]}):
        form, *rows = verify(world.data, **rest).rows
        assert form.check == "format"
        assert Bundle.decode(world.data).report(**rest).rows == tuple(rows)


def test_a_bundle_that_does_not_hold_is_not_opened(world):
    altered = world.packed(payload=bytes(len(world.proposal.payload)))
    with pytest.raises(ProofError, match=r"does not hold.*payload: .*SHA-256"):
        Bundle.decode(altered).open(world.identities["ash"])


def test_opening_heeds_study_and_pins(world, tmp_path, outsider):
    bundle, ash = Bundle.decode(world.data), world.identities["ash"]
    bundle.open(ash, world.study, [party.fingerprint for party in world.study.parties])
    with pytest.raises(ProofError, match="keys pinned"):
        bundle.open(ash, pins=[outsider.public])
    with pytest.raises(ProofError, match="keys pinned"):
        bundle.open(ash, world.another_study(tmp_path / "other", keep=False))


def test_a_key_sealed_for_another_run_does_not_open(world):
    data = resealed(world, "buyer", world.own.content_key + world.own.salt, run=bytes(32))
    assert verify(data).holds
    with pytest.raises(IdentityError, match="not sealed to 'buyer'"):
        Bundle.decode(data).open(world.identities["buyer"])
    Bundle.decode(data).open(world.identities["ash"])


def test_a_key_sealed_under_another_agreement_does_not_open(world):
    data = resealed(world, "buyer", world.own.content_key + world.own.salt, agreement=bytes(32))
    with pytest.raises(IdentityError, match="not sealed to 'buyer'"):
        Bundle.decode(data).open(world.identities["buyer"])


def test_the_key_of_another_bundle_does_not_open(world):
    data = resealed(world, "buyer", bytes(32) + world.own.salt)
    with pytest.raises(FormatError, match="does not open under this content key"):
        Bundle.decode(data).open(world.identities["buyer"])


def test_a_model_other_than_the_committed_one_is_refused(world):
    """A coalition of all signers encrypts a second model under the first one's commitment."""
    commitment = world.manifest.model.commitment
    cipher = payload._cipher(world.own.content_key, world.study.digest, world.own.run, commitment)
    second = cipher.encrypt(bytes(12), b"another model", payload.PAYLOAD_DOMAIN + world.study.digest + world.own.run)
    described = replace(
        world.manifest.model, payload_digest=payload.hashlib.sha256(second).digest(), payload_size=len(second)
    )
    data = world.resigned(replace(world.manifest, model=described), payload=second)
    assert verify(data).holds
    with pytest.raises(FormatError, match="another model than the one committed to"):
        Bundle.decode(data).open(world.identities["ash"])


def test_a_salt_other_than_the_committed_one_is_refused(world):
    data = resealed(world, "ash", world.own.content_key + bytes(32))
    with pytest.raises(FormatError, match="another model than the one committed to"):
        Bundle.decode(data).open(world.identities["ash"])


def test_a_payload_that_is_no_model_is_refused(world):
    data = world.sealed(world.outcome(graph=b"not a graph"))
    with pytest.raises(FormatError):
        Bundle.decode(data).open(world.identities["ash"])


def linear(outputs, inputs=1):
    return Linear.of(np.full((outputs, inputs), 0.03125), np.zeros(outputs))


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (Graph.build([linear(3)], [0.0], [120.0]), "gives (3,), but the agreement's takes (1,) and gives (1,)"),
        (Graph.build([linear(1, 2)], [0.0, 0.0], [120.0, 120.0]), "takes rows of shape (2,)"),
        (Graph.build([linear(1)], [0.0], [90.0]), "range of inputs is not the agreement's"),
        (Graph.build([linear(1)], [-1.0], [120.0]), "range of inputs is not the agreement's"),
        (Graph.build([linear(4000), ReLU.of(), linear(1, 4000)], [0.0], [120.0]), "of other widths"),
        (Graph.build([ReLU.of()] * 5, [0.0], [120.0]), "5 layers, more than"),
    ],
)
def test_a_model_of_another_shape_than_agreed_is_refused(world, graph, reason):
    """Conspiring signers could else give rows each other's predictions, show cells in errors, or hold a reader up."""
    data = world.sealed(world.outcome(graph=graph.to_bytes()))
    assert verify(data).holds
    with pytest.raises(FormatError, match=re.escape(reason)):
        Bundle.decode(data).open(world.identities["ash"])


PIXELS = """\
[[data.columns]]
name = "pixel"
kind = "number"
low = 0.0
high = 1.0
numbered = [0, 71]
"""
CNN = """\
kind = "cnn"
image = [2, 6, 6]
convolutions = [
    {channels = 3, kernel = 3, padding = 1, pool = 2},
    {channels = 4, kernel = 2, padding = 0, pool = 2, pooling = "max"},
    {channels = 4, kernel = 1},
]
hidden = [5]
"""
TORCH = f"""\
kind = "torch"
factory = "clinic.nets:make"
source = "sha256:{64 * "a"}"
parameters = 73
"""


def of_images(world, folder, model, label='kind = "boolean"'):
    """What a party computed in a study of this model for rows of 72 pixels."""

    def change(text):
        before, _, after = text.partition('[[data.columns]]\nname = "age"')
        after = after[after.index("\n[[data.columns]]") :].replace('kind = "boolean"', label)
        return before.replace('kind = "logistic"\n', model) + PIXELS + after

    return but(world.own, study=world.another_study(folder, change))


@pytest.fixture(scope="module")
def cnn(world, tmp_path_factory):
    return of_images(world, tmp_path_factory.mktemp("cnn") / "study", CNN)


@pytest.mark.parametrize(
    ("label", "last"),
    [
        ('kind = "boolean"', "sigmoid"),
        ('kind = "category"\nvalues = ["low", "middle", "high"]', "softmax"),
        ('kind = "number"\nlow = 0.0\nhigh = 9.0', "linear"),
    ],
)
def test_a_convolutional_model_opens_whether_or_not_its_scaling_went_into_the_kernel(world, tmp_path, label, last):
    own = of_images(world, tmp_path / "study", CNN, label)
    agreement = own.study.agreement
    parameters = np.linspace(-0.5, 0.5, parameter_count(agreement))
    by_pixel = Scaling(np.linspace(0.1, 0.9, 72), np.linspace(0.5, 1.5, 72), 9.0)
    for scaling, second in ((by_pixel, "normalise"), (Scaling(np.zeros(72), np.ones(72), 9.0), "conv2d")):
        graph = to_graph(agreement, parameters, scaling)
        assert [graph.layers[place].kind for place in (0, 1, -1)] == ["unflatten", second, last]
        data = world.sealed(but(own, graph=graph.to_bytes()))
        assert Bundle.decode(data).open(world.identities["ash"]).to_bytes() == graph.to_bytes()


def ones(*shape):
    return np.full(shape, 0.03125)


HONEST = (
    Unflatten.of(2, 6, 6),
    Conv2d.of(ones(3, 2, 3, 3), padding=1),
    ReLU.of(),
    AveragePool.of(2),
    Conv2d.of(ones(4, 3, 2, 2)),
    ReLU.of(),
    MaxPool.of(2),
    Conv2d.of(ones(4, 4, 1, 1)),
    ReLU.of(),
    Flatten.of(),
    Linear.of(ones(5, 4)),
    ReLU.of(),
    Linear.of(ones(1, 5)),
    Sigmoid.of(),
)


@pytest.mark.parametrize(
    ("place", "instead", "reason"),
    [
        (
            0,
            [Unflatten.of(2, 4, 9), Flatten.of(), Linear.of(ones(2, 72)), ArgMax.of()],
            "unflatten to (2, 4, 9) where the agreement has unflatten to (2, 6, 6)",
        ),
        (0, [ReLU.of(), HONEST[0]], "relu to (72,) where the agreement has unflatten"),
        (
            1,
            [Conv2d.of(ones(3, 2, 5, 5), padding=2)],
            "by windows of (5, 5) with stride (1, 1) and padding (2, 2) where the agreement has conv2d to (3, 6, 6) by "
            "windows of (3, 3) with stride (1, 1) and padding (1, 1)",
        ),
        (1, [Conv2d.of(ones(7, 2, 3, 3), padding=1), Conv2d.of(ones(3, 7, 1, 1))], "conv2d to (7, 6, 6)"),
        (1, [HONEST[1], ReLU.of(), Conv2d.of(ones(3, 3, 3, 3), padding=1)], "conv2d to (3, 6, 6) by windows"),
        (1, [ReLU.of(), HONEST[1]], "relu to (2, 6, 6) where the agreement has conv2d"),
        (2, [Square.of()], "square to (3, 6, 6) where the agreement has relu"),
        (3, [MaxPool.of(2)], "max_pool to (3, 3, 3) by windows of (2, 2)"),
        (3, [AveragePool.of(1, stride=2)], "by windows of (1, 1) with stride (2, 2) and padding (0, 0) where"),
        (4, [Normalise.affine(ones(3, 3, 3) * np.arange(27).reshape(3, 3, 3), 0), HONEST[4]], "normalise to (3, 3, 3)"),
        (6, [MaxPool.of(2, stride=1)], "with stride (1, 1) and padding (0, 0) where the agreement has max_pool"),
        (10, [Linear.of(ones(4000, 4)), ReLU.of(), Linear.of(ones(5, 4000))], "linear to (4000,) where"),
        (11, [Sigmoid.of()], "sigmoid to (5,) where the agreement has relu to (5,)"),
        (13, [], "no layer where the agreement has sigmoid to (1,)"),
        (13, [Sigmoid.of(), ReLU.of()], "relu to (1,) where the agreement has no layer"),
        (12, [Linear.of(ones(2, 5)), ArgMax.of()], "linear to (2,) where the agreement has linear to (1,)"),
    ],
)
def test_a_convolutional_model_of_other_layers_than_agreed_is_refused(world, cnn, place, instead, reason):
    rest = [] if instead and instead[-1].kind is ArgMax else HONEST[place + 1 :]
    graph = Graph.build([*HONEST[:place], *instead, *rest], np.zeros(72), 1)
    data = world.sealed(but(cnn, graph=graph.to_bytes()))
    assert verify(data).holds
    with pytest.raises(FormatError, match=re.escape(reason)):
        Bundle.decode(data).open(world.identities["ash"])


def test_the_layers_that_are_exchanged_above_are_those_agreed_on(world, cnn):
    data = world.sealed(but(cnn, graph=Graph.build(HONEST, np.zeros(72), 1).to_bytes()))
    assert Bundle.decode(data).open(world.identities["ash"]).output_shape == (1,)


def test_a_model_of_torch_code_may_have_any_layers_between_the_agreed_ends(world, tmp_path):
    own = of_images(world, tmp_path / "study", TORCH)

    def opened(layers, high=1.0, features=72):
        graph = Graph.build(layers, np.zeros(features), high)
        return Bundle.decode(world.sealed(but(own, graph=graph.to_bytes()))).open(world.identities["ash"])

    assert len(opened(HONEST).layers) == len(HONEST)
    assert len(opened([Linear.of(ones(9, 72)), *[ReLU.of()] * 7, Linear.of(ones(1, 9))]).layers) == 9
    for layers, rest, reason in (
        ([Linear.of(ones(2, 72))], {}, "gives (2,), but the agreement's takes (72,) and gives (1,)"),
        ([Linear.of(ones(1, 71))], {"features": 71}, "takes rows of shape (71,)"),
        (HONEST, {"high": 2.0}, "range of inputs is not the agreement's"),
    ):
        with pytest.raises(FormatError, match=re.escape(reason)):
            opened(layers, **rest)


def test_a_key_of_another_length_is_refused(world):
    for secret in (world.own.content_key, world.own.content_key + world.own.salt + b"\x00"):
        with pytest.raises(ProofError, match="holders"):
            Bundle.decode(resealed(world, "ash", secret)).open(world.identities["ash"])


def test_all_parties_may_sign(world):
    data = world.sealed(world.outcome(signers=("ash", "birch", "cedar", "dogwood")))
    assert verify(data).holds
    assert Bundle.decode(data).manifest.absent == ()


def test_assembling_names_who_has_not_signed(world):
    given = signatures(world)
    del given["birch"]
    with pytest.raises(ProtocolError, match="birch, in step seal: has not signed"):
        Bundle.assemble(world.study, world.proposal.manifest, given, world.proposal.payload)


def test_assembling_names_whose_signature_is_false(world):
    for false in (bytes(3373), b"", signatures(world)["ash"], signatures(world, propose(world.own))["birch"]):
        with pytest.raises(ProtocolError, match="birch, in step seal: its signature of the manifest is false"):
            Bundle.assemble(
                world.study, world.proposal.manifest, {**signatures(world), "birch": false}, world.proposal.payload
            )


def test_assembling_ignores_signatures_that_are_not_needed(world):
    given = dict(zip(world.manifest.signers, world.sections.manifest_signatures, strict=True))
    given["dogwood"] = b"whatever"
    assert Bundle.assemble(world.study, world.proposal.manifest, given, world.proposal.payload).encode() == world.data


def test_assembling_refuses_a_signer_that_is_no_party(world):
    manifest = replace(world.manifest, signers=("ash", "birch", "cedar", "carrier")).encode()
    given = {name: world.identities[name].sign("bundle manifest", manifest) for name in world.identities}
    with pytest.raises(ProtocolError, match="carrier, in step seal: is not a party"):
        Bundle.assemble(world.study, manifest, given, world.proposal.payload)


def test_assembling_refuses_what_would_not_verify(world):
    manifest = replace(world.manifest, trust=replace(world.manifest.trust, corrupt=0)).encode()
    given = {name: world.identities[name].sign("bundle manifest", manifest) for name in world.manifest.signers}
    with pytest.raises(ProofError, match="trust"):
        Bundle.assemble(world.study, manifest, given, world.proposal.payload)
    with pytest.raises(ProofError, match="payload"):
        Bundle.assemble(world.study, world.proposal.manifest, signatures(world), b"")
    with pytest.raises(FormatError):
        Bundle.assemble(world.study, b"{}", {}, b"")


def test_assembling_needs_an_agreement_that_all_have_signed(world, tmp_path):
    study = world.another_study(tmp_path / "study")
    (study.folder / "signatures" / "dogwood.sig").unlink()
    own = but(world.own, study=study)
    proposal = propose(own)
    with pytest.raises(AgreementError, match="dogwood: has not signed"):
        Bundle.assemble(study, proposal.manifest, signatures(world, proposal), proposal.payload)


def test_secrets_are_in_no_text(world):
    bundle = Bundle.decode(world.data)
    for text in (repr(bundle), str(bundle), repr(bundle._contents)):
        assert len(text) < 300
    with pytest.raises(TypeError):
        pickle.dumps(world.identities["ash"])

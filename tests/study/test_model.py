"""The agreement's model: what its kinds take, and each thing that cannot be, by its setting."""

import re

import msgspec
import pytest

from tacit.data import Column, Schema
from tacit.errors import AgreementError, FormatError
from tacit.study import Agreement, Convolution, Model
from tacit.study.model import check_model, image_shapes

replace = msgspec.structs.replace
IMAGES = Schema(
    "digit",
    (Column("pixel", "integer", low=0, high=255, numbered=(0, 119)), Column("digit", "category", values=("a", "b"))),
    max_rows=100,
)
NUMBERS = Schema("size", (Column("a", "boolean"), Column("size", "number", low=0.0, high=1.0)), max_rows=100)
CNN = Model("cnn", image=(2, 10, 6), convolutions=(Convolution(3, 3, pool=2), Convolution(4, 2, padding=1)))
TORCH = Model("torch", factory="clinic.nets:make_net", source="sha256:" + 64 * "a", parameters=100)


def refused(model, reason, schema=IMAGES):
    with pytest.raises(AgreementError, match=re.escape(reason)):
        check_model(model, schema)


@pytest.mark.parametrize("model", [CNN, replace(CNN, hidden=(8,)), TORCH, Model("mlp", (3,)), Model("logistic")])
def test_models_that_can_be(model):
    check_model(model, IMAGES)


def test_images_and_torch_code_predict_numbers_too():
    check_model(replace(CNN, image=(1, 1, 1), convolutions=(Convolution(1, 1),)), NUMBERS)
    check_model(TORCH, NUMBERS)


def test_shapes_are_those_of_the_image_on_its_way():
    assert image_shapes(CNN) == ((2, 10, 6), (3, 4, 2), (4, 5, 3))
    assert image_shapes(Model("logistic")) == ()


FAR = 2**70
LAYER = "convolution 2 of model.convolutions"
CNN_FAULTS = [
    ({"image": None}, "model.image is for kind 'cnn', which needs it: set it, [channels, height, width]"),
    ({"convolutions": ()}, "model.convolutions is for kind 'cnn', which needs it"),
    ({"image": (0, 10, 6)}, "model.image: (channels, height, width), 1 to 40960 each"),
    ({"image": (-1, -10, 12)}, "model.image: (channels, height, width), 1 to 40960 each"),
    ({"image": (FAR**99, 10, 6)}, "model.image: (channels, height, width), 1 to 40960 each"),
    ({"image": (2, 10, 7)}, "model.image 2 x 10 x 7 has 140 numbers, but the columns make 120 features"),
    ({"convolutions": (Convolution(1, 1),) * 9}, "model.convolutions: at most 8"),
    ({"hidden": (0,)}, "model.hidden: at most 8 layers of 1 to 4096 units"),
    ({"hidden": (1,) * 9}, "model.hidden: at most 8 layers of 1 to 4096 units"),
    ({"factory": "a:b"}, "model.factory is for kind 'torch', which needs it: choose that kind, or leave it out"),
    ({"source": TORCH.source}, "model.source is for kind 'torch', which needs it"),
    ({"parameters": 3}, "model.parameters is for kind 'torch', which needs it"),
]
LAYER_FAULTS = [
    ({"channels": 0}, f"{LAYER}: channels must be 1 to 4096"),
    ({"channels": 4097}, f"{LAYER}: channels must be 1 to 4096"),
    ({"kernel": 0}, f"{LAYER}: kernel must be 1 to 64"),
    ({"kernel": 65}, f"{LAYER}: kernel must be 1 to 64"),
    ({"kernel": FAR**99}, f"{LAYER}: kernel must be 1 to 64"),
    ({"padding": -1}, f"{LAYER}: padding must be 0 or more, below kernel"),
    ({"padding": 2}, f"{LAYER}: padding must be 0 or more, below kernel"),
    ({"pool": 0}, f"{LAYER}: pool must be 1 (none) to 64"),
    ({"pool": 65}, f"{LAYER}: pool must be 1 (none) to 64"),
    ({"kernel": 3, "padding": 0}, f"{LAYER} has a kernel of 3, and is given 4 x 2 with padding 0: a smaller kernel"),
    ({"kernel": 5, "padding": 1}, f"{LAYER} has a kernel of 5, and is given 4 x 2 with padding 1: a smaller kernel"),
    ({"pool": 4}, f"{LAYER} pools squares of 4, and has 5 x 3 to pool: pool less"),
]
TORCH_FAULTS = [
    ({"factory": ""}, "model.factory is for kind 'torch', which needs it"),
    ({"source": ""}, "model.source is for kind 'torch', which needs it: set it, 'sha256:' and what `sha256sum FILE`"),
    ({"parameters": 0}, "model.parameters is for kind 'torch', which needs it"),
    *(
        ({"factory": name}, "model.factory must be 'package.module:function'")
        for name in (
            "make",
            "a.b",
            "a:b:c",
            "a.:b",
            ".a:b",
            "a/b:c",
            "../a:b",
            "1a:b",
            "a:b\n",
            "ä:b",
            "a" * 200 + ":b",
        )
    ),
    *(
        ({"source": digest}, "model.source must be 'sha256:' and the 64 hexadecimal digits")
        for digest in ("sha256:" + 63 * "a", "sha256:" + 65 * "a", "sha256:" + 64 * "A", "md5:" + 64 * "a", 64 * "a")
    ),
    ({"parameters": -1}, "model.parameters must be 1 to 20,000,000"),
    ({"parameters": 20_000_001}, "model.parameters must be 1 to 20,000,000"),
    ({"parameters": FAR**99}, "model.parameters must be 1 to 20,000,000"),
    ({"hidden": (3,)}, "model.hidden is for kind 'mlp', which needs it, and for 'cnn'"),
    ({"image": (2, 10, 6)}, "model.image is for kind 'cnn', which needs it"),
    ({"convolutions": CNN.convolutions}, "model.convolutions is for kind 'cnn', which needs it"),
]


@pytest.mark.parametrize(("changes", "reason"), CNN_FAULTS)
def test_models_of_images_that_cannot_be(changes, reason):
    refused(replace(CNN, **changes), reason)


@pytest.mark.parametrize(("changes", "reason"), LAYER_FAULTS)
def test_convolutions_that_cannot_be(changes, reason):
    first, second = CNN.convolutions
    refused(replace(CNN, convolutions=(first, replace(second, **changes))), reason)


@pytest.mark.parametrize(("changes", "reason"), TORCH_FAULTS)
def test_torch_models_that_cannot_be(changes, reason):
    refused(replace(TORCH, **changes), reason)


def test_only_numbers_are_predicted_by_linear_models():
    refused(
        Model("linear"), "model.kind 'linear' predicts a number, but the label 'digit' is binary: choose 'logistic'"
    )
    refused(Model("logistic"), "predicts a class, but the label 'size' is a number: choose 'linear'", NUMBERS)


def test_in_toml_a_model_of_images_is_a_list_of_tables(people):
    text = people.agreement.encode().decode()
    settings = """[model]
kind = "cnn"
image = [1, 28, 28]
hidden = [32]

[[model.convolutions]]
channels = 6
kernel = 5
padding = 2
pool = 2
pooling = "max"
"""
    columns = 'columns = [{name = "pixel", kind = "number", low = 0, high = 1, numbered = [0, 783]}, '
    made = re.sub(r"\[model\].*?(?=\n\[training\])", settings, text, flags=re.DOTALL)
    made = re.sub(r"\[data\].*", f'[data]\nlabel = "readmitted"\nmax_rows = 9\n{columns}', made, flags=re.DOTALL)
    made += '{name = "readmitted", kind = "boolean"}]\n'
    agreement = Agreement.decode(made.encode())
    assert agreement.model == Model(
        "cnn", (32,), image=(1, 28, 28), convolutions=(Convolution(6, 5, 2, 2, pooling="max"),)
    )
    assert Agreement.decode(agreement.encode()) == agreement
    with pytest.raises(FormatError, match="cannot be read"):
        Agreement.decode(made.replace('"max"', '"median"').encode())

"""What an agreement on multi-party computation has to say, and what it may not."""

import re

import msgspec
import pytest

from tacit.data import Column, Schema
from tacit.errors import AgreementError, FormatError
from tacit.study import Agreement, Computation, Model, Privacy, Training, Trust
from tacit.study.computation import columns_of, has_label
from tacit.study.drafting import describe

replace = msgspec.structs.replace

ADDRESSES = ("ash.example:7001", "birch.example:7001", "[::1]:7003")
SCHEMA = Schema(
    "readmitted",
    (
        Column("age", "number", 0.0, 120.0),
        Column("readmitted", "boolean"),
        Column("sex", "category", values=("f", "m")),
        Column("dose", "number", 0.0, 1.0),
    ),
)
OWNED = {"birch": ("dose", "age"), "ash": ("sex",)}


@pytest.fixture
def agreed(people):
    """An agreement on rows of each party, secure against one that deviates."""
    return replace(
        people.agreement,
        training=Training(5, 0.5, method="mpc", batch_rows=32, momentum=0.5, l2=0.01),
        privacy=Privacy("none"),
        trust=Trust(1, 0),
        data=SCHEMA,
        computation=Computation("active", ADDRESSES),
    )


@pytest.fixture
def by_columns(agreed):
    """The same on columns of each party."""
    return replace(agreed, split="vertical", computation=Computation("passive", ADDRESSES, OWNED, "cedar"))


def refused(agreement, reason):
    with pytest.raises(AgreementError, match=re.escape(reason)):
        agreement.check()


def changed(agreement, part, **changes):
    return replace(agreement, **{part: replace(getattr(agreement, part), **changes)})


def test_written_and_read_it_is_the_same(agreed, by_columns):
    for agreement in (agreed, by_columns):
        agreement.check()
        assert Agreement.decode(agreement.encode()) == agreement
    assert agreed.computation.places[::2] == (("ash.example", 7001), ("::1", 7003))


def test_security_has_no_default(people, agreed):
    refused(replace(agreed, computation=None), "needs a table [computation] with security = 'passive' or 'active'")
    text = agreed.encode().decode()
    with pytest.raises(FormatError, match="security"):
        Agreement.decode(re.sub(r'^security = "active"\n', "", text, flags=re.M).encode())
    with pytest.raises(FormatError, match="security"):
        Agreement.decode(text.replace('security = "active"', 'security = "none"').encode())


def test_federated_training_has_no_use_for_it(agreed):
    federated = replace(agreed, training=Training(5, 0.5))
    refused(federated, "the table [computation] is for training.method 'mpc': remove it")
    refused(replace(federated, computation=None, split="vertical"), "split 'vertical' needs training.method = 'mpc'")


def test_it_takes_three_parties(agreed):
    fourth = replace(agreed.parties[0], name="dogwood", key=f"tacit1:{7:064x}")
    refused(replace(agreed, parties=(*agreed.parties, fourth)), "is for 3 parties, and there are 4")


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        (ADDRESSES[:2], "has 2 entries: HOST:PORT of each of the 3 parties"),
        (("ash.example", *ADDRESSES[1:]), "'ash.example' of 'ash' is not HOST:PORT"),
        (("ash.example:0", *ADDRESSES[1:]), "of 'ash' is not HOST:PORT"),
        (("ash.example:65536", *ADDRESSES[1:]), "of 'ash' is not HOST:PORT"),
        ((ADDRESSES[0], *ADDRESSES[:2]), "two members would listen at ['ash.example:7001']"),
        (("carrier.example:7000", *ADDRESSES[1:]), "two members would listen at ['carrier.example:7000']"),
    ],
)
def test_each_party_has_an_address_of_its_own(agreed, addresses, reason):
    refused(changed(agreed, "computation", addresses=addresses), reason)


UNHEEDED = {
    "clip": 0.5,
    "average_last": 0.0,
    "local_steps": 2,
    "strategy": "fedavg",
    "server_learning_rate": 0.5,
    "proximal": 0.1,
    "beta1": 0.5,
    "beta2": 0.5,
    "tau": 0.1,
    "control_clip": 0.5,
    "validation_share": 0.2,
    "patience": 3,
    "min_improvement": 0.1,
    "personal": "last-layer",
}
HEEDED = {"method", "rounds", "learning_rate", "l2", "momentum", "batch_rows", "timeout_seconds"}


@pytest.mark.parametrize("name", UNHEEDED)
def test_settings_of_training_that_are_not_heeded_are_refused_by_name(agreed, name):
    needs = {"validation_share": 0.2} if name in ("patience", "personal") else {}
    agreement = changed(agreed, "training", **{name: UNHEEDED[name], **needs})
    refused(agreement, "training.validation_share" if needs else f"training.{name} is not heeded")


def test_every_setting_of_training_is_one_or_the_other():
    assert set(Training.__struct_fields__) == HEEDED | set(UNHEEDED)


def test_settings_that_are_heeded_may_be_any(agreed):
    for name, value in {"rounds": 7, "learning_rate": 8.0, "l2": 8.0, "batch_rows": 0, "timeout_seconds": 9.0}.items():
        changed(agreed, "training", **{name: value}).check()
    for name in ("learning_rate", "l2"):
        refused(changed(agreed, "training", **{name: 8.1}), f"training.{name} must be at most 8")


@pytest.mark.parametrize("unit", ["record", "party"])
def test_noise_is_for_later_and_its_absence_is_said(agreed, unit):
    budget = Privacy(unit, epsilon=1.0, delta=1e-5)
    refused(replace(agreed, privacy=budget), "noise that is drawn inside the computation is not built yet")
    refused(changed(agreed, "privacy", statistics_share=0.2), "privacy.statistics_share is not heeded")


@pytest.mark.parametrize(("name", "value"), [("corrupt", 0), ("dropping", 1), ("poisoning", 1)])
def test_trust_is_in_one_corrupt_party_of_three(agreed, name, value):
    refused(changed(agreed, "trust", **{name: value}), f"trust.{name} must be")


def test_a_test_seed_is_refused(agreed, people):
    from tacit.study import Insecure

    refused(replace(agreed, insecure=Insecure(1)), "insecure.test_seed is not heeded")


def test_models_that_are_not_dense_are_refused(agreed):
    torch = Model("torch", factory="own:model", source="sha256:" + "0" * 64, parameters=3)
    refused(replace(agreed, model=torch), "trains the kinds linear, logistic and mlp, and model.kind is 'torch'")


def test_who_has_which_column(agreed, by_columns):
    assert [columns_of(by_columns, name) for name in by_columns.names] == [("sex",), ("age", "dose"), ()]
    assert [has_label(by_columns, name) for name in by_columns.names] == [False, False, True]
    assert {columns_of(agreed, name) for name in agreed.names} == {("age", "sex", "dose")}
    assert all(has_label(agreed, name) for name in agreed.names)


@pytest.mark.parametrize(
    ("columns", "labels", "reason"),
    [
        ({**OWNED, "oak": ()}, "cedar", "names ['oak'], who are no parties"),
        (OWNED, "", "labels must be the party that has the column 'readmitted'"),
        (OWNED, "buyer", "labels must be the party that has the column 'readmitted'"),
        ({**OWNED, "cedar": ("readmitted",)}, "cedar", "lists the label 'readmitted'"),
        ({**OWNED, "cedar": ("weight",)}, "cedar", "['weight'] are no columns of the data"),
        ({**OWNED, "cedar": ("age",)}, "cedar", "lists ['age'] twice"),
        ({"birch": ("dose", "age"), "ash": ()}, "cedar", "nobody has ['sex']"),
        ({"birch": ("dose", "age", "sex")}, "cedar", "'ash' has neither a column nor the label"),
    ],
)
def test_each_column_has_one_owner_and_each_party_something(by_columns, columns, labels, reason):
    refused(changed(by_columns, "computation", columns=columns, labels=labels), reason)


@pytest.mark.parametrize(("name", "value"), [("columns", OWNED), ("labels", "ash")])
def test_whole_rows_need_no_owners_of_columns(agreed, name, value):
    refused(changed(agreed, "computation", **{name: value}), f"computation.{name} is for split 'vertical'")


def test_in_words_it_says_what_is_promised(people, agreed, by_columns, tmp_path):
    study = people.study(tmp_path / "study")
    study.agreement = agreed
    said = dict(describe(study))
    assert said["security"].startswith("active: one of the three may do what it likes and learns nothing")
    assert "ash at ash.example:7001" in said["meeting at"]
    assert "5 passes over all rows, mpc" in said["model"]
    assert "clipped" not in said["training"]
    study.agreement = by_columns
    said = dict(describe(study))
    assert "one that deviates may learn anything" in said["security"]
    assert said["whose columns"] == "ash: sex; birch: age, dose; cedar: readmitted (the label)"

"""A draft is an agreement that people can read; what it says in words is what it says."""

import pytest

from tacit.data import Column, Schema
from tacit.errors import AgreementError, FormatError
from tacit.study import Agreement, Study
from tacit.study.agreement import Trust
from tacit.study.drafting import Choices, _trust, compose, describe

SCHEMA = Schema("ill", (Column("age", "number", 0.0, 120.0), Column("ill", "boolean")))
CHOICES = {"name": "trial", "purpose": 'predict "readmission"', "address": "carrier.example:7000"}


@pytest.fixture
def draft(people):
    def make(schema=SCHEMA, label=None, **changes) -> bytes:
        parties = [people[name].public for name in ("ash", "birch", "cedar")]
        return compose(Choices(**{**CHOICES, **changes}), parties, people["carrier"].public, schema, label)

    return make


def test_every_choice_is_in_the_agreement(people, draft):
    made = {"model": "mlp", "hidden": (8, 4), "rounds": 7, "learning_rate": 0.25, "momentum": 0.125, "unit": "party"}
    budget = {"epsilon": 2.5, "delta": 1e-6, "corrupt": 0, "dropping": 1, "holders": ("birch",), "test_seed": 3}
    agreement = Agreement.decode(draft(**made, **budget))
    assert (agreement.name, agreement.purpose) == (CHOICES["name"], CHOICES["purpose"])
    assert agreement.coordinator.address == CHOICES["address"]
    assert agreement.coordinator.key == people["carrier"].public.fingerprint
    assert [party.key for party in agreement.parties] == [
        people[n].public.fingerprint for n in ("ash", "birch", "cedar")
    ]
    assert (agreement.model.kind, agreement.model.hidden) == ("mlp", (8, 4))
    training, privacy = agreement.training, agreement.privacy
    assert (training.rounds, training.learning_rate, training.momentum) == (7, 0.25, 0.125)
    assert (privacy.unit, privacy.epsilon, privacy.delta) == ("party", 2.5, 1e-6)
    assert (agreement.trust.corrupt, agreement.trust.dropping) == (0, 1)
    assert agreement.release.holders == ("birch",)
    assert agreement.insecure.test_seed == 3
    assert agreement.data == SCHEMA


@pytest.mark.parametrize(("unit", "momentum"), [("record", 0.5), ("none", 0.5), ("party", 0.0)])
def test_momentum_is_drafted_where_a_step_would_have_it(draft, unit, momentum):
    text = draft(unit=unit)
    assert Agreement.decode(text).training.momentum == momentum
    assert (b"momentum" in text) == (momentum > 0)


def test_by_default_every_party_holds_the_model_and_there_is_no_test_seed(draft):
    agreement = Agreement.decode(draft())
    assert agreement.release.holders == ("ash", "birch", "cedar")
    assert agreement.insecure is None


def test_no_privacy_has_no_budget(draft):
    privacy = Agreement.decode(draft(unit="none")).privacy
    assert (privacy.unit, privacy.epsilon, privacy.delta) == ("none", 0.0, 0.0)


def test_a_test_seed_cannot_be_overlooked(draft):
    text = draft(test_seed=3).decode()
    assert "There is NO privacy. Never for real data." in text.partition("[insecure]")[0].splitlines()[-1]


def test_its_header_says_what_signing_means(draft):
    assert draft().startswith(b"# The agreement of the study trial.\n# Every party signs these very bytes")


@pytest.mark.parametrize("field", ["name", "purpose", "address"])
def test_nothing_can_be_smuggled_in_by_a_choice(draft, field):
    """A name of several lines would otherwise end the comment above, or the string that it is in."""
    plain = CHOICES[field]
    for hostile in (
        f'{plain}"\n[insecure]\ntest_seed = 1\n#',
        f"{plain}\n[insecure]\ntest_seed = 1",
        f"{plain}\r\nformat = 1",
        f"{plain}\x1b[2J",
        f"{plain}\u202e",
    ):
        with pytest.raises((AgreementError, FormatError)):
            Agreement.decode(draft(**{field: hostile}))


def test_columns_come_from_a_table(draft, tmp_path):
    (tmp_path / "rows.csv").write_text("age,ill\n31,yes\n47,no\n")
    agreement = Agreement.decode(draft(tmp_path / "rows.csv", "ill"))
    assert [column.name for column in agreement.data.columns] == ["age", "ill"]
    with pytest.raises(AgreementError, match="needs the label: which column is to be predicted"):
        draft(tmp_path / "rows.csv")


COLUMNS = """\
# What the hospitals agreed on.
[data]
label = "ill"

[[data.columns]]
name = "age"
kind = "number"
low = 0.0
high = 120.0

[[data.columns]]
name = "ill"
kind = "boolean"
"""


def test_columns_come_from_a_file_with_its_comments(draft, tmp_path):
    (tmp_path / "columns.toml").write_text(COLUMNS)
    text = draft(tmp_path / "columns.toml").decode()
    assert text.endswith(COLUMNS)
    assert Agreement.decode(text.encode()).data == SCHEMA


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[data]", "[insecure]\ntest_seed = 1\n[data]", "is no schema"),
        ("[data]", '"\\u001b[2J" = 1\n[data]', "is no schema"),
        ('label = "ill"', 'label = "ill"\nmost = 3', "is no schema"),
        ('label = "ill"', 'label = "ill" # \u202e', r"line 3: the sign U\+202E does not print"),
        ("[data]", "[" + "a." * 900 + "a]\n[data]", "too many dots"),
        ("[data]", "[data", "is no schema"),
    ],
)
def test_a_file_that_is_more_or_less_than_columns_is_refused_by_name(draft, tmp_path, old, new, reason):
    (tmp_path / "columns.toml").write_text(COLUMNS.replace(old, new, 1))
    with pytest.raises(FormatError, match=reason) as caught:
        draft(tmp_path / "columns.toml")
    assert "columns.toml" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_misspelt_setting_in_a_file_of_columns_is_told_what_is_meant(draft, tmp_path):
    path = tmp_path / "columns.toml"
    path.write_text('[data]\nlabel = "ill"\nmax_row = 9\n')
    with pytest.raises(FormatError, match=r"columns\.toml is no schema, .* `max_row` .*; did you mean 'max_rows'\?"):
        draft(path)


def test_a_file_that_is_not_there_is_named(draft, tmp_path):
    with pytest.raises(FormatError, match=r"columns\.toml"):
        draft(tmp_path / "columns.toml")


def test_says_in_words_what_it_means(people, tmp_path):
    said = dict(describe(people.study(tmp_path / "study")))
    assert said["study"] == "readmission: predict readmission within thirty days"
    assert said["parties"] == "ash, birch, cedar"
    assert said["coordinator"] == "carrier at carrier.example:7000"
    assert said["data"].startswith("1 columns to predict readmitted (binary), at most ")
    assert said["model"] == "logistic, 5 rounds, federated"
    assert "at most e^4 (delta 1e-05)" in said["privacy"]
    assert said["trust"] == "0 may collude with the coordinator, 1 may fail"
    assert said["holders"] == "ash, buyer (takes no part in the training)"
    assert "INSECURE" not in said


def test_says_who_is_borne_when_parties_may_poison(people):
    parties = [people["ash"].public] * 9
    text = compose(Choices(**CHOICES, poisoning=1), parties, people["carrier"].public, SCHEMA).decode()
    assert "poisoning = 1" in text.partition("[trust]")[2].partition("[")[0]
    assert "poisoning" not in compose(Choices(**CHOICES), parties, people["carrier"].public, SCHEMA).decode()
    said = _trust(Trust(2, 1, 1))
    assert said == "2 may collude with the coordinator, 1 may fail, 1 may poison: 3 groups are summed by themselves"


def test_says_loudly_when_nothing_is_hidden(people, tmp_path, draft):
    publics = [people[name].public for name in ("ash", "birch", "cedar", "carrier")]
    said = dict(describe(Study.new(tmp_path / "none", draft(unit="none"), publics)))
    assert said["privacy"].startswith("none: nothing is hidden")
    said = dict(describe(Study.new(tmp_path / "seeded", draft(test_seed=9), publics)))
    assert said["INSECURE"] == "test seed 9: there is NO privacy"


CNN = """
kind = "cnn"
image = [1, 1, 1]
hidden = [5, 4]

[[model.convolutions]]
channels = 6
kernel = 3
padding = 1

[[model.convolutions]]
channels = 2
kernel = 3
padding = 2
pool = 2
pooling = "max"
"""
TORCH = f"""
kind = "torch"
factory = "clinic.nets:make"
source = "sha256:{"1b" * 32}"
parameters = 61706
fraction_bits = 12
"""


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ('kind = "mlp"\nhidden = [8, 4]', "mlp; hidden layers of 8, 4"),
        (
            CNN,
            "cnn; images of 1 x 1 x 1 (channels, height, width); convolution 3 x 3 to 6 channels, padding 1; "
            "convolution 3 x 3 to 2 channels, padding 2, max pooling over 2 x 2; hidden layers of 5, 4",
        ),
        (
            TORCH,
            "torch; 61,706 parameters, CODE that runs at every party: clinic.nets:make, from the file with "
            f"sha256:{'1b' * 32}; sealed with 12 fraction bits",
        ),
    ],
    ids=["mlp", "cnn", "torch"],
)
def test_says_what_a_model_is_made_of(people, tmp_path, draft, model, said):
    text = draft().decode().replace('kind = "logistic"', model)
    publics = [people[name].public for name in ("ash", "birch", "cedar", "carrier")]
    assert dict(describe(Study.new(tmp_path / "study", text.encode(), publics)))["model"] == (
        f"{said}, 30 rounds, federated"
    )


def test_says_each_setting_of_training_that_is_not_the_usual_one(people, tmp_path, draft):
    more = "local_steps = 3\nbatch_rows = 32\nserver_learning_rate = 0.5\nbeta1 = 0.8\naverage_last = 0.5"
    text = draft(unit="party").decode().replace("[training]", f"[training]\n{more}")
    publics = [people[name].public for name in ("ash", "birch", "cedar", "carrier")]
    assert dict(describe(Study.new(tmp_path / "study", text.encode(), publics)))["training"] == (
        "learning rate 1, l2 0, contributions clipped to 1, 120 s to answer, 3 local steps, batch rows 32, "
        "server learning rate 0.5, beta1 0.8, average last 0.5"
    )
    assert "momentum 0.5" in dict(describe(Study.new(tmp_path / "usual", draft(), publics)))["training"]


def test_says_how_it_trains_where_that_is_not_the_ordinary_way(people, tmp_path, draft):
    more = 'strategy = "fedprox"\nlocal_steps = 7\nvalidation_share = 0.2\npatience = 4\npersonal = "last-layer"'
    text = draft(momentum=0.0, unit="party").decode().replace("[training]", f"[training]\n{more}")
    publics = [people[name].public for name in ("ash", "birch", "cedar", "carrier")]
    said = dict(describe(Study.new(tmp_path / "study", text.encode(), publics)))["training"]
    assert "strategy fedprox, 7 local steps, 20% of the rows held back" in said
    assert said.endswith("stops after 4 rounds without improvement, each party keeps a last layer of its own")
    plain = dict(describe(people.study(tmp_path / "plain")))["training"]
    assert plain.endswith("s to answer")

"""Writing a study that can be met, and nothing where it cannot."""

import pytest

from tacit.errors import AgreementError, DataError, FormatError
from tacit.federated.plan import make_plan
from tacit.run import check_study, new_study
from tacit.study.drafting import Choices

from .acting import COORDINATOR, NAMES, SCHEMA


@pytest.fixture
def write(people, tmp_path):
    def make(schema=SCHEMA, label=None, **changes):
        choices = Choices(**{"name": "trial", "purpose": "a test", "address": "localhost:9440", **changes})
        parties = [people.identities[name].public for name in NAMES]
        return new_study(tmp_path / "study", choices, parties, people.identities[COORDINATOR].public, schema, label)

    return make


def test_a_study_that_can_be_met_is_written_with_everyones_keys(people, write):
    study = write()
    assert study.agreement.names == NAMES
    assert study.identities == {name: identity.public for name, identity in people.identities.items()}
    assert check_study(study) == make_plan(study.agreement)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"corrupt": 2}, "cannot bear 2 corrupt"),
        ({"epsilon": 0.001}, "privacy.epsilon must be"),
        ({"holders": ("nobody",)}, "neither parties nor recipients"),
        ({"name": "../../x"}, "cannot be a name"),
        ({"name": "Trial"}, "cannot be a name"),
        ({"address": "nowhere"}, "is not HOST:PORT"),
        ({"model": "linear"}, "predicts a number"),
        ({"purpose": "two\nlines"}, "purpose must be one line"),
    ],
)
def test_nothing_is_written_where_it_cannot_be_met(write, tmp_path, changes, reason):
    with pytest.raises(AgreementError, match=reason):
        write(**changes)
    assert not (tmp_path / "study").exists()


def test_nothing_is_written_for_a_schema_that_cannot_be(write, tmp_path):
    (tmp_path / "columns.toml").write_text("[data]\nlabel = 1\n")
    with pytest.raises(FormatError, match="is no schema"):
        write(schema=tmp_path / "columns.toml")
    (tmp_path / "rows.csv").write_text("")
    with pytest.raises(DataError):
        write(schema=tmp_path / "rows.csv", label="ill")
    assert not (tmp_path / "study").exists()


def test_a_study_that_cannot_be_met_is_refused_when_checked(people, tmp_path):
    study = people.study(tmp_path / "study")
    path = study.folder / "study.toml"
    path.write_text(path.read_text().replace("dropping = 1", "dropping = 2"))
    with pytest.raises(AgreementError, match="cannot bear 1 corrupt and 2 dropping"):
        check_study(type(study).load(study.folder))

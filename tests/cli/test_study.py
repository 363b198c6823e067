"""`tacit study`."""

import csv


def sign_all(tacit):
    for name in ("north", "east", "south"):
        assert tacit("study", "sign", "trial", "--identity", f"{name}.key").code == 0


def test_new_sign_check_show(tacit, study):
    assert tacit("study", "check", "trial").code == 1
    sign_all(tacit)
    done = tacit("study", "check", "trial", "--json")
    assert done.code == 0
    assert done.json["holds"] is True
    assert done.json["faults"] == {}
    shown = tacit("study", "show", "trial")
    assert shown.code == 0
    assert "north, east, south" in shown.out
    said = tacit("study", "show", "trial", "--json").json
    assert said["columns"] == "age: number 0 to 120; sex: category female, male; ill: category no, yes"
    assert "clipped to 1" in said["training"]


def test_check_names_who_has_not_signed(tacit, study):
    tacit("study", "sign", "trial", "--identity", "north.key")
    done = tacit("study", "check", "trial", "--json")
    assert done.code == 1
    assert set(done.json["faults"]) == {"east", "south"}
    assert "has not signed" in done.json["faults"]["east"]


def test_check_fails_when_one_byte_changed_after_signing(tacit, study):
    sign_all(tacit)
    file = study / "study.toml"
    file.write_bytes(file.read_bytes() + b"\n")
    done = tacit("study", "check", "trial", "--json")
    assert done.code == 1
    assert all("changed after signing" in fault for fault in done.json["faults"].values())


def test_sign_refuses_strangers_and_the_coordinator(tacit, study):
    done = tacit("study", "sign", "trial", "--identity", "carrier.key")
    assert done.code == 1
    assert "is not a party" in done.err


def test_new_refuses_what_cannot_be_met_and_writes_nothing(tacit, new_study_arguments, members):
    done = tacit(*new_study_arguments, "--corrupt", "1", "--dropping", "1")
    assert done.code == 1
    assert "4 parties would bear both" in done.err
    assert not (members / "trial").exists()


def test_new_refuses_more_poisoning_parties_than_groups_can_bear(tacit, new_study_arguments, members):
    done = tacit(*new_study_arguments, "--poisoning", "1")
    assert done.code == 1
    assert "1 poisoning parties take 3 groups of 3 or more, 9 parties" in done.err
    assert not (members / "trial").exists()


def test_new_refuses_an_existing_study(tacit, study, new_study_arguments):
    before = (study / "study.toml").read_bytes()
    assert tacit(*new_study_arguments).code == 1
    assert (study / "study.toml").read_bytes() == before


def test_new_drafts_columns_from_a_table_and_says_so(tacit, new_study_arguments, members):
    with (members / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["age", "ill"], *[[30 + i, "yes" if i % 2 else "no"] for i in range(20)]])
    arguments = [*new_study_arguments[:-1], "rows.csv", "--label", "ill"]
    assert tacit(*arguments).code == 0
    assert "CHECK: taken from rows.csv" in (members / "trial" / "study.toml").read_text()


def test_new_tells_what_can_be_chosen(tacit, new_study_arguments, members):
    for option, wrong, known in (("--model", "forest", "logistic"), ("--unit", "patient", "record")):
        done = tacit(*new_study_arguments, option, wrong)
        assert done.code == 2
        assert f"'{wrong}' is not one of" in done.err
        assert f"'{known}'" in done.err
    assert not (members / "trial").exists()


def test_new_says_how_to_name_a_study_whose_folder_has_no_fitting_name(tacit, new_study_arguments, members):
    arguments = ["Our Trial" if word == "trial" else word for word in new_study_arguments]
    done = tacit(*arguments)
    assert done.code == 1
    assert "named like its folder, and 'Our Trial' cannot be a name" in done.err
    assert "(--name)" in done.err
    assert tacit(*arguments, "--name", "trial").code == 0
    assert "study        trial: " in tacit("study", "show", "Our Trial").out


def test_swapped_identity_is_named(tacit, study):
    (study / "identities" / "east.pub").write_bytes((study / "identities" / "north.pub").read_bytes())
    done = tacit("study", "check", "trial")
    assert done.code == 1
    assert "east.pub" in done.err


def test_wrong_usage_ends_with_2(tacit, here):
    assert tacit("study", "check", "nowhere").code == 2
    assert tacit("study", "sign").code == 2
    assert tacit("nonsense").code == 2


def test_errors_are_json_for_programs(tacit, study):
    done = tacit("study", "sign", "trial", "--identity", "carrier.key", "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "AgreementError"

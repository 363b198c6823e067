"""Names, paths and strangers' words are shown as they are: never as markup, never as a crash."""

import pytest

MARKUP = "[/bold] [red]x[/] [link=https://example.org]y[/link]"


def test_a_path_with_brackets_is_shown_whole(tacit, here):
    (here / "[bold]mine[/]").mkdir(parents=True)
    done = tacit("id", "new", "north", "--out", "[bold]mine[/]")
    assert done.code == 0
    assert "[bold]mine[/]/north.key" in done.out


def test_an_agreement_with_markup_is_shown_as_it_is(tacit, new_study_arguments):
    assert tacit(*new_study_arguments, "--purpose", MARKUP).code == 0
    shown = tacit("study", "show", "trial")
    assert shown.code == 0
    assert MARKUP in shown.out


def test_a_signature_with_markup_is_shown_as_it_is(tacit, study):
    tacit("study", "sign", "trial", "--identity", "north.key")
    path = study / "signatures" / "north.sig"
    path.write_bytes(path.read_bytes().replace(b'"signer":"north"', b'"signer":"[/]"'))
    done = tacit("study", "check", "trial")
    assert done.code == 1
    assert "'[/]'" in done.out


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_an_error_names_what_it_is_about_as_it_is(tacit, here, arguments):
    (here / "[red].pub").write_bytes(b"nothing")
    done = tacit("id", "show", "[red].pub", *arguments)
    assert done.code == 1
    assert "[red].pub" in done.out + done.err


def test_a_public_identity_in_place_of_the_private_one_is_told_apart(tacit, study):
    done = tacit("study", "sign", "trial", "--identity", "north.pub")
    assert done.code == 1
    assert "north.pub is a public identity" in done.err
    assert "give NAME.key" in done.err

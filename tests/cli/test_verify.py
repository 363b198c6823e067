"""`tacit verify`: 0 when all holds, 1 with the reason when anything does not."""

import random

import pytest


def test_says_line_by_line_what_holds(tacit, sealed):
    done = tacit("verify", sealed.bundle, "--study", sealed.study)
    assert done.code == 0
    assert done.out.count("holds  result signed by") == 3
    assert "The bundle holds." in done.out
    assert "Not shown:" in done.out


def test_json_carries_the_same(tacit, sealed):
    done = tacit("verify", sealed.bundle, "--study", sealed.study, "--json")
    assert done.code == 0
    assert done.json["holds"] is True
    assert {row["result"] for row in done.json["rows"]} == {"holds"}


def test_without_a_pin_says_that_no_key_was_compared(tacit, sealed):
    done = tacit("verify", sealed.bundle, "--json")
    assert done.code == 0
    assert [row["result"] for row in done.json["rows"] if row["check"] == "keys pinned"] == ["warning"]
    assert "but for what you have to judge: keys pinned." in tacit("verify", sealed.bundle).out


def test_pins_are_compared(tacit, sealed):
    pins = [str(sealed.study / "identities" / f"{name}.pub") for name in ("north", "east", "south")]
    assert tacit("verify", sealed.bundle, *(word for pin in pins for word in ("--pin", pin))).code == 0
    stranger = tacit("id", "new", "stranger", "--json").json["fingerprint"]
    done = tacit("verify", sealed.bundle, "--pin", stranger)
    assert done.code == 1
    assert "The bundle does NOT hold." in done.out


@pytest.mark.parametrize("seed", range(25))
def test_any_flipped_bit_ends_with_1_and_a_reason(tacit, sealed, seed):
    data = bytearray(sealed.bundle.read_bytes())
    draw = random.Random(seed)
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    sealed.bundle.write_bytes(data)
    done = tacit("verify", sealed.bundle, "--json")
    assert done.code == 1
    said = done.json
    assert "error" in said or [row["detail"] for row in said["rows"] if row["result"] == "fails"]


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data + b"\x00", lambda data: b""])
def test_another_length_ends_with_1(tacit, sealed, spoil):
    sealed.bundle.write_bytes(spoil(sealed.bundle.read_bytes()))
    done = tacit("verify", sealed.bundle)
    assert done.code == 1
    assert "Traceback" not in done.out + done.err


def test_another_study_ends_with_1(tacit, sealed):
    text = (sealed.study / "study.toml").read_text()
    (sealed.study / "study.toml").write_text(text.replace("a test", "b test"))
    done = tacit("verify", sealed.bundle, "--study", sealed.study)
    assert done.code == 1
    assert "FAILS" in done.out


def test_the_key_of_a_pin_must_be_readable(tacit, sealed):
    (sealed.here / "broken.pub").write_bytes(b"{}")
    assert tacit("verify", sealed.bundle, "--pin", "broken.pub").code == 1

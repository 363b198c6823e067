"""What is refused of an agreement before it is parsed. None of it depends on how fast a machine is."""

import msgspec
import pytest

from tacit.data import Column, Schema, to_toml
from tacit.errors import FormatError
from tacit.study import Agreement
from tacit.study.text import MAX_BYTES, check_text, explain


def refused(data, reason):
    for read in (check_text, Agreement.decode):
        with pytest.raises(FormatError, match=reason):
            read(data)


def test_larger_than_any_is_refused_whatever_it_says(people):
    comment = b"#" * (MAX_BYTES - len(people.text) - 1)
    assert Agreement.decode(people.text.encode() + comment) == people.agreement
    refused(people.text.encode() + comment + b"##", "the agreement is larger than 1048576 bytes")


def test_the_most_columns_that_there_can_be_fit(people):
    columns = tuple(Column(f"gene-{n:05}", "number", -1000.0, 1000.0) for n in range(9_999))
    schema = Schema("readmitted", (*columns, Column("readmitted", "boolean")))
    head, _, _ = people.text.partition("[data]")
    assert len(Agreement.decode((head + to_toml(schema)).encode()).data.columns) == 10_000


@pytest.mark.parametrize(
    "data",
    [
        b"a." * 400_000 + b"a = 1",
        b"[" + b"a." * 400_000 + b"a]",
        b"x = {" + b"a." * 400_000 + b"a = 1}",
        b"\n".join(b"k%d." % n + b"a." * 200 + b"a = 1" for n in range(2_000)),
    ],
    ids=["key", "heading", "inline", "many keys"],
)
def test_many_dots_in_a_line_are_refused(data):
    """The parser's time grows with their square."""
    refused(data, "too many dots in one line")


@pytest.mark.parametrize(
    "heading", ["[{}]", "[[{}]]", " \t[{}] # below this, every key is looked up through all of it"]
)
def test_many_dots_in_a_heading_are_refused(heading):
    """The parser walks through the heading's tables for each line below it."""
    for dots in (9, 900):
        text = heading.format("a" + ".a" * dots) + "\n" + "k = 1\n" * 100
        refused(text.encode(), "too many dots in a heading")


def test_headings_may_have_comments_in_prose(people):
    text = people.text.replace("[trust]", "[trust]  # see section 2.1. It says so. And so on...")
    assert Agreement.decode(text.encode()) == people.agreement


@pytest.mark.parametrize(
    "data",
    [
        b"x = " + b"[" * 1_000_000,
        b"x = " + b"{a=" * 300_000,
        b"x = " + b"9" * 1_000_000,
        b"x = 0x" + b"f" * 1_000_000,
        b'x = "' + b"\\u0041" * 150_000 + b'"',
        b"[[parties]]\n" * 80_000,
        b"[" + b"a." * 8 + b"a]\n" + b"\n".join(b"k%d=1" % n for n in range(90_000)),
    ],
    ids=["arrays", "tables", "digits", "hexadecimal", "escapes", "headings", "keys"],
)
def test_hostile_text_within_the_bounds_is_one_error(data):
    """Small enough for the parser, whose time is linear in what `check_text` lets through."""
    assert len(data) <= MAX_BYTES
    check_text(data)
    with pytest.raises(FormatError, match="the agreement cannot be read"):
        Agreement.decode(data)


@pytest.mark.parametrize(
    ("sign", "name"),
    [
        ("\u202e", "U[+]202E"),
        ("\u2066", "U[+]2066"),
        ("\u200b", "U[+]200B"),
        ("\u00a0", "U[+]00A0"),
        ("\u2028", "U[+]2028"),
        ("\ufeff", "U[+]FEFF"),
        ("\x1b", "U[+]001B"),
        ("\x00", "U[+]0000"),
        ("\x85", "U[+]0085"),
        ("\r", "U[+]000D"),
    ],
)
def test_signs_that_do_not_print_are_refused(people, sign, name):
    """Written after a comment's sign, they would make a text look like another one to those who sign it."""
    text = people.text.replace("epsilon = 4.0", f"epsilon = 4.0 # {sign}0.1 = nolispe")
    line = text.split("\n").index(next(line for line in text.split("\n") if "nolispe" in line)) + 1
    refused(text.encode(), f"the agreement, line {line}: the sign {name} does not print")


def test_any_script_that_prints_is_taken(people):
    text = people.text.replace("[trust]", "[trust] # \u00e4\u00df \u4e2d\u6587 \u0627\u0644 \u03b5 \U0001f9ec\t\u2264")
    assert Agreement.decode(text.encode()) == people.agreement


def test_lines_may_end_as_on_windows(people):
    assert Agreement.decode(people.text.replace("\n", "\r\n").encode()) == people.agreement


@pytest.mark.parametrize("data", [b"\xff" * 1000, b"# \xc3", b"# \xed\xa0\x80"])
def test_bytes_that_are_no_text_are_refused(data):
    refused(data, "the agreement is not text in UTF-8")


def test_the_part_that_is_at_fault_is_named():
    with pytest.raises(FormatError, match=r"the schema columns\.toml, line 1"):
        check_text(b"\x00", "schema columns.toml")


def explained(text):
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.toml.decode(text, type=Agreement)
    return explain(error.value, Agreement)


@pytest.mark.parametrize(
    ("written", "instead", "hint"),
    [
        ("rounds =", "round =", "did you mean 'rounds'?"),
        ("[privacy]", "[privac]", "did you mean 'privacy'?"),
        ('name = "readmitted"', 'nam = "readmitted"', "(entries count from 0); did you mean 'name'?"),
        ('address = "', 'place = "', "there can be: name, key, address"),
        ('unit = "record"', 'unit = "patient"', "there can be: none, party, record"),
        ('kind = "boolean"', 'kind = "bool"', "there can be: boolean, category, integer, number"),
    ],
)
def test_a_misspelt_setting_is_told_what_could_stand_there(people, written, instead, hint):
    assert written in people.text
    said = explained(people.text.replace(written, instead, 1))
    assert said.endswith(hint)


def test_what_is_within_an_optional_table_is_told_too(people):
    said = explained(people.text + "\n[insecure]\ntest_sed = 3\n")
    assert said.endswith("did you mean 'test_seed'?")


@pytest.mark.parametrize("key", ['"` - at `$.nowhere"', '"` - at `$.data.columns[x"', "k" * 2000])
def test_a_key_that_looks_like_a_message_gets_no_hint(people, key):
    said = explained(people.text.replace("[trust]", f"[trust]\n{key} = 1", 1))
    assert "unknown field" in said
    assert "there can be" not in said
    assert "did you mean" not in said


def test_another_fault_is_said_as_the_parser_does(people):
    assert (
        explained(people.text.replace("rounds = 5", 'rounds = "5"'))
        == "Expected `int`, got `str` - at `$.training.rounds`"
    )

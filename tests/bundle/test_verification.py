"""Verification of bytes that anybody may have written: each flipped bit shows, and nothing is ever raised."""

import random
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.bundle import Bundle, container, verify
from tacit.errors import FormatError
from tacit.study import Agreement


def flipped(data: bytes, position: int, mask: int) -> bytes:
    altered = bytearray(data)
    altered[position] ^= mask
    return bytes(altered)


def fails_with_a_reason(data: bytes) -> None:
    report = verify(data)
    assert not report.holds
    assert report.failures
    for row in report.failures:
        assert len(row.detail) > 10, row
        assert row.detail.isprintable()


def test_each_byte_of_the_header_and_the_table(world):
    for position in range(16 + 12 * 16):
        for bit in range(8):
            fails_with_a_reason(flipped(world.data, position, 1 << bit))


def flips_show(world, of_each_kind: int, of_the_rest: int) -> None:
    """One bit flipped at both ends of every section, and in a sample: many of the first of each kind, fewer of others.

    Sections of one kind are read by the same code.
    """
    chance, start = random.Random(1), 16 + 12 * 16
    for parts in ((part,) if isinstance(part, bytes) else part for part in world.sections):
        for number, section in enumerate(parts):
            ends = {start, start + 1, start + len(section) - 2, start + len(section) - 1}
            sampled = of_the_rest if number else of_each_kind
            for position in ends | {start + chance.randrange(len(section)) for _ in range(sampled)}:
                fails_with_a_reason(flipped(world.data, position, 1 << chance.randrange(8)))
            start += len(section)
    assert start == len(world.data)


def test_bytes_of_every_section(world):
    flips_show(world, of_each_kind=30, of_the_rest=2)


@pytest.mark.slow
def test_many_bytes_of_every_section(world):
    flips_show(world, of_each_kind=300, of_the_rest=60)


def test_each_byte_of_the_agreement_is_signed(world):
    """Spaces and comments too: what is signed is the text."""
    text = world.sections.agreement
    fails_with_a_reason(world.packed(agreement=text + b"\n"))
    fails_with_a_reason(world.packed(agreement=text.replace(b" = ", b"  = ", 1)))
    fails_with_a_reason(world.packed(agreement=b"# a comment\n" + text))


def test_truncated(world):
    chance = random.Random(2)
    lengths = {*range(300), *(len(world.data) - n for n in range(1, 100)), *chance.sample(range(len(world.data)), 300)}
    for length in lengths:
        fails_with_a_reason(world.data[:length])


def test_extended(world):
    for tail in (b"\x00", b"\n", world.data):
        fails_with_a_reason(world.data + tail)
    fails_with_a_reason(b"\x00" + world.data)


def test_bad_bytes_are_a_failed_format_row(tmp_path):
    for data in (b"", b"PK\x03\x04", b"\x00" * 1000):
        report = verify(data)
        assert report.rows[0].check == "format"
        assert report.rows[0].result == "fails"
        assert report.rows[-1].result == "not checked"


def test_a_path_is_as_good_as_bytes(world, tmp_path):
    path = tmp_path / "model.tacit"
    path.write_bytes(world.data)
    assert verify(path) == verify(str(path)) == verify(world.data)


def test_a_file_that_is_not_there_is_a_failed_row(tmp_path):
    for path in (tmp_path / "nothing.tacit", tmp_path):
        report = verify(path)
        assert not report.holds
        assert "cannot read bundle" in report.first_fault


def test_a_file_that_is_too_large_is_not_read(world, tmp_path, monkeypatch):
    path = tmp_path / "model.tacit"
    path.write_bytes(world.data)
    monkeypatch.setattr(container, "MAX_BYTES", len(world.data) - 1)
    assert "larger than" in verify(path).first_fault


def decoded(data: bytes) -> None:
    """The decoder gives a bundle that is these bytes, or one FormatError; the report comes in any case."""
    verify(data)
    try:
        bundle = Bundle.decode(data)
    except FormatError:
        return
    assert bundle.encode() == data


@given(st.binary(max_size=500))
def test_any_bytes(data):
    decoded(data)


@given(st.lists(st.tuples(st.integers(1, 6), st.binary(max_size=200)), max_size=8).map(lambda rows: sorted(rows)))
def test_any_sections(rows):
    head = container.MAGIC + (1).to_bytes(4, "big") + len(rows).to_bytes(4, "big")
    table = b"".join(kind.to_bytes(4, "big") + len(part).to_bytes(8, "big") for kind, part in rows)
    decoded(head + table + b"".join(part for _, part in rows))


quiet = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quiet
@given(data=st.data())
def test_spliced_sections(world, data):
    """Pieces of real sections cut out, doubled, exchanged and mixed with noise."""
    sections, noise = world.sections, st.binary(max_size=30)
    name = data.draw(st.sampled_from(sections._fields))
    value = getattr(sections, name)
    parts = [value] if isinstance(value, bytes) else list(value)
    index = data.draw(st.integers(0, len(parts) - 1))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(parts[index]))] * 2)))
    parts[index] = parts[index][:start] + data.draw(noise) + parts[index][end:]
    if isinstance(value, tuple):
        parts = data.draw(st.permutations(parts))[: data.draw(st.integers(0, len(parts)))]
    try:
        altered = world.packed(**{name: parts[0] if isinstance(value, bytes) else tuple(parts)})
    except FormatError:
        return
    decoded(altered)
    assert altered == world.data or not verify(altered).holds


@quiet
@given(data=st.data())
def test_hostile_agreements(world, data):
    """Lines of the agreement removed, doubled or replaced by other TOML."""
    lines = world.sections.agreement.decode().split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        key = lines[index].partition(" =")[0]
        value = data.draw(
            st.sampled_from(
                [
                    "0",
                    "-1",
                    "1e309",
                    "nan",
                    "inf",
                    "true",
                    "[]",
                    "{}",
                    "''",
                    "1979-05-27",
                    "9" * 30,
                    '"\\u0000"',
                    "[[1]]",
                ]
            )
        )
        lines[index] = data.draw(st.sampled_from(["", f"{key} = {value}", lines[index] + "\n" + lines[index], value]))
    text = "\n".join(lines).encode()
    decoded(world.packed(agreement=text))
    assert text == world.sections.agreement or not verify(world.packed(agreement=text)).holds


@pytest.mark.parametrize(
    ("agreement", "reason"),
    [
        (b"a." * 400_000 + b"a = 1", "too many dots in one line"),
        (b"[" + b"a." * 1_000 + b"a]\n" + b"k = 1\n" * 90_000, "too many dots in a heading"),
        (b"x = " + b"[" * 1_000_000, "cannot be read"),
        (b"x = " + b"{a=" * 300_000, "cannot be read"),
        (b"x = " + b"9" * 1_000_000, "cannot be read"),
        (b'x = "' + b"\\u0041" * 150_000 + b'"', "cannot be read"),
        (b"\xff" * 1_000_000, "not text in UTF-8"),
        (b"\x1b[2J", "does not print"),
    ],
    ids=["dotted key", "dotted heading", "arrays", "tables", "digits", "escapes", "noise", "control"],
)
def test_a_hostile_agreement_is_a_failed_row(world, agreement, reason):
    """What each costs is bounded by `study.text`, before it is parsed."""
    report = verify(world.packed(agreement=agreement))
    assert [row.check for row in report.failures] == ["agreement", "everything else"]
    assert reason in report.first_fault


def test_a_number_that_python_cannot_print_is_a_failed_row(world):
    for setting in ("corrupt = 1", "dropping = 1", "rounds = 5"):
        name = setting.partition(" =")[0]
        text = world.sections.agreement.replace(setting.encode(), f"{name} = 0x{'f' * 5_000}".encode())
        assert name in verify(world.packed(agreement=text)).first_fault


def test_many_recipients_are_refused_by_their_number(world):
    more = b"".join(b'\n[[release.recipients]]\nname = "r%d"\nkey = "tacit1:%064d"\n' % (n, n) for n in range(8_000))
    report = verify(world.packed(agreement=world.sections.agreement.replace(b"\n[data]", more + b"\n[data]")))
    assert "8001 release.recipients: at most 100 can be" in report.first_fault


def test_many_sections_are_refused_by_their_number(world):
    """Without reading any of them: each would cost two signatures."""
    identities = verify(world.packed(identities=world.sections.identities[:1] * 1000))
    assert "6 members, but the bundle has 1000 public identities" in identities.first_fault
    signatures = verify(world.packed(manifest_signatures=world.sections.manifest_signatures[:1] * 1000))
    assert "names 3 signers, but the bundle has 1000 signatures" in signatures.first_fault


@pytest.mark.parametrize(
    "manifest",
    [b"[" * 1_000_000, b'{"a":' * 200_000, b'"' + b"\\u0041" * 150_000 + b'"', b"1" * 1_000_000],
    ids=["arrays", "objects", "escapes", "digits"],
)
def test_a_hostile_manifest_is_a_failed_row(world, manifest):
    report = verify(world.packed(manifest=manifest))
    assert [row.check for row in report.failures] == ["manifest", "everything else"]
    assert len(report.first_fault) < 400


def test_an_agreement_that_cannot_be_met_is_a_format_error_to_the_decoder(world):
    text = world.sections.agreement.replace(b"dropping = 1", b"dropping = 4")
    with pytest.raises(FormatError, match="the agreement cannot be met: trust"):
        Bundle.decode(world.packed(agreement=text))
    report = verify(world.packed(agreement=text))
    assert [row.check for row in report.failures] == ["agreement", "everything else"]


def test_counts_that_do_not_fit_the_agreement(world):
    sections = world.sections
    for name, check in (
        ("identities", "identities"),
        ("agreement_signatures", "agreement signatures"),
        ("manifest_signatures", "manifest"),
    ):
        parts = getattr(sections, name)
        for changed in (parts[:-1], (*parts, parts[0]), ()):
            report = verify(world.packed(**{name: changed}))
            assert [row.check for row in report.failures] == [check, "everything else"]
            with pytest.raises(FormatError):
                Bundle.decode(world.packed(**{name: changed}))


def test_all_unreadable_sections_are_reported_at_once(world):
    data = world.packed(identities=(b"",) * 6, agreement_signatures=(b"",) * 4, manifest=b"")
    failures = [row.check for row in verify(data).failures]
    assert failures == ["identities", "agreement signatures", "manifest", "everything else"]


def test_what_a_forger_writes_stays_text(world):
    text = world.sections.agreement.replace(b'"logistic"', b'"\\u001b[2Jlogistic"')
    for data in (world.packed(agreement=text), world.conspire(study="\x1b[2J\u202e")):
        assert "\x1b" not in str(verify(data))
        assert "\u202e" not in str(verify(data))


def test_verifying_changes_nothing_in_the_study(world, tmp_path):
    study = world.another_study(tmp_path / "copy")
    before = sorted(study.folder.rglob("*"))
    verify(world.data, study=study)
    assert sorted(study.folder.rglob("*")) == before


def test_needs_neither_numba_nor_torch_nor_the_network(world, tmp_path):
    path = tmp_path / "model.tacit"
    path.write_bytes(world.data)
    program = (
        "import sys, socket\n"
        "from tacit.bundle import verify\n"
        "socket.socket = None\n"
        f"assert verify({str(path)!r}).holds\n"
        "print([name for name in ('numba', 'torch', 'sklearn', 'opacus', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_decoder_reads_what_the_study_reads(world):
    assert Bundle.decode(world.data).agreement == Agreement.decode(world.study.agreement_bytes)

import hashlib
import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.errors import AgreementError, FormatError
from tacit.study import Agreement, Coordinator, Insecure, Party
from tacit.study.agreement import digest

replace = msgspec.structs.replace


def refused(agreement, reason):
    with pytest.raises(AgreementError, match=re.escape(reason)):
        agreement.check()
    with pytest.raises(AgreementError, match=re.escape(reason)):
        Agreement.decode(agreement.encode())


def changed(people, part, **changes):
    agreement = people.agreement
    return replace(agreement, **{part: replace(getattr(agreement, part), **changes)})


def key(number):
    return f"tacit1:{number:064x}"


def test_the_text_says_what_it_means(people):
    agreement = people.agreement
    assert agreement.names == ("ash", "birch", "cedar")
    assert [member.name for member in agreement.members] == ["ash", "birch", "cedar", "carrier", "buyer"]
    assert (agreement.coordinator.host, agreement.coordinator.port) == ("carrier.example", 7000)
    assert agreement.release.holders == ("ash", "buyer")
    assert agreement.insecure is None
    agreement.check()


def test_encoded_and_decoded_it_is_the_same(people):
    for agreement in (people.agreement, replace(people.agreement, insecure=Insecure(7))):
        assert Agreement.decode(agreement.encode()) == agreement


@given(purpose=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_purpose_that_prints_comes_back(people, purpose):
    agreement = replace(people.agreement, purpose=purpose)
    if purpose.isprintable():
        assert Agreement.decode(agreement.encode()) == agreement
        return
    with pytest.raises(AgreementError, match="purpose must be one line"):
        agreement.check()
    with pytest.raises((AgreementError, FormatError), match=r"purpose must be one line|does not print"):
        Agreement.decode(agreement.encode())


def test_a_purpose_in_escapes_must_print_too(people):
    text = people.text.replace("predict", "\\u202epredict")
    with pytest.raises(AgreementError, match="purpose must be one line"):
        Agreement.decode(text.encode())


def test_a_purpose_is_not_a_book(people):
    refused(replace(people.agreement, purpose="a" * 10_001), "at most 10000 characters")


def test_what_is_signed_are_the_bytes_under_a_domain(people):
    data = people.text.encode()
    assert digest(data) == hashlib.sha256(b"tacit agreement/1\x00" + data).digest()
    assert digest(data) != digest(data + b"\n")


def test_another_version_is_refused(people):
    refused(replace(people.agreement, format="tacit-study/2"), "of format 'tacit-study/2'; this version reads")


@pytest.mark.parametrize("count", [0, 1, 2, 1001])
def test_how_many_parties_there_can_be(people, count):
    parties = tuple(Party(f"p{n}", key(n)) for n in range(count))
    agreement = replace(people.agreement, parties=parties)
    counted = "1 party" if count == 1 else f"{count} parties"
    refused(agreement, f"{counted}: secure aggregation needs 3 to 1000, as each of two could take its own part off")
    refused(agreement, "list each with its key under [[parties]]")


@pytest.mark.parametrize("count", [3, 1000])
def test_the_least_and_the_most_parties(people, count):
    parties = tuple(Party(f"p{n}", key(n)) for n in range(count))
    release = replace(people.agreement.release, holders=("p0",))
    replace(people.agreement, parties=parties, release=release).check()


def test_how_many_recipients_there_can_be(people):
    recipients = tuple(Party(f"r{n}", key(n)) for n in range(101))
    refused(changed(people, "release", recipients=recipients, holders=("r0",)), "at most 100 can be")
    changed(people, "release", recipients=recipients[:100], holders=("r0",)).check()


@pytest.mark.parametrize("name", ["", "Ash", "-ash", "ash_1", "ä", "a" * 41, "a\n", "a/b", "..", "a b"])
def test_names_that_cannot_be(people, name):
    refused(replace(people.agreement, name=name), "cannot be a name")
    refused(changed(people, "coordinator", name=name), "cannot be a name")
    refused(replace(people.agreement, parties=(Party(name, key(1)), *people.agreement.parties)), "cannot be a name")
    refused(changed(people, "release", recipients=(Party(name, key(1)),), holders=("ash",)), "cannot be a name")


@pytest.mark.parametrize(
    "text", ["", "tacit1:", key(1)[:-1], key(1) + "0", key(1) + "\n", "tacit1:" + "A" * 64, "x" * 71]
)
def test_keys_that_are_no_fingerprints(people, text):
    first, *rest = people.agreement.parties
    refused(
        replace(people.agreement, parties=(replace(first, key=text), *rest)), "the key of 'ash' is not a fingerprint"
    )
    refused(changed(people, "coordinator", key=text), "the key of 'carrier' is not a fingerprint")


def test_two_members_of_one_name(people):
    parties = people.agreement.parties
    refused(replace(people.agreement, parties=(*parties, Party("ash", key(1)))), "share the name ['ash']")
    refused(changed(people, "coordinator", name="birch"), "share the name ['birch']")
    recipients = (Party("cedar", key(1)),)
    refused(changed(people, "release", recipients=recipients, holders=("ash",)), "share the name ['cedar']")


def test_two_members_of_one_key(people):
    taken = people.agreement.parties[0].key
    refused(replace(people.agreement, parties=(*people.agreement.parties, Party("dogwood", taken))), "share the key")
    refused(changed(people, "coordinator", key=taken), "share the key")
    refused(changed(people, "release", recipients=(Party("other", taken),), holders=("ash",)), "share the key")


@pytest.mark.parametrize(
    "address",
    ["", "carrier", "carrier:", ":7000", "carrier:0", "carrier:65536", "carrier:99999", "carrier:7000\n", "a b:1",
     "http://carrier:7000", "carrier:7_0", "[::1]", "[]:7000", "carrier:٣", "a" * 254 + ":1"],
)  # fmt: skip
def test_addresses_that_cannot_be(people, address):
    refused(changed(people, "coordinator", address=address), "is not HOST:PORT")


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("10.0.0.1:1", "10.0.0.1", 1), ("[::1]:65535", "::1", 65535), ("a-b.example:7000", "a-b.example", 7000)],
)
def test_addresses(people, address, host, port):
    coordinator = Coordinator("carrier", key(1), address)
    replace(people.agreement, coordinator=coordinator).check()
    assert (coordinator.host, coordinator.port) == (host, port)


@pytest.mark.parametrize(
    ("part", "changes", "reason"),
    [
        ("model", {"fraction_bits": 7}, "model.fraction_bits must be 8 to 20"),
        ("model", {"fraction_bits": 21}, "model.fraction_bits must be 8 to 20"),
        ("model", {"seed": -1}, "model.seed must be 0 or more"),
        ("model", {"seed": 2**63}, "model.seed must be 0 or more"),
        ("model", {"kind": "mlp", "hidden": (0,)}, "model.hidden: at most 8 layers of 1 to 4096"),
        ("model", {"kind": "mlp", "hidden": (4097,)}, "model.hidden: at most 8 layers of 1 to 4096"),
        ("model", {"kind": "mlp", "hidden": (4,) * 9}, "model.hidden: at most 8 layers of 1 to 4096"),
        ("model", {"kind": "mlp", "hidden": ()}, "which needs it, and for 'cnn': set it, the width of each"),
        ("model", {"kind": "logistic", "hidden": (4,)}, "choose that kind, or leave it out with 'logistic'"),
        ("model", {"kind": "linear"}, "model.kind 'linear' predicts a number, but the label 'readmitted'"),
        ("training", {"rounds": 0}, "training.rounds must be 1 to 10,000"),
        ("training", {"rounds": 10_001}, "training.rounds must be 1 to 10,000"),
        ("training", {"local_steps": 0}, "training.local_steps must be 1 to 1,000"),
        ("training", {"local_steps": 1_001}, "training.local_steps must be 1 to 1,000"),
        ("training", {"learning_rate": 0.0}, "training.learning_rate must be 1e-06 to 1000"),
        ("training", {"learning_rate": 1001.0}, "training.learning_rate must be 1e-06 to 1000"),
        ("training", {"learning_rate": float("nan")}, "training.learning_rate must be 1e-06 to 1000"),
        ("training", {"clip": 0.0}, "training.clip must be 1e-06 to 1e+06"),
        ("training", {"clip": float("inf")}, "training.clip must be 1e-06 to 1e+06"),
        ("training", {"timeout_seconds": 0.5}, "training.timeout_seconds must be 1 to 86400"),
        ("training", {"timeout_seconds": 86_401.0}, "training.timeout_seconds must be 1 to 86400"),
        ("training", {"l2": -0.1}, "training.l2 must be 0 to 1000"),
        ("training", {"l2": float("nan")}, "training.l2 must be 0 to 1000"),
        ("training", {"momentum": 1.0}, "training.momentum must be 0 or more, below 1"),
        ("training", {"momentum": -0.1}, "training.momentum must be 0 or more, below 1"),
        ("training", {"average_last": 1.0}, "training.average_last must be 0 or more, below 1"),
        ("training", {"server_learning_rate": 0.0}, "training.server_learning_rate must be 1e-06 to 1000"),
        ("training", {"tau": 0.0}, "training.tau must be 1e-09 to 1000"),
        ("training", {"control_clip": 0.0}, "training.control_clip must be 1e-06 to 1e+06"),
        ("training", {"proximal": -0.1}, "training.proximal must be 0 to 1000"),
        ("training", {"proximal": float("nan")}, "training.proximal must be 0 to 1000"),
        ("training", {"beta1": 1.0}, "training.beta1 must be 0 or more, below 1"),
        ("training", {"beta2": -0.1}, "training.beta2 must be 0 or more, below 1"),
        ("training", {"batch_rows": -1}, r"training.batch_rows must be 0 (all rows) or more"),
        ("training", {"batch_rows": 2**31}, r"training.batch_rows must be 0 (all rows) or more"),
        ("training", {"validation_share": 0.001}, "training.validation_share must be 0 (none), or 0.01 to 0.5"),
        ("training", {"validation_share": 0.6}, "training.validation_share must be 0 (none), or 0.01 to 0.5"),
        ("training", {"validation_share": 0.2, "patience": -1}, "training.patience must be 0 (never stop early)"),
        ("training", {"validation_share": 0.2, "patience": 10_001}, "training.patience must be 0 (never stop early)"),
        ("training", {"min_improvement": -0.1}, "training.min_improvement must be 0 to 2"),
        ("training", {"min_improvement": 2.1}, "training.min_improvement must be 0 to 2"),
        ("training", {"patience": 3}, "training.patience is decided on rows that are held back: set"),
        ("training", {"personal": "last-layer"}, "training.personal is decided on rows that are held back: set"),
        ("privacy", {"unit": "none"}, "privacy.unit is 'none', yet a budget is given"),
        ("privacy", {"unit": "none", "epsilon": 0.0}, "privacy.unit is 'none', yet a budget is given"),
        ("privacy", {"epsilon": 0.001}, "privacy.epsilon must be 0.01 to 1000"),
        ("privacy", {"epsilon": 1001.0}, "privacy.epsilon must be 0.01 to 1000"),
        ("privacy", {"epsilon": float("inf")}, "privacy.epsilon must be 0.01 to 1000"),
        ("privacy", {"epsilon": float("nan")}, "privacy.epsilon must be 0.01 to 1000"),
        ("privacy", {"unit": "party", "epsilon": 0.0}, "privacy.epsilon must be 0.01 to 1000"),
        ("privacy", {"delta": 0.0}, "privacy.delta must be 1e-15 to 1e-3"),
        ("privacy", {"delta": 0.01}, "privacy.delta must be 1e-15 to 1e-3"),
        ("privacy", {"statistics_share": 0.0}, "privacy.statistics_share must be 0.01 to 0.5"),
        ("privacy", {"statistics_share": 0.6}, "privacy.statistics_share must be 0.01 to 0.5"),
        ("privacy", {"statistics_share": float("nan")}, "privacy.statistics_share must be 0.01 to 0.5"),
        ("trust", {"corrupt": -1}, "trust: of 3 parties -1 corrupt and 1 dropping leave no honest one"),
        ("trust", {"dropping": -1}, "trust: of 3 parties 0 corrupt and -1 dropping leave no honest one"),
        ("trust", {"dropping": 3}, "trust: of 3 parties 0 corrupt and 3 dropping leave no honest one"),
        ("trust", {"corrupt": 2, "dropping": 1}, "trust: of 3 parties 2 corrupt and 1 dropping leave no honest one"),
        ("trust", {"poisoning": -1}, "trust: -1 poisoning parties cannot be"),
        ("trust", {"poisoning": 1}, "3 groups of 3 or more, 9 parties, and there are 3: at most 0 can be"),
        ("release", {"holders": ()}, "release.holders is empty: nobody could use the model"),
        ("release", {"holders": ("ash", "ash")}, "release.holders names somebody twice"),
        ("release", {"holders": ("ash", "zed")}, "release.holders: ['zed'] are neither parties nor recipients"),
        ("release", {"holders": ("carrier",)}, "release.holders: ['carrier'] are neither parties nor recipients"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_met(people, part, changes, reason):
    refused(changed(people, part, **changes), reason)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_test_seeds_that_cannot_be(people, seed):
    refused(replace(people.agreement, insecure=Insecure(seed)), "insecure.test_seed must be 0 or more")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('purpose = "predict readmission within thirty days"\n', ""),
        ("rounds = 5", "rounds = 5\nround = 6"),
        ("rounds = 5", 'rounds = "5"'),
        ("rounds = 5", "rounds = 5.5"),
        ("rounds = 5", "rounds = 5\nrounds = 5"),
        ('kind = "logistic"', 'kind = "forest"'),
        ('unit = "record"', 'unit = "person"'),
        ('split = "horizontal"', 'split = "diagonal"'),
        ("learning_rate = 1.0", 'method = "magic"\nlearning_rate = 1.0'),
        ('holders = ["ash", "buyer"]', 'holders = "ash"'),
        ("[trust]", "[trust"),
        ("[trust]", "[mistrust]"),
        ("corrupt = 0", "corrupt = 1979-05-27"),
    ],
)
def test_text_that_is_no_agreement(people, old, new):
    assert old in people.text
    with pytest.raises(FormatError, match="the agreement cannot be read"):
        Agreement.decode(people.text.replace(old, new).encode())


@pytest.mark.parametrize("digits", [20, 5_000, 100_000])
@pytest.mark.parametrize("setting", ["corrupt = 0", "dropping = 1", "rounds = 5", "low = 0.0", "epsilon = 4.0"])
def test_numbers_too_long_to_be_printed_are_one_error(people, setting, digits):
    """Python refuses to print integers of more than 4,300 digits; in hexadecimal TOML they can be written."""
    name = setting.partition(" =")[0]
    text = people.text.replace(setting, f"{name} = 0x{'f' * digits}")
    with pytest.raises((FormatError, AgreementError)) as caught:
        Agreement.decode(text.encode())
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[trust]", '"\\u001b[2J" = 1\n[trust]'),
        ("[trust]", '"\\u202e" = 1\n[trust]'),
        ("[trust]", '"' + "x" * 100_000 + '" = 1\n[trust]'),
        ("tacit-study/1", "\\u001b[2J" * 10_000),
        ('"ash", "buyer"', '"' + "\\u202e" * 10_000 + '"'),
        ("carrier.example:7000", "\\u001b" * 10_000),
    ],
)
def test_an_error_shows_what_a_stranger_wrote_as_one_short_line(people, old, new):
    with pytest.raises((FormatError, AgreementError)) as caught:
        Agreement.decode(people.text.replace(old, new, 1).encode())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def decoded(data: bytes) -> None:
    try:
        agreement = Agreement.decode(data)
    except (FormatError, AgreementError):
        return
    assert Agreement.decode(agreement.encode()) == agreement


@given(st.binary(max_size=200))
def test_any_bytes_are_an_agreement_or_one_error(data):
    decoded(data)


values = st.sampled_from(
    [
        "0",
        "-1",
        "1e309",
        "nan",
        "-inf",
        "true",
        "[]",
        "[[]]",
        "{}",
        "{a = 1}",
        "''",
        "07:32:00",
        "9" * 30,
        "0x",
    ]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_settings_are_an_agreement_or_one_error(people, data):
    lines = people.text.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        name = lines[index].partition(" =")[0]
        choices = [
            "",
            f"{name} = {data.draw(values)}",
            lines[index] * 2,
            "[" + name + "]",
            data.draw(st.text(max_size=5)),
        ]
        lines[index] = data.draw(st.sampled_from(choices))
    decoded("\n".join(lines).encode(errors="replace"))


def test_prose_and_numbers_may_have_dots(people):
    purpose = "One. Two. Three. " * 300
    assert Agreement.decode(replace(people.agreement, purpose=purpose).encode()).purpose == purpose


def test_a_share_of_nothing_is_checked_too(people):
    privacy = replace(people.agreement.privacy, unit="none", epsilon=0.0, delta=0.0)
    replace(people.agreement, privacy=privacy).check()
    refused(replace(people.agreement, privacy=replace(privacy, statistics_share=float("nan"))), "statistics_share")

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import FormatError
from tacit.keys import Identity
from tacit.study import AgreementSignature

replace = msgspec.structs.replace
DIGEST, OTHER = bytes(32), b"\x01" * 32


@pytest.fixture(scope="module")
def signature(people):
    return AgreementSignature.make(people["ash"], DIGEST)


def test_holds_for_its_signer_and_its_agreement(people, signature):
    assert signature.verify(people["ash"].public, DIGEST) is None
    assert (signature.signer, signature.key) == ("ash", people["ash"].public.fingerprint)


def test_bytes_come_back(signature):
    assert AgreementSignature.decode(signature.encode()) == signature


def test_of_another_agreement(people, signature):
    assert "under another text" in signature.verify(people["ash"].public, OTHER)


def test_of_another_agreement_relabelled(people, signature):
    relabelled = replace(AgreementSignature.make(people["ash"], OTHER), agreement=DIGEST)
    assert "is false" in relabelled.verify(people["ash"].public, DIGEST)


def test_of_another_party(people, signature):
    assert "is by 'ash' with another key" in signature.verify(people["birch"].public, DIGEST)


def test_of_another_party_relabelled(people, signature):
    birch = people["birch"].public
    relabelled = replace(signature, signer="birch", key=birch.fingerprint)
    assert "is false" in relabelled.verify(birch, DIGEST)


def test_of_a_namesake(people):
    signature = AgreementSignature.make(Identity.new("ash"), DIGEST)
    assert "with another key" in signature.verify(people["ash"].public, DIGEST)
    relabelled = replace(signature, key=people["ash"].public.fingerprint)
    assert "is false" in relabelled.verify(people["ash"].public, DIGEST)


def test_under_another_domain(people):
    """What a party signs elsewhere is no signature of an agreement."""
    ash = people["ash"]
    moved = AgreementSignature(
        "tacit-signature/1", "ash", ash.public.fingerprint, DIGEST, ash.sign("bundle manifest", DIGEST)
    )
    assert "is false" in moved.verify(ash.public, DIGEST)


def test_both_halves_are_needed(people, signature):
    true, other = signature.signature, AgreementSignature.make(people["birch"], DIGEST).signature
    for false in (true[:64] + other[64:], other[:64] + true[64:], true[:64]):
        assert "is false" in replace(signature, signature=false).verify(people["ash"].public, DIGEST)


def test_each_altered_byte_shows(people, signature):
    """Either it is no signature file any more, or it does not hold."""
    data = signature.encode()
    for position in range(0, len(data), 7):
        altered = bytearray(data)
        altered[position] ^= 1
        try:
            read = AgreementSignature.decode(bytes(altered))
        except FormatError:
            continue
        assert read.verify(people["ash"].public, DIGEST) is not None, position


def test_truncated(signature):
    data = signature.encode()
    for length in range(0, len(data), 50):
        with pytest.raises(FormatError):
            AgreementSignature.decode(data[:length])


def test_of_another_version(signature):
    data = signature.encode().replace(b"tacit-signature/1", b"tacit-signature/2")
    with pytest.raises(FormatError, match="of format 'tacit-signature/2'; this version reads"):
        AgreementSignature.decode(data)


def test_only_the_canonical_form_is_read(signature):
    data = signature.encode()
    for altered in (data + b"\n", b" " + data, data.replace(b":", b": ", 1), data[:-1] + b',"more":1}'):
        with pytest.raises(FormatError):
            AgreementSignature.decode(altered)


def test_larger_than_any():
    with pytest.raises(FormatError, match="the file of ash is larger than any can be"):
        AgreementSignature.decode(b" " * (16 * 1024 + 1), "the file of ash")


@given(st.binary(max_size=200))
def test_any_bytes_are_one_error(data):
    with pytest.raises(FormatError):
        AgreementSignature.decode(data)


def test_the_error_names_the_thing():
    with pytest.raises(FormatError, match="signature file ash"):
        AgreementSignature.decode(b"{}", "signature file ash")

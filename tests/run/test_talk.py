"""The few rules of asking and being answered, which both roles share."""

import pytest

from tacit.errors import ProtocolError
from tacit.run.messages import Ready, Signers, Stop, Total
from tacit.run.talk import ask, expect, of_kind, require_enough


def test_asking_says_the_message_and_returns_the_answer():
    asking = ask(Ready(), Signers, "seal", "carrier")
    assert next(asking) == Ready()
    with pytest.raises(StopIteration) as end:
        asking.send(Signers(("north",)))
    assert end.value.value == Signers(("north",))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Total(b"", ()), "sent Total where Signers belongs"),
        (Ready(), "sent Ready where Signers belongs"),
        (None, "sent NoneType where Signers belongs"),
        (Stop("no room\x1b[2J"), r"stopped the run: no room\\x1b"),
    ],
)
def test_another_answer_blames_the_coordinator(answer, reason):
    with pytest.raises(ProtocolError, match=reason) as caught:
        expect(answer, Signers, "seal", "carrier")
    assert (caught.value.culprit, caught.value.step) == ("carrier", "seal")
    assert str(caught.value).isprintable()


def test_a_long_reason_is_cut():
    with pytest.raises(ProtocolError) as caught:
        expect(Stop("x" * 100_000), Signers, "seal", "carrier")
    assert len(str(caught.value)) < 400


def test_who_says_something_else_is_left_out_and_told_of():
    events = []
    answers = {"north": Ready(), "east": Total(b"", ()), "south": Ready()}
    assert list(of_kind(answers, Ready, events.append)) == ["north", "south"]
    assert [(event.kind, event.body) for event in events] == [
        ("dropped", {"party": "east", "reason": "sent Total where Ready belongs"})
    ]


def test_as_many_may_be_missing_as_agreed_on(study):
    require_enough(study, ("north", "east", "south"), "join")
    with pytest.raises(ProtocolError, match="missing, where the agreement tolerates 1") as caught:
        require_enough(study, ("north", "south"), "join")
    assert (caught.value.culprit, caught.value.step) == ("east, west", "join")

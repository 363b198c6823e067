"""The party as a state machine: each step once and in order, and nothing left of it afterwards."""

from __future__ import annotations

import contextlib
import copy
import gc
import itertools
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import FormatError, IdentityError, ProtocolError
from tacit.federated.secagg import AggregationParty, decode, encode, shamir
from tacit.keys import Identity

from .driver import STEPS, Session, identity, make_setting

NAME = "party-01"


def arguments(session: Session, step: str) -> tuple:
    if step == "advertise":
        return ()
    reply = session.replies[STEPS[STEPS.index(step) - 1]][NAME]
    return (reply, session.vectors[NAME]) if step == "mask" else (reply,)


def before(step: str) -> Session:
    """A session in which `step` is what NAME has to do next."""
    session = Session(make_setting(n=4, dropping=1))
    return session.go(STEPS[STEPS.index(step) - 1]) if step != "advertise" else session


@pytest.fixture(scope="module")
def finished() -> Session:
    return Session(make_setting(n=4, dropping=1)).go()


@pytest.mark.parametrize("due", STEPS)
@pytest.mark.parametrize("done", STEPS)
def test_only_the_step_that_is_due_can_be_done(due: str, done: str, finished: Session) -> None:
    session = before(due)
    party = session.parties[NAME]
    if due == done:
        getattr(party, due)(*arguments(session, due))
        return
    with pytest.raises(ProtocolError, match="over, or not due") as caught:
        getattr(party, done)(*arguments(finished, done))
    assert (caught.value.culprit, caught.value.step) == ("coordinator", done)
    with pytest.raises(ProtocolError, match="over, or not due"):
        getattr(party, due)(*arguments(session, due))


@pytest.mark.parametrize("step", STEPS)
def test_no_step_is_done_twice(step: str) -> None:
    session = before(step)
    party, given_ = session.parties[NAME], arguments(session, step)
    getattr(party, step)(*given_)
    with pytest.raises(ProtocolError, match="over, or not due"):
        getattr(party, step)(*given_)


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(7, np.uint32),
        np.zeros(9, np.uint32),
        np.zeros((8, 1), np.uint32),
        np.zeros(8, np.uint64),
        np.zeros(8, np.int32),
        np.zeros(8, np.float32),
        np.zeros(8, ">u4"),
    ],
    ids=lambda vector: f"{vector.dtype.str}{vector.shape}",
)
def test_a_vector_of_another_shape_or_type_is_the_callers_mistake(vector: np.ndarray) -> None:
    session = before("mask")
    with pytest.raises(ValueError, match="this sum is over vectors of 8 words of uint32"):
        session.parties[NAME].mask(session.replies["share"][NAME], vector)
    with pytest.raises(ProtocolError, match="over, or not due"):
        session.parties[NAME].mask(session.replies["share"][NAME], session.vectors[NAME])


def test_only_a_party_of_the_agreement_takes_part() -> None:
    for stranger in (identity(9), Identity.new(NAME)):
        with pytest.raises(IdentityError, match="not a party of this sum"):
            AggregationParty(make_setting(n=4), stranger)


def test_it_is_neither_pickled_nor_copied() -> None:
    party = before("share").parties[NAME]
    for attempt in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="pickle"):
            attempt(party)
        for part in (party._memory, party._memory._known.secrets.mask):
            with pytest.raises(TypeError, match="not pickled or copied"):
                attempt(part)


def test_a_shallow_copy_has_the_same_memory() -> None:
    session = before("confirm")
    party = session.parties[NAME]
    twin = copy.copy(party)
    twin.confirm(*arguments(session, "confirm"))
    with pytest.raises(ProtocolError, match="over, or not due"):
        party.confirm(*arguments(session, "confirm"))


def test_two_threads_do_not_take_the_same_memory() -> None:
    """Whoever is second waits, and then finds nothing."""
    party, taken = before("confirm").parties[NAME], threading.Event()

    def take() -> None:
        party._memory.take(object, "confirm")
        taken.set()

    second = threading.Thread(target=take)
    with party._memory._lock:
        second.start()
        assert not taken.wait(0.2)
    second.join()
    assert taken.is_set()


@pytest.mark.parametrize(
    ("step", "broken"),
    [
        ("advertise", "tacit.keys.Identity.sign"),
        ("share", "tacit.federated.secagg.pieces.seal_piece"),
        ("mask", "tacit.federated.secagg.masking.Masks.add_pair_mask"),
        ("confirm", "tacit.keys.Identity.sign"),
    ],
)
def test_an_error_in_the_middle_ends_it_too(step: str, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session, following = before(step), STEPS[STEPS.index(step) + 1]
    party = session.parties[NAME]
    monkeypatch.setattr(broken, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        getattr(party, step)(*arguments(session, step))
    monkeypatch.undo()
    with pytest.raises(ProtocolError, match="over, or not due"):
        getattr(party, following)(*(None for _ in range(2 if following == "mask" else 1)))


def reachable(root: object) -> list[object]:
    """Everything that can be got at from `root` without going through modules and classes."""
    seen: dict[int, object] = {}
    queue = [root]
    while queue:
        item = queue.pop()
        if id(item) not in seen and not isinstance(item, type | type(gc)):
            seen[id(item)] = item
            queue.extend(gc.get_referents(item))
    return list(seen.values())


def secrets_of(session: Session) -> tuple[bytes, bytes]:
    secrets = session.parties[NAME]._memory._known.secrets
    return secrets.root, secrets.seed


@pytest.mark.parametrize("step", ["share", "mask"])
def test_secrets_are_gone_after_an_error(step: str) -> None:
    session = before(step)
    root, seed = secrets_of(session)
    assert {root, seed} <= {item for item in reachable(session.parties[NAME]) if isinstance(item, bytes)}
    with pytest.raises(ProtocolError):
        session.parties[NAME].unmask(None)
    found = {item for item in reachable(session.parties[NAME]) if isinstance(item, bytes)}
    assert not {root, seed} & found


def test_secrets_are_gone_once_the_vector_is_masked_and_shares_when_all_is_done() -> None:
    session = before("mask")
    party, secrets = session.parties[NAME], secrets_of(session)
    session.go("mask")
    assert not set(secrets) & {item for item in reachable(party) if isinstance(item, bytes)}
    shares = {dealt.root_share for dealt in party._memory._known.held.values()}
    session.go()
    assert not shares & {item for item in reachable(party) if isinstance(item, bytes)}


def test_fewer_than_t_of_the_shares_that_are_dealt_do_not_give_a_secret() -> None:
    """Each of c corrupt parties, and any honest ones up to t - 1 in all, may give away what it was dealt."""
    session = Session(make_setting(n=5, corrupt=1, dropping=1)).go("share")
    secrets, points = session.parties[NAME]._memory._known.secrets, {}
    session.go("mask")
    for place, name in enumerate(session.setting.names, start=1):
        points[place] = session.parties[name]._memory._known.held[NAME]
    t = session.setting.threshold
    for kind, secret in (("root_share", secrets.root), ("seed_share", secrets.seed)):
        shares = {place: getattr(dealt, kind) for place, dealt in points.items()}
        for size in range(1, 6):
            for chosen in itertools.combinations(shares, size):
                given_away = shamir.combine({place: shares[place] for place in chosen})
                assert (given_away == secret) == (size >= t)


@pytest.mark.parametrize("step", STEPS)
def test_no_secret_in_a_repr(step: str) -> None:
    session = before(step)
    party = session.parties[NAME]
    assert repr(party) == "AggregationParty('party-01', secrets hidden)"
    assert repr(party._memory) == "Memory(contents hidden)"
    found = reachable(party._memory._known)
    secrets = {item for item in found if isinstance(item, bytes) and len(item) in (16, 17, 32)} - {
        session.setting.digest,
        session.setting.instance,
        getattr(getattr(party._memory._known, "view", None), "roster_digest", b""),
    }
    assert secrets or step == "advertise"
    shown = "".join(repr(item) for item in found if type(item).__module__.startswith("tacit.federated"))
    assert not [secret for secret in secrets if repr(secret)[2:-1] in shown or secret.hex() in shown]


@settings(max_examples=60, deadline=None)
@given(
    step=st.sampled_from(STEPS[1:]),
    place=st.integers(0, 10**6),
    value=st.integers(0, 255),
    early=st.booleans(),
)
def test_altered_messages_are_refused_or_harmless(step: str, place: int, value: int, early: bool) -> None:
    session = before(step)
    reply, *rest = arguments(session, step)
    data = bytearray(encode(reply))
    data[place % (64 if early else len(data)) % len(data)] = value
    with contextlib.suppress(FormatError):
        message = decode(bytes(data), type(reply))
        errors = outcome(session, step, message, *rest)
        assert all((error.step, error.culprit in BLAMED) == (step, True) for error in errors)


BLAMED = ("coordinator", *make_setting(n=4).names)


def outcome(session: Session, *call: object) -> list[ProtocolError]:
    try:
        getattr(session.parties[NAME], str(call[0]))(*call[1:])
    except ProtocolError as error:
        return [error]
    return []

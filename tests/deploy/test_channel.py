"""The channel over a line proves both ends and notices whatever a carrier alters, drops, repeats or reorders."""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tacit.deploy.channel import answer_line, new_line, open_line
from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity
from tacit.wire.deadline import Deadline
from tacit.wire.handshake import ClientHandshake
from tacit.wire.inbox import LineError

replace = msgspec.structs.replace
SECRET = "a word that nobody else may read"


class Word(msgspec.Struct, tag="word", frozen=True, forbid_unknown_fields=True):
    text: str


@pytest.fixture(scope="module")
def people():
    return {name: Identity.new(name) for name in ("alice", "bob", "mallory")}


class Carrier:
    """Carries between two lines until it is stopped; `spoil` may change what goes from party to server."""

    def __init__(self, party, server):
        self.party, self.server = party, server
        self.spoil = lambda parcel: parcel
        self.seen = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(0.005):
            self.party.take(self.server.parcel())
            parcel = self.party.parcel()
            self.seen.append(parcel.encode())
            spoilt = self.spoil(parcel)
            if spoilt is not None:
                self.server.take(spoilt)

    def stop(self):
        self.stopped.set()
        self.thread.join()


@pytest.fixture
def carrier():
    made = Carrier(new_line(), new_line())
    yield made
    made.stop()


def shake(carrier, me, server, clients, expected=None):
    with ThreadPoolExecutor() as threads:
        answering = threads.submit(answer_line, carrier.server, server, [each.public for each in clients], "node 7", 20)
        opening = threads.submit(open_line, carrier.party, me, (expected or server).public, 20)
        return opening, answering


@pytest.fixture
def channels(carrier, people):
    opening, answering = shake(carrier, people["alice"], people["bob"], [people["alice"]])
    return carrier, opening.result(), answering.result()


def test_both_ends_are_who_they_say_and_words_arrive(channels, people):
    carrier, alices, bobs = channels
    assert alices.peer == people["bob"].public
    assert bobs.peer == people["alice"].public
    for number in range(3):
        alices.send(Word(f"{SECRET} {number}"))
        assert bobs.receive(Word, "word", 10) == Word(f"{SECRET} {number}")
        bobs.send(Word("heard"))
        assert alices.receive(Word, "word", 10) == Word("heard")
    assert not any(SECRET.encode() in parcel for parcel in carrier.seen)


def flipped(frames):
    return tuple(frame[:-1] + bytes([frame[-1] ^ 1]) for frame in frames)


SPOILS = {
    "altered": lambda frames: flipped(frames),
    "dropped": lambda frames: frames[1:],
    "repeated": lambda frames: (frames[0], *frames),
    "reordered": lambda frames: frames[::-1],
    "cut": lambda frames: tuple(frame[:-1] for frame in frames),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_carrier_that_spoils_frames_is_noticed_and_the_peer_named(channels, spoil):
    carrier, alices, bobs = channels
    carrier.spoil = lambda parcel: None
    alices.send(Word(SECRET))
    alices.send(Word("second"))
    carrier.spoil = lambda parcel: replace(parcel, frames=spoil(parcel.frames)) if len(parcel.frames) == 2 else None
    with pytest.raises(ProtocolError, match="altered, dropped, repeated or out of order") as caught:
        for _ in range(3):
            bobs.receive(Word, "word", 10)
    assert caught.value.culprit == "alice"
    assert SECRET not in str(caught.value)


def test_a_server_of_another_identity_is_not_taken_for_the_coordinator(carrier, people):
    opening, answering = shake(carrier, people["alice"], people["mallory"], [people["alice"]], expected=people["bob"])
    with pytest.raises(ProtocolError, match="another server"):
        answering.result()
    with pytest.raises(ProtocolError) as caught:
        opening.result()
    assert caught.value.culprit == "bob"


def test_a_stranger_is_refused_and_called_by_its_node(carrier, people):
    opening, answering = shake(carrier, people["mallory"], people["bob"], [people["alice"]])
    with pytest.raises(ProtocolError, match="not among the parties") as caught:
        answering.result()
    assert caught.value.culprit == "node 7"
    with pytest.raises(ProtocolError, match="hung up"):
        opening.result()


def test_a_hello_meant_for_another_carrier_is_of_no_use(people):
    """What a client says over TLS is not accepted here: the two sides work out different transcripts."""
    line, far = new_line(), new_line()
    carrier = Carrier(far, line)
    handshake = ClientHandshake(people["alice"], people["bob"].public)
    with ThreadPoolExecutor() as threads:
        answering = threads.submit(answer_line, line, people["bob"], [people["alice"].public], "node 7", 20)
        far.put(handshake.hello(), Deadline(5))
        with pytest.raises(ProtocolError, match="did not sign this handshake"):
            handshake.finish(far.inbox.get(Deadline(10)))
        far.end()
        with pytest.raises(ProtocolError, match="hung up"):
            answering.result()
    carrier.stop()


def test_nobody_there_ends_in_time(people):
    line = new_line()
    with pytest.raises(ProtocolError, match=r"not done within 0\.05 s") as caught:
        open_line(line, people["alice"], people["bob"].public, 0.05)
    assert caught.value.culprit == "bob"
    with pytest.raises(LineError):
        line.put(b"more", Deadline(0))


def test_a_handshake_of_too_many_bytes_is_refused(carrier, people):
    carrier.party.put(b"x" * 9000, Deadline(5))
    with pytest.raises(ProtocolError, match="9000 bytes") as caught:
        answer_line(carrier.server, people["bob"], [people["alice"].public], "node 7", 10)
    assert caught.value.culprit == "node 7"


def test_what_was_sent_before_hanging_up_arrives(channels):
    _, alices, bobs = channels
    alices.send(Word("last"))
    alices.close()
    assert bobs.receive(Word, "word", 10) == Word("last")
    with pytest.raises(ProtocolError, match="hung up"):
        bobs.receive(Word, "word", 10)
    with pytest.raises(TacitError, match="closed at this end"):
        alices.send(Word("more"))

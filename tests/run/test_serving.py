"""Runs over channels, in threads: whatever happens to a line, the others go on; who is done keeps its result."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tacit.errors import FormatError, ProtocolError, TacitError
from tacit.federated.secagg.messages import Survivors
from tacit.run import serve_coordinator, serve_party
from tacit.run.messages import FromCoordinator, FromParty, ManifestSignatures, Participants, Ready, Stop, Total
from tacit.wire import pair

from .acting import COORDINATOR, NAMES, own_copy, replace


class Tapped:
    """A channel end whose `send` goes through a function: it returns what to send, or raises, or returns None."""

    def __init__(self, channel, tap):
        self._channel, self._tap = channel, tap

    def send(self, message, *arguments, **options):
        said = self._tap(message)
        if said is not None:
            self._channel.send(said, *arguments, **options)

    def __getattr__(self, name):
        return getattr(self._channel, name)


class Serving:
    """A run over channels within this process; `taps` are on what a party, or the coordinator to it, sends."""

    def __init__(self, people, study, taps=None, names=NAMES, **limits):
        self.people, self.study, self.taps, self.names = people, study, {} if taps is None else taps, names
        self.events, self.results, self.errors = [], {}, {}
        carrier = people.identities[COORDINATOR].public
        self.lines = {name: pair(people.identities[name].public, carrier, **limits) for name in names}
        self.waiting = [
            Tapped(there, self.taps.get(("to", name), lambda m: m)) for name, (_, there) in self.lines.items()
        ]
        self.bundle = self.failure = None

    def go(self):
        with ThreadPoolExecutor() as threads:
            parties = {name: threads.submit(self._party, name) for name in self.names}
            coordinating = threads.submit(self._coordinator)
            for future in [*parties.values(), coordinating]:
                future.result()
        return self

    def _party(self, name):
        channel = Tapped(self.lines[name][0], self.taps.get(("from", name), lambda m: m))
        study, identity = own_copy(self.study, name), self.people.identities[name]
        try:
            with self.lines[name][0]:
                self.results[name] = serve_party(study, identity, self.people.tables[name], channel, lambda e: None)
        except TacitError as error:
            self.errors[name] = error

    def _accept(self, timeout):
        if not self.waiting:
            raise ProtocolError("nobody came", culprit="nobody", step="accept")
        return self.waiting.pop(0)

    def _coordinator(self):
        try:
            self.bundle = serve_coordinator(own_copy(self.study, COORDINATOR), self._accept, self.events.append)
        except TacitError as error:
            self.failure = error

    @property
    def dropped(self):
        told = [event.body for event in self.events if event.kind == "dropped"]
        return {body["party"]: body["reason"] for body in reversed(told)}


@pytest.fixture
def quick(people, tmp_path):
    return people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0)


def at(kind, act):
    """A tap that does `act` where a message of this kind passes, once, and lets all else through."""
    done = []

    def tap(envelope):
        if isinstance(envelope.message, kind) and not done:
            done.append(True)
            return act(envelope)
        return envelope

    return tap


def hang_up(line):
    def act(envelope):
        line().close()
        return envelope

    return act


def without(run, name):
    assert run.failure is None, run.failure
    assert set(run.results) == set(NAMES) - {name}
    assert run.bundle.manifest.absent == (name,)
    assert list(run.dropped) == [name]
    return run.dropped[name]


def test_everyone_gets_the_same_bundle(people, quick):
    run = Serving(people, quick).go()
    assert {result.bundle.encode() for result in run.results.values()} == {run.bundle.encode()}
    assert set(run.results) == set(NAMES)
    assert [event.body["party"] for event in run.events if event.kind == "connected"] == list(NAMES)


@pytest.mark.parametrize("step", [1, 3, 5, 12])
def test_a_party_that_hangs_up_is_left_out_and_named(people, quick, step):
    said = []

    def tap(envelope):
        said.append(envelope)
        if len(said) == step:
            run.lines["south"][0].close()
        return envelope

    run = Serving(people, quick, {("from", "south"): tap})
    run.go()
    assert "south" in run.errors
    if step == 1:
        assert set(run.results) == set(NAMES) - {"south"}
        assert run.dropped["south"].startswith("south, in step answer: hung up")
    else:
        assert "hung up" in without(run, "south")


def test_the_coordinator_hanging_up_ends_the_run_and_is_named(people, quick):
    run = Serving(people, quick)
    for name, channel in zip(NAMES, run.waiting, strict=True):
        if name == "south":
            channel._tap = at(Survivors, hang_up(lambda: run.lines["south"][1]))
    run.go()
    assert run.errors["south"].culprit == COORDINATOR
    assert set(run.results) == set(NAMES) - {"south"}


def test_a_coordinator_gone_once_all_have_signed_costs_nobody_the_result(people, quick):
    """The signatures are the last that a party needs: that it cannot say thanks for them is no reason to lose them."""
    run = Serving(people, quick)

    def and_hang_up(name):
        def act(envelope):
            run.lines[name][1].send(envelope)
            run.lines[name][1].close()

        return act

    for name, channel in zip(NAMES, run.waiting, strict=True):
        channel._tap = at(ManifestSignatures, and_hang_up(name))
    run.go()
    assert set(run.results) == set(NAMES)
    assert run.errors == {}


def test_a_message_that_does_not_go_through_costs_its_recipient_its_place(people, quick):
    """Whatever a channel refuses to carry: nobody else is stopped by it."""

    def too_large(envelope):
        raise FormatError("a Total of 300000000 bytes does not go through")

    run = Serving(people, quick)
    run.waiting[2]._tap = at(Total, too_large)
    run.go()
    assert "does not go through" in without(run, "south")


def test_garbage_costs_its_sender_its_place(people, quick):
    class Other(FromParty, frozen=True, forbid_unknown_fields=True, tag="run/other"):
        pass

    run = Serving(people, quick, {("from", "south"): at(Ready, lambda envelope: Other(envelope.message))}).go()
    assert "sent no readable FromParty" in without(run, "south")


def test_who_stops_is_left_out_with_its_reason_on_one_line(people, quick):
    stop = FromParty(Stop("no room\x1b[2J\n" + "x" * 10_000))
    run = Serving(people, quick, {("from", "south"): at(Ready, lambda envelope: stop)}).go()
    reason = without(run, "south")
    assert reason.startswith("no room")
    assert reason.isprintable()
    assert len(reason) < 200


def test_a_party_says_that_it_stops_and_not_why(people, quick):
    """Its reason may hold what is on its machine: names of files, of columns, numbers of rows."""
    said = []

    def lie(envelope):
        return FromCoordinator(replace(envelope.message, joins=envelope.message.joins[::-1]))

    run = Serving(people, quick, {("from", "south"): lambda envelope: said.append(envelope.message) or envelope})
    run.waiting[2]._tap = at(Participants, lie)
    run.go()
    assert said[-1] == Stop("ProtocolError at south")
    assert run.dropped["south"] == "ProtocolError at south"
    assert "in its order" in str(run.errors["south"])


def test_a_silent_party_is_waited_for_no_longer_than_agreed(people, tmp_path):
    study = people.study(tmp_path / "study", unit="none", epsilon=0.0, delta=0.0, timeout=2)
    run = Serving(people, study, {("from", "south"): at(Ready, lambda envelope: None)})
    run.go()
    assert "was silent for 2 s" in without(run, "south")


def test_all_are_told_when_the_run_ends_without_a_result(people, quick):
    hanging = {}
    run = Serving(people, quick, hanging)
    for name in ("south", "west"):
        hanging["from", name] = at(Ready, hang_up(lambda name=name: run.lines[name][0]))
    run.go()
    assert run.failure.culprit == "south, west"
    for name in ("north", "east"):
        assert run.errors[name].culprit == COORDINATOR
        assert "stopped the run: south, west, in step seal: missing" in str(run.errors[name])
    assert all(there._closed for _, there in run.lines.values())


def test_who_connects_again_before_the_run_takes_its_own_place(people, quick):
    run = Serving(people, quick)
    stale, there = pair(people.identities["south"].public, people.identities[COORDINATOR].public)
    run.waiting.insert(0, there)
    run.go()
    assert set(run.results) == set(NAMES)
    assert there._closed
    with pytest.raises(ProtocolError, match="hung up"):
        stale.receive(FromCoordinator, "hello", 1.0)


def test_a_connection_that_was_refused_is_told_and_the_wait_goes_on(people, quick):
    run = Serving(people, quick)
    accept, refusals = run._accept, [ProtocolError("showed a certificate that is not pinned", culprit="?", step="tls")]

    def first_refuse(timeout):
        if refusals:
            raise refusals.pop()
        return accept(timeout)

    run._accept = first_refuse
    run.go()
    assert run.events[0].kind == "refused"
    assert "not pinned" in run.events[0].body["reason"]
    assert set(run.results) == set(NAMES)


def test_what_breaks_while_waiting_for_parties_hangs_up_on_those_who_came(people, quick):
    run = Serving(people, quick)
    accept = run._accept

    def break_at_the_third(timeout):
        if len(run.waiting) == 2:
            raise TacitError("the listener is closed")
        return accept(timeout)

    run._accept = break_at_the_third
    with ThreadPoolExecutor() as threads:
        threads.submit(run._coordinator).result()
    assert str(run.failure) == "the listener is closed"
    assert [there._closed for _, there in run.lines.values()] == [True, True, False, False]


def test_events_come_from_one_thread(people, quick):
    """So that a program which prints them need not guard against lines that run into each other."""
    threads = set()
    run = Serving(people, quick, {("from", "south"): at(Ready, hang_up(lambda: run.lines["south"][0]))})
    run.events = Watched(threads)
    run.go()
    assert "south" in run.dropped
    assert len(threads) == 1


class Watched(list):
    """A list that notes which threads append to it."""

    def __init__(self, threads):
        super().__init__()
        self._threads = threads

    def append(self, event):
        self._threads.add(threading.get_ident())
        super().append(event)

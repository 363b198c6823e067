"""The coordinator's end bounds what nodes can make it hold, and says no more to the ServerApp than can be carried."""

import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tacit.deploy import ends
from tacit.deploy.ends import CoordinatorEnd, Orders, PartyEnd, Report
from tacit.errors import FormatError, ProtocolError

from ..run.acting import COORDINATOR, NAMES


@pytest.fixture
def study(people, tmp_path):
    return people.study(tmp_path / "study", timeout=20)


@pytest.fixture
def coordinator(people, study):
    return CoordinatorEnd(study, people.identities[COORDINATOR])


def tell(end, arrived=(), free=()):
    answer = end.answer(msgspec.msgpack.encode(Report(tuple(arrived), tuple(free))))
    return msgspec.msgpack.decode(answer, type=Orders)


def carry(coordinator, node, party, until):
    """Carry between `party` and the coordinator until `until` holds."""
    arrived, end = [], time.monotonic() + 20
    while not until():
        assert time.monotonic() < end
        orders = tell(coordinator, arrived, [node])
        arrived = [(node, party.answer(parcel, 0.05)) for _, parcel in orders.parcels]


def connect(people, study, coordinator, node, name=NAMES[0]):
    """Have party `name`, as a process begun anew, open a channel by way of `node`; return its end and channel."""
    party = PartyEnd(study, people.identities[name])
    before = list(coordinator._accepted)
    with ThreadPoolExecutor() as threads:
        opening = threads.submit(party.connect)
        carry(coordinator, node, party, lambda: opening.done() and list(coordinator._accepted) != before)
        return party, opening.result()


@pytest.mark.parametrize(
    "question", [b"", b"\xc1", b"\x92\x90", msgspec.msgpack.encode(Orders((), False)) + b"x", b"\x91" * 5000]
)
def test_bytes_that_are_no_report_are_refused(coordinator, question):
    with pytest.raises(FormatError, match="no report"):
        coordinator.answer(question)


def test_bytes_that_are_no_parcel_cost_their_node_nothing_but_a_note(coordinator):
    tell(coordinator, [("7", b"nonsense"), ("8", b"")], ["7"])
    with pytest.raises(ProtocolError, match="1 were refused, the last: node 7.*no parcel"):
        coordinator.accept(0.0)


def test_no_more_nodes_than_there_can_be_parties_are_given_a_line(coordinator, study):
    most = len(study.parties) + ends.SPARE_NODES
    orders = tell(coordinator, free=[str(number) for number in range(most + 5)])
    assert [node for node, _ in orders.parcels] == [str(number) for number in range(most)]
    with pytest.raises(ProtocolError, match=f"over {most} nodes; 5 were refused, the last: node {most + 4}"):
        coordinator.accept(0.0)


def test_the_place_of_a_node_that_has_gone_is_for_another(coordinator, study, monkeypatch):
    monkeypatch.setattr(ends, "HANDSHAKE_SECONDS", 0.01)
    most = len(study.parties) + ends.SPARE_NODES
    tell(coordinator, free=[str(number) for number in range(most)])
    end = time.monotonic() + 20
    while not tell(coordinator, free=["new"]).parcels:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_orders_are_bounded_and_the_other_nodes_are_next(coordinator, monkeypatch):
    nodes = [str(number) for number in range(6)]
    one = len(tell(coordinator, free=nodes).parcels[0][1])
    monkeypatch.setattr(ends, "ORDERS_BYTES", 2 * one)
    first = [node for node, _ in tell(coordinator, free=nodes).parcels]
    assert first == nodes[:3]
    assert [node for node, _ in tell(coordinator, free=nodes[3:]).parcels] == nodes[3:]


def test_a_party_that_opens_channel_after_channel_has_one_that_waits(people, study, coordinator):
    """Each could hold a message of full size that nobody has asked for; the newest is the one that is of use."""
    first, _ = connect(people, study, coordinator, "1")
    second, _ = connect(people, study, coordinator, "1")
    third, _ = connect(people, study, coordinator, "2")
    fourth, _ = connect(people, study, coordinator, "3", NAMES[1])
    assert [coordinator.accept(1.0).peer.name for _ in range(2)] == [NAMES[0], NAMES[1]]
    with pytest.raises(ProtocolError, match="no further party"):
        coordinator.accept(0.0)
    for each in (first, second, third, fourth):
        each.close()


def test_it_knows_when_it_was_last_asked(coordinator):
    assert coordinator.asked == 0.0
    before = time.monotonic()
    tell(coordinator)
    assert coordinator.asked >= before

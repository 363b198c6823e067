"""What the ServerApp brings at once is bounded, and what no parcel can be is left out."""

from collections import deque

import pytest

pytest.importorskip("flwr")

from flwr.app import Message

from tacit.deploy import client_app, server_app

from .grid import ThreadGrid


def test_reports_are_bounded_and_the_rest_follows_in_order(monkeypatch):
    monkeypatch.setattr(server_app, "REPORT_BYTES", 10)
    arrived = deque([("1", b"x" * 6), ("2", b"x" * 4), ("3", b""), ("4", b"x"), ("5", b"x" * 10), ("6", b"x")])
    taken = []
    while arrived:
        taken.append([node for node, _ in server_app._next(arrived)])
    assert taken == [["1", "2", "3"], ["4"], ["5"], ["6"]]
    assert server_app._next(arrived) == ()


@pytest.mark.parametrize(("size", "brought"), [(10, b"x" * 10), (11, b"")])
def test_what_is_larger_than_a_report_is_not_brought(monkeypatch, size, brought):
    monkeypatch.setattr(server_app, "REPORT_BYTES", 10)

    def answer(message, context):
        return Message(client_app.with_content(b"x" * size), reply_to=message)

    grid = ThreadGrid(answer, {1: {}})
    rounds = server_app._Rounds(grid)
    rounds.send(server_app.Orders((("1", b"q"),), False))
    grid.threads.shutdown(wait=True)
    assert rounds.fetch() == [("1", brought)]

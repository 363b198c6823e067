"""The Flower ServerApp: carries parcels between the coordinator's process on this machine and the nodes.

It holds nothing either: it asks the coordinator's process, at the Unix socket in the run's configuration
(`tacit-socket`), what to bring to which node, and brings back what the nodes say. No node waits for another. A node
whose message was lost is asked again after `RETRY_SECONDS`; parcels are made for that (`tacit.deploy.line`).
"""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

import msgspec
from flwr.app import Context, Message, MessageType
from flwr.serverapp import Grid, ServerApp

from tacit.deploy.client_app import content_of, with_content
from tacit.deploy.ends import Orders, Report
from tacit.deploy.post import ask
from tacit.errors import TacitError

SOCKET_VARIABLE = "TACIT_COORDINATOR_SOCKET"
ASK_SECONDS = 60.0
POLL_SECONDS = 0.2
RETRY_SECONDS = 20.0
TTL_SECONDS = 120.0
REPORT_BYTES = 2**29

app = ServerApp()


def main(grid: Grid, context: Context) -> None:
    """Carry until the coordinator's process says that it is done, or is gone."""
    path = Path(os.environ.get(SOCKET_VARIABLE) or str(context.run_config["tacit-socket"]))
    carry(grid, path)


app.main()(main)


def carry(grid: Grid, path: Path) -> None:
    """Carry between `grid` and the coordinator's process at `path`, until that says that it is done, or is gone."""
    rounds = _Rounds(grid)
    arrived: deque[tuple[str, bytes]] = deque()
    while True:
        report = Report(_next(arrived), rounds.free_nodes())
        try:
            orders = msgspec.msgpack.decode(ask(path, msgspec.msgpack.encode(report), ASK_SECONDS), type=Orders)
        except (TacitError, msgspec.MsgspecError):
            return
        if orders.done:
            return
        rounds.send(orders)
        arrived.extend(rounds.fetch())
        if not arrived:
            time.sleep(POLL_SECONDS)


def _next(arrived: deque[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """Take from `arrived` as much as fits into one report."""
    taken: list[tuple[str, bytes]] = []
    size = 0
    while arrived:
        size += len(arrived[0][1])
        if taken and size > REPORT_BYTES:
            break
        taken.append(arrived.popleft())
    return tuple(taken)


class _Rounds:
    """The messages that are under way: which node has one, and since when."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._node_of: dict[str, str] = {}
        self._sent: dict[str, float] = {}

    def free_nodes(self) -> tuple[str, ...]:
        """Return the nodes that carry nothing at the moment, or have done so for too long."""
        overdue = time.monotonic() - RETRY_SECONDS
        nodes = (str(node) for node in self._grid.get_node_ids())
        return tuple(node for node in nodes if self._sent.get(node, -1e9) < overdue)

    def send(self, orders: Orders) -> None:
        """Send each node its parcel."""
        for node, parcel in orders.parcels:
            message = Message(with_content(parcel), int(node), MessageType.QUERY, ttl=TTL_SECONDS)
            for number in self._grid.push_messages([message]):
                self._node_of[number] = node
                self._sent[node] = time.monotonic()

    def fetch(self) -> list[tuple[str, bytes]]:
        """Return what has come back by now; a node that was not reached, or sent more than is taken, said nothing."""
        arrived = []
        for reply in self._grid.pull_messages(list(self._node_of)) if self._node_of else ():
            node = self._node_of.pop(reply.metadata.reply_to_message_id, None)
            if node is not None:
                self._sent.pop(node, None)
                content = content_of(reply)
                arrived.append((node, content if len(content) <= REPORT_BYTES else b""))
        return arrived

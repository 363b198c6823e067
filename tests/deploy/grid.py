"""A Flower grid within this process: every message goes to the ClientApp in a thread, as a SuperNode would have it."""

import socket
import uuid
from concurrent.futures import Future, ThreadPoolExecutor

from flwr.app import Context, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ThreadGrid(Grid):
    """Nodes are numbers; `configs` holds each one's configuration. `spoil` may change or lose answers."""

    def __init__(self, client_app, configs, spoil=lambda node, reply: reply):
        # Flower sets these once per process, from which every message takes who sends it.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.client_app = client_app
        self.configs = configs
        self.spoil = spoil
        self.away = set()
        self.threads = ThreadPoolExecutor(16)
        self.under_way: dict[str, Future] = {}

    def set_run(self, run):
        raise NotImplementedError

    @property
    def run(self):
        raise NotImplementedError

    def create_message(self, *arguments, **options):
        raise NotImplementedError

    def send_and_receive(self, messages, *, timeout=None):
        raise NotImplementedError

    def get_node_ids(self):
        return [node for node in self.configs if node not in self.away]

    def push_messages(self, messages):
        numbers = []
        for message in messages:
            number = uuid.uuid4().hex
            message.metadata.__dict__["_message_id"] = number
            self.under_way[number] = self.threads.submit(self._deliver, message)
            numbers.append(number)
        return numbers

    def pull_messages(self, message_ids):
        done = [number for number in message_ids if number in self.under_way and self.under_way[number].done()]
        replies = [self.under_way.pop(number).result() for number in done]
        return [reply for reply in replies if reply is not None]

    def _deliver(self, message):
        node = message.metadata.dst_node_id
        context = Context(1, node, self.configs[node], RecordDict(), {})
        return self.spoil(node, self.client_app(message, context))

"""One sum by Flower's SecAgg+, its own workflow and its own mod, in one process. Run it where flwr is installed.

Run: python flower_secagg.py '{"clients": 32, "length": 1000000, "dropping": 10, "seed": 1}'

The last line is JSON: seconds, bytes up and down (Flower's own protobuf messages), and how far the mean that comes out
is from the true one. The clock stops while bytes are counted and while vectors are drawn. Messages are handed over as
objects: Flower pays for no serialisation but that of the masked vector, which its mod does itself.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version

import numpy as np
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.common import Code, FitIns, FitRes, Parameters, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key, Stage
from flwr.common.serde import recorddict_to_proto
from flwr.compat.common import recorddict_compat as compat
from flwr.server.client_manager import SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.compat.legacy_context import LegacyContext
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
from flwr.server.workflow.constant import Key as WorkflowKey
from flwr.supercore.task_identity import TaskIdentity

CLIPPING = 8.0
LEVELS = 2**22
WEIGHT = 1000  # examples of every client, and the most that a client may have: all weights are 1


class Everyone(FedAvg):
    """All clients take part, no model goes down, and the mean that the workflow made is the result as it is.

    FedAvg itself would add up as many copies of that mean as there are clients.
    """

    def configure_fit(self, server_round, parameters, client_manager):
        return [(proxy, FitIns(parameters, {})) for proxy in client_manager.all().values()]

    def aggregate_fit(self, server_round, results, failures):
        return results[0][1].parameters, {}


class OneProcess:
    """Flower's grid, without a network: hands each message to the mod of the client that it is for.

    Attributes:
        up, down: bytes of the messages' contents.
        counting: seconds spent on counting them.
    """

    def __init__(self, vectors: dict[int, Parameters], dropping: frozenset[int]) -> None:
        self.vectors, self.dropping = vectors, dropping
        self.contexts = {node: Context(1, node, {}, RecordDict(), {}) for node in vectors}
        self.up = self.down = 0
        self.counting = 0.0

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        replies = []
        for message in messages:
            stage = message.content.config_records[RECORD_KEY_CONFIGS][Key.STAGE]
            self.down += self._size(message)
            # The mod takes entries out of what it gets, and the workflow gives all clients one object.
            own = RecordDict(dict(message.content))
            own.config_records[RECORD_KEY_CONFIGS] = ConfigRecord(dict(own.config_records[RECORD_KEY_CONFIGS]))
            message.content = own
            node = message.metadata.dst_node_id
            reply = secaggplus_mod(message, self.contexts[node], self._train)
            if stage != Stage.COLLECT_MASKED_VECTORS or node not in self.dropping:
                self.up += self._size(reply)
                replies.append(reply)
        return replies

    def _train(self, message: Message, context: Context) -> Message:
        result = FitRes(Status(Code.OK, ""), self.vectors[context.node_id], WEIGHT, {})
        return Message(compat.fitres_to_recorddict(result, keep_input=True), reply_to=message)

    def _size(self, message: Message) -> int:
        begun = time.perf_counter()
        size = recorddict_to_proto(message.content).ByteSize()
        self.counting += time.perf_counter() - begun
        return size


def run(clients: int, length: int, dropping: int, seed: int) -> dict[str, object]:
    draw = np.random.default_rng(seed)
    vectors = {node + 1: draw.uniform(-1, 1, length).astype(np.float32) for node in range(clients)}
    survivors = range(dropping + 1, clients + 1)
    threshold = clients // 2 + 1  # a majority; more would only cost it time
    grid = OneProcess(
        {node: ndarrays_to_parameters([vector]) for node, vector in vectors.items()},
        frozenset(range(1, dropping + 1)),
    )
    manager = SimpleClientManager()
    for node in vectors:
        manager.register(GridClientProxy(node, grid, 1))
    context = LegacyContext(Context(1, 0, {}, RecordDict(), {}), strategy=Everyone(), client_manager=manager)
    context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: 1})
    nothing = compat.parameters_to_arrayrecord(Parameters([], "numpy.ndarray"), keep_input=True)
    context.state.array_records[MAIN_PARAMS_RECORD] = nothing
    workflow = SecAggPlusWorkflow(
        clients, threshold, max_weight=float(WEIGHT), clipping_range=CLIPPING, quantization_range=LEVELS
    )

    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1
    begun = time.perf_counter()
    workflow(grid, context)
    seconds = time.perf_counter() - begun - grid.counting

    result = compat.arrayrecord_to_parameters(context.state.array_records[MAIN_PARAMS_RECORD], keep_input=True)
    (mean,) = parameters_to_ndarrays(result)
    true = np.mean([vectors[node] for node in survivors], axis=0, dtype=np.float64)
    return {
        "version": version("flwr"),
        "seconds": seconds,
        "up": grid.up,
        "down": grid.down,
        "threshold": threshold,
        "error_levels": float(np.abs(mean - true).max() / (2 * CLIPPING / LEVELS)),
    }


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    run(3, 8, 0, 1)  # what is loaded at first use
    print(json.dumps(run(**json.loads(sys.argv[1]))))

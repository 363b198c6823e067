"""A whole run over Flower's ServerApp and ClientApp, in this process, whatever becomes of the messages."""

import random
import threading

import pytest

pytest.importorskip("flwr")

from tacit.bundle import verify
from tacit.deploy import client_app, server_app

from ..run.acting import COORDINATOR, NAMES
from .grid import ThreadGrid


def carrying(deployment, grid):
    return lambda: server_app.carry(grid, deployment.path(COORDINATOR))


def check_logs_and_bundle(deployment, bundle, names):
    assert verify(bundle.encode(), study=deployment.study).holds
    heads = {name: [log.head for log in deployment.study.run_logs(name)] for name in (*names, COORDINATOR)}
    assert all(len(each) == 1 for each in heads.values())
    assert len({each[0].root for each in heads.values()}) == 1


def test_everybody_has_the_bundle_and_the_same_log(deployment):
    grid = ThreadGrid(client_app.app, deployment.configs())
    bundle, results = deployment.go(carrying(deployment, grid))
    assert {name: result.encode() for name, result in results.items()} == dict.fromkeys(NAMES, bundle.encode())
    check_logs_and_bundle(deployment, bundle, NAMES)


@pytest.mark.slow
def test_messages_that_flower_loses_are_sent_again(deployment, monkeypatch):
    monkeypatch.setattr(server_app, "RETRY_SECONDS", 1.0)
    draw = random.Random(7)
    grid = ThreadGrid(client_app.app, deployment.configs(), lambda node, reply: reply if draw.random() < 0.8 else None)
    bundle, results = deployment.go(carrying(deployment, grid))
    assert set(bundle.manifest.signers) == set(NAMES) == set(results)
    check_logs_and_bundle(deployment, bundle, NAMES)


@pytest.mark.slow
def test_a_node_that_is_gone_in_the_middle_is_left_out_and_the_others_finish(deployment):
    grid = ThreadGrid(client_app.app, deployment.configs())
    answers = []

    def spoil(node, reply):
        if node == 4:
            answers.append(reply)
            if len(answers) > 4:
                grid.away.add(node)
                return None
        return reply

    grid.spoil = spoil
    bundle, results = deployment.go(carrying(deployment, grid))
    assert bundle.manifest.signers == NAMES[:3]
    assert isinstance(results[NAMES[3]], Exception)
    check_logs_and_bundle(deployment, bundle, NAMES[:3])
    assert any(event.kind == "dropped" and event.body["party"] == NAMES[3] for event in deployment.events)


@pytest.mark.slow
def test_a_node_without_its_party_keeps_nobody_waiting(deployment):
    """Three parties of four come; the node of the fourth answers with nothing."""
    grid = ThreadGrid(client_app.app, deployment.configs())
    bundle, _ = deployment.go(carrying(deployment, grid), NAMES[:3])
    assert bundle.manifest.signers == NAMES[:3]


def test_the_server_app_ends_when_its_coordinator_is_gone(deployment, tmp_path):
    grid = ThreadGrid(client_app.app, deployment.configs())
    thread = threading.Thread(target=server_app.carry, args=(grid, tmp_path / "nobody.sock"))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()

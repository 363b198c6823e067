"""Who has no pass gets through on the free paths alone, and nobody with more than is taken."""

import asyncio

import pytest

from tacit.deploy import gate
from tacit.deploy.gate import HEADER, Gate, new_pass, own_pass

PASS = "f00d" * 16


def ask(*, path="/v1/control/start-run", headers=(), kind="http", free=("/v1/fleet/",)):
    """Return what a request is answered with: "in" where it came through, or the status or code of the refusal."""
    said = []

    async def app(scope, receive, send):
        said.append("in")

    async def send(message):
        said.append(message.get("status") or message.get("code"))

    headers = [(key.encode(), value.encode()) for key, value in headers]
    scope = {"type": kind, "path": path, "headers": headers}
    asyncio.run(Gate(app, wanted=PASS, free=free)(scope, None, send))
    return said[0]


def test_the_pass_opens_everything_and_without_it_only_the_free_paths_are_open():
    assert ask(headers=[(HEADER, PASS)]) == "in"
    assert ask(headers=[(HEADER.upper(), PASS)]) == "in"
    assert ask(path="/v1/fleet/pull-messages") == "in"
    assert ask(path="/v1/fleet/pull-messages", free=()) == 403
    assert ask(kind="lifespan") == "in"


@pytest.mark.parametrize(
    "headers", [(), [(HEADER, "")], [(HEADER, PASS[:-1])], [(HEADER, PASS + "0")], [(HEADER, "x"), (HEADER, PASS)]]
)
def test_anything_but_the_pass_is_refused(headers):
    assert ask(headers=headers) == 403


@pytest.mark.parametrize(
    "path", ["/v1/fleet", "/", "", "//v1/fleet/x", "/V1/FLEET/x", "/x/v1/fleet/", "/v1/control/../fleet/x"]
)
def test_a_path_that_only_looks_like_a_free_one_is_not(path):
    assert ask(path=path) == 403


def test_a_socket_of_the_web_needs_the_pass_on_every_path():
    assert ask(path="/v1/fleet/x", kind="websocket") == 1008
    assert ask(path="/v1/fleet/x", kind="websocket", headers=[(HEADER, PASS)]) == "in"


@pytest.mark.parametrize(
    "headers",
    [
        [("content-length", str(gate.MAX_BODY_BYTES + 1))],
        [("content-length", "9" * 5000)],
        [("content-length", "-1")],
        [("content-length", "1"), ("content-length", "2")],
        [("transfer-encoding", "chunked")],
    ],
)
def test_a_body_too_large_or_of_no_stated_length_is_not_read(headers):
    assert ask(path="/v1/fleet/push-object", headers=headers) == 413
    assert ask(headers=[(HEADER, PASS), *headers]) == 413
    assert ask(path="/v1/fleet/push-object", headers=[("content-length", str(gate.MAX_BODY_BYTES))]) == "in"


def test_each_deployment_has_a_pass_of_its_own(monkeypatch):
    made = new_pass()
    assert made != new_pass()
    assert len(made) == 64
    monkeypatch.setenv(gate.VARIABLE, made)
    assert own_pass() == made
    for nothing in ("", None):
        monkeypatch.setenv(gate.VARIABLE, nothing) if nothing is not None else monkeypatch.delenv(gate.VARIABLE)
        with pytest.raises(SystemExit, match="anybody could command it"):
            own_pass()

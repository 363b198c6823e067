"""The gate before Flower's services: who has no pass reaches no more of them than SuperNodes need.

A SuperLink serves three things at one port: what SuperNodes ask (Fleet), what its own programs ask (Runtime), and what
an operator may do (Control): start runs, let nodes in, throw them out. It asks for a key at the first alone, so whoever
reaches the port could do the rest. A SuperNode serves its programs on loopback, which all users of the machine share.
Here both want a pass: a secret of this deployment, in the environment of the programs that we start and nowhere else.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

VARIABLE = "TACIT_PASS"
HEADER = "x-tacit-pass"
FLEET = "/v1/fleet/"
MAX_BODY_BYTES = 2**30

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def new_pass() -> str:
    """Return a fresh pass of 256 bits."""
    return secrets.token_hex(32)


def own_pass() -> str:
    """Return the pass in this process's environment; ends the process where there is none, as it would be open."""
    value = os.environ.get(VARIABLE, "")
    if not value:
        raise SystemExit(f"{VARIABLE} is not set: nothing is started, as anybody could command it")
    return value


class Gate:
    """ASGI middleware that lets a request through to `app` if it shows the pass or asks for one of the `free` paths.

    Of neither does it take a body whose length is not said beforehand, or is over `MAX_BODY_BYTES`.
    """

    def __init__(self, app: App, *, wanted: str, free: tuple[str, ...] = ()) -> None:
        """Stand before `app`; `wanted` is the pass, `free` are beginnings of paths."""
        self._app = app
        self._wanted = wanted.encode()
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not self._is_let_in(scope):
            await _refuse(scope, send, 403)
        elif not _is_bounded(scope):
            await _refuse(scope, send, 413)
        else:
            await self._app(scope, receive, send)

    def _is_let_in(self, scope: Scope) -> bool:
        if scope["type"] == "http" and scope["path"].startswith(self._free):
            return True
        shown = _values(scope, HEADER)
        return len(shown) == 1 and hmac.compare_digest(shown[0], self._wanted)


def _is_bounded(scope: Scope) -> bool:
    sizes = _values(scope, "content-length")
    if _values(scope, "transfer-encoding") or len(sizes) > 1:
        return False
    return not sizes or (sizes[0].isdigit() and len(sizes[0]) < 16 and int(sizes[0]) <= MAX_BODY_BYTES)


def _values(scope: Scope, name: str) -> list[bytes]:
    return [value for key, value in scope["headers"] if key.lower() == name.encode()]


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})

"""The Flower ClientApp: hands a parcel to the party's process on this machine, and its answer back.

It is started afresh for every message and holds nothing. Where the party's process answers is in the node's
configuration (`tacit-socket`); in a simulation, where nodes have only a number, in the run's (`tacit-sockets`, a
folder).
"""

from __future__ import annotations

from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from tacit.deploy.post import ask
from tacit.errors import TacitError

RECORD = "tacit"
PARCEL = "parcel"
ANSWER_SECONDS = 60.0

app = ClientApp()


def carry(message: Message, context: Context) -> Message:
    """Answer `message` with what the party's process says to it: nothing, where it is not there."""
    try:
        answer = ask(_socket(context), content_of(message), ANSWER_SECONDS)
    except TacitError:
        answer = b""
    return Message(with_content(answer), reply_to=message)


app.query()(carry)


def with_content(content: bytes) -> RecordDict:
    """Return the content of a Flower message that holds `content`."""
    return RecordDict({RECORD: ConfigRecord({PARCEL: content})})


def content_of(message: Message) -> bytes:
    """Return what `with_content` was given, or nothing where the message holds something else."""
    record = message.content.config_records.get(RECORD) if message.has_content() else None
    content = record.get(PARCEL) if record is not None else None
    return content if isinstance(content, bytes) else b""


def _socket(context: Context) -> Path:
    own = context.node_config.get("tacit-socket")
    if own is not None:
        return Path(str(own))
    return Path(str(context.run_config["tacit-sockets"])) / f"{context.node_config['partition-id']}.sock"

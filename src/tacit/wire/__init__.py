"""The wire: typed messages, and authenticated channels that carry them between parties."""

from tacit.wire.channel import DEFAULT_TIMEOUT, MAX_MESSAGE_BYTES, Channel
from tacit.wire.listener import Listener
from tacit.wire.memory import pair
from tacit.wire.messages import decode, encode
from tacit.wire.tls import connect

__all__ = ["DEFAULT_TIMEOUT", "MAX_MESSAGE_BYTES", "Channel", "Listener", "connect", "decode", "encode", "pair"]

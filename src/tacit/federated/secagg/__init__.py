"""Secure aggregation: the sum of the parties' vectors, and none of the vectors.

Bonawitz et al. 2017 and Bell et al. 2020 against a malicious server, with post-quantum pairwise secrets. `Setting`
says what is summed; `AggregationParty` and `AggregationServer` are state machines that turn messages into messages.
"""

from tacit.federated.secagg.messages import (
    Advertisement,
    Confirmation,
    Confirmations,
    Inbox,
    MaskedVector,
    Message,
    Roster,
    Shares,
    Survivors,
    Unmasking,
    decode,
    encode,
)
from tacit.federated.secagg.party import AggregationParty
from tacit.federated.secagg.server import AggregationServer
from tacit.federated.secagg.setting import Setting

__all__ = [
    "Advertisement",
    "AggregationParty",
    "AggregationServer",
    "Confirmation",
    "Confirmations",
    "Inbox",
    "MaskedVector",
    "Message",
    "Roster",
    "Setting",
    "Shares",
    "Survivors",
    "Unmasking",
    "decode",
    "encode",
]

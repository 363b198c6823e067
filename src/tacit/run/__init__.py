"""A run: from the signed agreement to the sealed bundle, between the parties and the coordinator.

`party_steps` and `coordinator_steps` are the two roles as pure generators: a message goes in, the next comes out.
`serve_party` and `serve_coordinator` carry them over channels.
"""

from tacit.run.coordinator import coordinator_steps
from tacit.run.events import Event
from tacit.run.party import PartyResult, party_steps
from tacit.run.serving import serve_coordinator, serve_party

__all__ = ["Event", "PartyResult", "coordinator_steps", "party_steps", "serve_coordinator", "serve_party"]

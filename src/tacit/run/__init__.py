"""A run: from the signed agreement to the sealed bundle, between the parties and the coordinator.

`party_steps` and `coordinator_steps` are the two roles as pure generators: a message goes in, the next comes out.
`serve_party` and `serve_coordinator` carry them over channels; `take_part` does all of it from a study folder.
"""

from tacit.run.coordinator import coordinator_steps
from tacit.run.events import Event
from tacit.run.party import PartyResult, party_steps
from tacit.run.preparing import check_study, new_study
from tacit.run.serving import serve_coordinator, serve_party
from tacit.run.taking_part import RunReport, take_part
from tacit.run.talk import Emit

__all__ = [
    "Emit",
    "Event",
    "PartyResult",
    "RunReport",
    "check_study",
    "coordinator_steps",
    "new_study",
    "party_steps",
    "serve_coordinator",
    "serve_party",
    "take_part",
]

"""A run: from the signed agreement to the sealed bundle, between the parties and the coordinator.

`party_steps` and `coordinator_steps` are the two roles as pure generators: a message goes in, the next comes out.
`serve_party` and `serve_coordinator` carry them over channels, `serve_runs_as_party` and `serve_runs_as_coordinator`
until a run is sealed, however often one breaks off; `take_part` and `keep_taking_part` do all of it from a folder.
"""

from tacit.run.coordinator import coordinator_steps
from tacit.run.events import Event
from tacit.run.party import PartyResult, party_steps
from tacit.run.preparing import check_study, new_study
from tacit.run.report import RunReport
from tacit.run.service import Patience, serve_runs_as_coordinator, serve_runs_as_party
from tacit.run.serving import serve_coordinator, serve_party
from tacit.run.taking_part import keep_taking_part, take_part
from tacit.run.talk import Emit

__all__ = [
    "Emit",
    "Event",
    "PartyResult",
    "Patience",
    "RunReport",
    "check_study",
    "coordinator_steps",
    "keep_taking_part",
    "new_study",
    "party_steps",
    "serve_coordinator",
    "serve_party",
    "serve_runs_as_coordinator",
    "serve_runs_as_party",
    "take_part",
]

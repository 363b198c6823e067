"""The computation of a run as it is between machines: channels to both neighbours, a session, and the training."""

from __future__ import annotations

from tacit.data import Table
from tacit.errors import AgreementError
from tacit.keys import Identity
from tacit.mpc.network import Address, neighbours
from tacit.mpc.session import open_session
from tacit.mpc.storage import Storage
from tacit.mpc.training.train import DenseModel, train
from tacit.run.computing import Compute, Progress
from tacit.run.epochs import training_settings
from tacit.run.joining import Joined
from tacit.run.parts import make_part, make_split
from tacit.run.row_counts import row_counts
from tacit.study import Study


def computation_over_tls(study: Study, listen: Address | None = None) -> Compute:
    """Return what trains with the two other parties of `study`, over TLS at the addresses of the agreement.

    `listen` is where this party listens, if that is not where the others reach it. The session has the id of the run
    and the digest of the agreement as its terms.
    """
    agreement = study.agreement
    if agreement.computation is None:
        raise AgreementError("the agreement has no table [computation]")
    places, security = agreement.computation.places, agreement.computation.security
    timeout = agreement.training.timeout_seconds

    def compute(joined: Joined, identity: Identity, table: Table, storage: Storage, progress: Progress) -> DenseModel:
        index = agreement.names.index(identity.name)
        part = make_part(agreement, table, identity.name)
        addresses = [listen if listen and place == index else each for place, each in enumerate(places)]
        with neighbours(identity, study.parties, addresses, timeout=timeout) as (previous, following):
            session = open_session(
                index,
                agreement.names,
                previous,
                following,
                security=security,
                session=joined.run_id.hex(),
                terms=study.digest.hex(),
                timeout=timeout,
            )
            rows = session.run(row_counts(session.party, len(table), agreement.data.max_rows))
            split = make_split(agreement, rows)
            settings = training_settings(agreement, sum(rows) if split.kind == "horizontal" else rows[0])
            return train(session, part, split, settings, storage=storage, progress=progress)

    return compute

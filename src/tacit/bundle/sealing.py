"""Sealing: from what every party has computed to a manifest that each of them has checked and signed.

One party (the proposer) calls `propose` and sends manifest and payload to the others. Each of them compares both
with its own outcome (`check_proposal`) and only then signs (`sign`). So a lie of the proposer, or of whoever
carries the messages, ends the run with the proposer and the field named, and never in a signature.

What the others cannot recompute are the sealed keys of holders other than themselves, since sealing is randomised:
each holder that signs checks its own; a holder that does not sign can only see, when it opens, that it was cheated.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from tacit import canonical
from tacit.bundle import ledger as ledgers
from tacit.bundle import payload as payloads
from tacit.bundle.ledger import PrivacyLedger
from tacit.bundle.manifest import SEALING_DOMAIN, SIGNING_DOMAIN, Evidence, Holder, Manifest, Rounds, SealedModel
from tacit.errors import AgreementError, FormatError, IdentityError, ProtocolError
from tacit.keys import Identity
from tacit.keys.public import SEAL_OVERHEAD
from tacit.study import Head, Study

STEP = "seal"
SEALED_BYTES = payloads.KEY_BYTES + payloads.SALT_BYTES + SEAL_OVERHEAD


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a party has itself computed by the end of a run; the same at every honest party that finished.

    `graph` is the bytes of the model (`Graph.to_bytes()`); `content_key` and `salt` (32 bytes each) are derived by
    all parties from their shared group key, for this run alone; `signers` are the parties that finished.
    """

    study: Study
    run: bytes
    graph: bytes = field(repr=False)
    content_key: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    ledger: PrivacyLedger
    rounds: Rounds
    log: Head
    signers: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


class Proposal(NamedTuple):
    """An unsigned manifest's bytes, and the payload that it describes."""

    manifest: bytes
    payload: bytes


def propose(own: Outcome) -> Proposal:
    """Return the manifest and the payload for this outcome, its keys freshly sealed to the agreement's holders.

    Raises:
        AgreementError: too few parties finished, or the ledger contradicts the agreement.
    """
    payload = _payload(own)
    manifest = _manifest(own, payload, tuple(_seal(own, name) for name in own.study.agreement.release.holders))
    return Proposal(manifest.encode(), payload)


def check_proposal(manifest_bytes: bytes, payload: bytes, own: Outcome, identity: Identity, *, proposer: str) -> None:
    """Check that a proposal of the party `proposer` is what this party (`identity`) would have proposed.

    Raises:
        ProtocolError: by `proposer`, in step "seal": names the field that differs. What the
            coordinator tells a party (who signs, the log) or could repeat (another run's proposal) may be that
            one's lie just as well: then both are named.
    """
    try:
        manifest = Manifest.decode(manifest_bytes)
    except FormatError as error:
        raise _accuse(proposer, str(error)) from None
    own_payload = _payload(own)
    expected = _manifest(own, own_payload, tuple(_unsealed(own, name) for name in own.study.agreement.release.holders))
    ours, theirs = _without_seals(expected), _without_seals(manifest)
    told = {name: ours[name] for name in ("run", "signers", "absent", "log")}
    field = _first_difference(told, theirs, "")
    if field is not None:
        both = f"{proposer}, {own.study.coordinator.name}"
        raise _accuse(both, f"one of them lies: the proposed manifest's {field} is not what this party was told")
    field = _first_difference(ours, theirs, "")
    if field is not None:
        raise _accuse(proposer, f"the proposed manifest's {field} is not what this party computed")
    if payload != own_payload:
        raise _accuse(proposer, "the proposed payload is not what this party computed")
    for index, holder in enumerate(manifest.holders):
        if len(holder.sealed) != SEALED_BYTES:
            raise _accuse(proposer, f"the proposed manifest's holders[{index}].sealed has the wrong length")
        if holder.key == identity.public.fingerprint and not _opens(holder, own, identity):
            raise _accuse(proposer, f"the proposed manifest's holders[{index}].sealed is not this model's key")


def sign(identity: Identity, manifest_bytes: bytes) -> bytes:
    """Return a party's signature of a manifest that it has proposed or checked.

    Raises:
        FormatError: not a manifest.
        IdentityError: the manifest does not name this identity as a signer.
    """
    if identity.name not in Manifest.decode(manifest_bytes).signers:
        raise IdentityError(f"{identity.name!r} is not a signer of this manifest: it signs nothing")
    return identity.sign(SIGNING_DOMAIN, manifest_bytes)


def sealing_context(agreement: bytes, run: bytes, key: str) -> bytes:
    """Return what a sealed content key is bound to: agreement, run and the holder's fingerprint."""
    return agreement + run + key.encode()


def unseal(identity: Identity, holder: Holder, agreement: bytes, run: bytes) -> tuple[bytes, bytes]:
    """Return the content key and the salt that `holder.sealed` keeps for `identity`.

    Raises:
        IdentityError: sealed to another key, for another run, or altered.
    """
    context = sealing_context(agreement, run, identity.public.fingerprint)
    secret = identity.open(SEALING_DOMAIN, holder.sealed, context)
    return secret[: payloads.KEY_BYTES], secret[payloads.KEY_BYTES :]


def _payload(own: Outcome) -> bytes:
    return payloads.encrypt(own.graph, own.content_key, own.salt, own.study.digest, own.run)


def _manifest(own: Outcome, payload: bytes, holders: tuple[Holder, ...]) -> Manifest:
    agreement = own.study.agreement
    # An integer in a float's place has another canonical form; converting makes equal ledgers equal bytes.
    ledger = msgspec.convert(msgspec.to_builtins(own.ledger), PrivacyLedger)
    problems = ledgers.faults(ledger, agreement)
    if problems:
        raise AgreementError(f"the privacy ledger does not fit the agreement: {'; '.join(problems)}")
    signers, absent = _attendance(own)
    return Manifest(
        study=agreement.name,
        agreement=own.study.digest,
        run=own.run,
        signers=signers,
        absent=absent,
        model=SealedModel(
            task=agreement.data.task,
            kind=agreement.model.kind,
            commitment=payloads.commit(own.graph, own.salt),
            payload_digest=hashlib.sha256(payload).digest(),
            payload_size=len(payload),
        ),
        method=agreement.training.method,
        security=agreement.computation.security if agreement.computation else "",
        rounds=own.rounds,
        holders=holders,
        privacy=ledger,
        trust=agreement.trust,
        log=own.log,
        evidence=own.evidence,
    )


def _attendance(own: Outcome) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return signers and absent parties, in the agreement's order."""
    names, needed = own.study.agreement.names, len(own.study.agreement.names) - own.study.agreement.trust.dropping
    strangers = sorted(set(own.signers) - set(names))
    if strangers:
        raise AgreementError(f"{strangers} are not parties of the study and cannot sign its result")
    signers = tuple(name for name in names if name in own.signers)
    if len(signers) < needed:
        raise AgreementError(f"only {len(signers)} parties finished, but the agreement needs {needed}: run it again")
    return signers, tuple(name for name in names if name not in own.signers)


def _unsealed(own: Outcome, name: str) -> Holder:
    return Holder(name, own.study.identities[name].fingerprint, b"")


def _seal(own: Outcome, name: str) -> Holder:
    holder = own.study.identities[name]
    context = sealing_context(own.study.digest, own.run, holder.fingerprint)
    return Holder(name, holder.fingerprint, holder.seal(SEALING_DOMAIN, own.content_key + own.salt, context))


def _opens(holder: Holder, own: Outcome, identity: Identity) -> bool:
    try:
        content_key, salt = unseal(identity, holder, own.study.digest, own.run)
    except IdentityError:
        return False
    return hmac.compare_digest(content_key + salt, own.content_key + own.salt)


def _without_seals(manifest: Manifest) -> Any:
    bare = tuple(Holder(holder.name, holder.key, b"") for holder in manifest.holders)
    return msgspec.to_builtins(msgspec.structs.replace(manifest, holders=bare))


def _first_difference(ours: Any, theirs: Any, path: str) -> str | None:
    """Return the path of the first field in which two values of the same shape differ, or None."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(f"{path}.{key}" if path else key, ours[key], theirs[key]) for key in ours]
    elif isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return None if canonical.encode(ours) == canonical.encode(theirs) else path
    return next((found for name, a, b in pairs if (found := _first_difference(a, b, name)) is not None), None)


def _accuse(proposer: str, message: str) -> ProtocolError:
    return ProtocolError(f"{message}; nothing was signed", culprit=proposer, step=STEP)

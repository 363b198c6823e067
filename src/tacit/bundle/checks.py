"""The checks of a bundle, one function each: contents in, rows out. None needs a private key or the network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tacit.bundle import ledger
from tacit.bundle.contents import Contents
from tacit.bundle.manifest import SIGNING_DOMAIN
from tacit.bundle.report import Row, judged, row
from tacit.bundle.sealing import SEALED_BYTES
from tacit.errors import FormatError, IdentityError
from tacit.study import Study

# What the security of a multi-party computation means, in a word and in a clause.
SECURITY = {"active": " (abort)", "passive": " (a corrupt party only looks)"}
HONEST = {
    "active": "at most one of the three parties is corrupt, whatever it does",
    "passive": "at most one of the three parties is corrupt, and follows the program",
    "": "nothing is said of whom it holds against",
}


def every_check(contents: Contents, study: Study | None, pins: tuple[str, ...]) -> Iterator[Row]:
    """Make every check of a bundle whose sections could be read."""
    yield same_agreement(contents)
    yield identities(contents)
    yield from agreement_signatures(contents)
    yield from manifest_signatures(contents)
    yield attendance(contents)
    yield model(contents)
    yield method(contents)
    yield rounds(contents)
    yield holders(contents)
    yield privacy(contents)
    yield trust(contents)
    yield log(contents, study)
    yield payload(contents)
    yield evidence(contents)
    yield keys(contents, study, pins)


def same_agreement(contents: Contents) -> Row:
    """The manifest is about the agreement in this bundle."""
    manifest, faults = contents.manifest, []
    if manifest.agreement != contents.digest:
        faults.append("the manifest is about another agreement, or the agreement was changed after the run")
    if manifest.study != contents.agreement.name:
        faults.append(f"the manifest is about the study {manifest.study!r}, the agreement about another")
    return judged(
        "agreement",
        faults,
        f"study {contents.agreement.name!r}, {len(contents.agreement.parties)} parties; as in the manifest",
    )


def identities(contents: Contents) -> Row:
    """Each member's public identity has the name and the fingerprint that the agreement gives it."""
    faults = [
        f"the key of {member.name!r} is not the one in the agreement: it was exchanged"
        for member in contents.agreement.members
        if (contents.identities[member.name].name, contents.identities[member.name].fingerprint)
        != (member.name, member.key)
    ]
    return judged("identities", faults, "every member's key has the fingerprint that the agreement names")


def agreement_signatures(contents: Contents) -> Iterator[Row]:
    """Each party has signed the agreement."""
    for name, signature in zip(contents.agreement.names, contents.agreement_signatures, strict=True):
        fault = signature.verify(contents.identities[name], contents.digest)
        faults = [f"the signature in its place {fault}" if fault.startswith("is ") else fault] if fault else []
        yield judged(f"agreement signed by {name}", faults, "both signatures (Ed25519 and ML-DSA-65) hold")


def manifest_signatures(contents: Contents) -> Iterator[Row]:
    """Each party that the manifest calls a signer has signed the manifest."""
    for name, signature in zip(contents.manifest.signers, contents.sections.manifest_signatures, strict=True):
        faults = []
        if name not in contents.agreement.names:
            faults.append(f"{name!r} is not a party and cannot sign the result")
        else:
            try:
                contents.identities[name].verify(SIGNING_DOMAIN, contents.sections.manifest, signature)
            except IdentityError as error:
                faults.append(f"{error}: the manifest was changed, or somebody else signed it")
        yield judged(f"result signed by {name}", faults, "both signatures (Ed25519 and ML-DSA-65) hold")


def attendance(contents: Contents) -> Row:
    """Enough parties have signed, and every party is named once, as signer or as absent."""
    names, dropping = contents.agreement.names, contents.agreement.trust.dropping
    signers, absent, faults = contents.manifest.signers, contents.manifest.absent, []
    if signers != tuple(name for name in names if name in signers):
        faults.append("the signers are not parties in the order of the agreement, each once")
    if absent != tuple(name for name in names if name not in signers):
        faults.append("the absent are not exactly the parties that did not sign")
    if len(set(signers)) < len(names) - dropping:
        faults.append(
            f"{len(set(signers))} of {len(names)} parties signed; the agreement lets only {dropping} be absent"
        )
    missing = f"absent: {', '.join(absent)}" if absent else "none is absent"
    return judged("signers", faults, f"{len(signers)} of {len(names)} parties signed the result; {missing}")


def model(contents: Contents) -> Row:
    """The manifest's model is of the kind and for the task that the agreement asks for."""
    stated, faults = contents.manifest.model, []
    for name, have, want in (
        ("task", stated.task, contents.agreement.data.task),
        ("kind", stated.kind, contents.agreement.model.kind),
    ):
        if have != want:
            faults.append(f"its {name} is {have!r}, but the agreement says {want!r}")
    return judged("model", faults, f"{stated.kind}, {stated.task}; committed to as {stated.commitment.hex()}")


def method(contents: Contents) -> Row:
    """The model was trained by the method that the agreement names, and as securely."""
    stated, agreement, faults = contents.manifest, contents.agreement, []
    agreed = agreement.computation.security if agreement.computation else ""
    for name, have, want in (
        ("method", stated.method, agreement.training.method),
        ("security", stated.security, agreed),
    ):
        if have != want:
            faults.append(f"its {name} is {have!r}, but the agreement says {want!r}")
    if stated.method == "federated":
        return judged("method", faults, "trained by secure sums of what each party computes on its own rows")
    return judged(
        "method",
        faults,
        f"trained by multi-party computation, security {agreed}{SECURITY.get(agreed, '')}, one of three may be corrupt",
    )


def rounds(contents: Contents) -> Row:
    """The rounds planned are the agreement's; how many are in the model is for the reader to know."""
    stated, planned = contents.manifest.rounds, contents.agreement.training.rounds
    if stated.planned != planned or not 0 <= stated.taken <= planned:
        wrong = f"{stated.taken} of {stated.planned} rounds cannot be: the agreement plans {planned}"
        return row("rounds", "fails", wrong)
    if contents.manifest.method == "mpc":
        faults = [] if stated.taken == planned else [f"{stated.taken} of {planned} epochs: a computation takes all"]
        return judged("rounds", faults, f"{planned} epochs of training on shares, all that the agreement plans")
    if not stated.taken:
        return row("rounds", "warning", f"NO ROUND of training is in the model: all {planned} were lost")
    why = ""
    if stated.taken < planned:
        why = "; the others were lost when a run broke off"
        why += ", or left out by early stopping" if contents.agreement.training.patience else ""
    return row("rounds", "holds", f"{stated.taken} of {planned} planned rounds of training are in the model{why}")


def holders(contents: Contents) -> Row:
    """The model is sealed to exactly those whom the agreement names, under their agreed keys."""
    agreed = {member.name: member.key for member in contents.agreement.members}
    want = [(name, agreed[name]) for name in contents.agreement.release.holders]
    have = [(holder.name, holder.key) for holder in contents.manifest.holders]
    faults = []
    if have != want:
        faults.append("those who can open the model are not exactly the holders that the agreement names")
    if any(len(holder.sealed) != SEALED_BYTES for holder in contents.manifest.holders):
        faults.append("a sealed key has a length that none can have")
    return judged("holders", faults, f"the model is sealed to {', '.join(name for name, _ in want)} and nobody else")


def privacy(contents: Contents) -> Row:
    """The ledger fits the agreement's budget; without a privacy claim, a warning says so."""
    stated = contents.manifest.privacy
    faults = ledger.faults(stated, contents.agreement)
    if not faults and stated.void:
        return row("privacy", "warning", f"there is NO PRIVACY for the training data. Reason: {stated.void}")
    claim = f"({stated.epsilon_spent:g}, {stated.delta:g})-differential privacy of one {stated.unit}"
    return judged("privacy", faults, f"{claim} ({stated.adjacency}); the budget was {stated.epsilon_budget:g}")


def trust(contents: Contents) -> Row:
    """The manifest states the agreement's assumption of trust."""
    stated, agreed = contents.manifest.trust, contents.agreement.trust
    wrong = "the manifest assumes another number of corrupt, dropping or poisoning parties"
    faults = [] if stated == agreed else [wrong]
    if contents.manifest.method == "mpc":
        return judged(
            "trust", faults, f"rows and all that lies between are secret while {HONEST[contents.manifest.security]}"
        )
    bearable = f"at most {agreed.corrupt} of the parties collude with the coordinator and {agreed.dropping} drop out"
    detail = f"each party's part is secret while {bearable}"
    if agreed.poisoning:
        detail += (
            f"; the sums of {2 * agreed.poisoning + 1} groups were combined to bear {agreed.poisoning} that poison"
        )
    return judged("trust", faults, detail)


def log(contents: Contents, study: Study | None) -> Row:
    """The manifest fixes a head of the run's log; the logs of that run that the study's folder has agree with it."""
    head, run = contents.manifest.log, contents.manifest.run
    if head.size == 0:
        return row("log", "fails", "the log has no entries: nothing was recorded of the run")
    fixed = f"run {run.hex()}, {head.size} entries, root {head.root.hex()}"
    if study is None or not study.keepers():
        return row("log", "holds", f"{fixed}; compare a log that you are shown with this")
    if not (keepers := study.keepers(run)):
        return row("log", "warning", f"{fixed}; the study's folder has logs of other runs, and none of this one")
    strays, unread = [], []
    for name in keepers:
        try:
            if study.run_log(name, run).head_at(head.size) != head:
                strays.append(f"the log that {name!r} kept of this run has another history")
        except FormatError as error:
            unread.append(f"the log that {name!r} kept of this run cannot be compared: {error}")
    if unread and not strays:
        return row("log", "warning", f"{fixed}; {'; '.join(unread)}")
    return judged("log", strays + unread, f"{fixed}, as in the study")


def payload(contents: Contents) -> Row:
    """The payload is the one whose hash and size the manifest states."""
    stated, content, faults = contents.manifest.model, contents.sections.payload, []
    if len(content) != stated.payload_size:
        faults.append(f"the payload has {len(content)} bytes, not {stated.payload_size}")
    if hashlib.sha256(content).digest() != stated.payload_digest:
        faults.append("the payload was exchanged or damaged: its SHA-256 is not the one signed")
    return judged("payload", faults, f"{len(content)} bytes, SHA-256 as signed")


def evidence(contents: Contents) -> Row:
    """Every piece of evidence is of a kind that this version can check: for now, there must be none."""
    kinds = sorted({item.kind for item in contents.manifest.evidence})
    if kinds:
        return row("evidence", "not checked", f"cannot check evidence of the kinds {kinds}: use a newer tacit")
    return row("evidence", "holds", "the bundle claims none")


def keys(contents: Contents, study: Study | None, pins: tuple[str, ...]) -> Row:
    """The parties are who the reader thinks they are: the keys equal those of a study or of pins."""
    parties = {party.name: party.key for party in contents.agreement.parties}
    if study is not None and study.digest != contents.digest:
        return row("keys pinned", "fails", f"this bundle is of another agreement than the one in {study.folder}")
    strangers = [pin for pin in pins if pin not in {member.key for member in contents.agreement.members}]
    if strangers:
        return row("keys pinned", "fails", f"no member of this study has the key {', '.join(strangers)}")
    if study is not None:
        return row(
            "keys pinned", "holds", f"the agreement and every party's key are those of the study in {study.folder}"
        )
    loose = {name: key for name, key in parties.items() if key not in pins}
    if not loose:
        return row("keys pinned", "holds", f"every party's key is one that you gave: {', '.join(parties)}")
    listed = ", ".join(f"{name} {key}" for name, key in loose.items())
    ask = f"compare with what each of them tells you itself: {listed}"
    if len(loose) == len(parties):
        return row("keys pinned", "warning", f"NOBODY'S KEY WAS COMPARED, one person can have made them all; {ask}")
    return row("keys pinned", "warning", f"no key was compared of {', '.join(loose)}; {ask}")

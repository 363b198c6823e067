"""Verification: whether a bundle is what its parties agreed on and signed, from its bytes alone.

It works offline, needs no private key and raises nothing for bad bytes: whatever is wrong is a row of the report.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tacit.bundle import container
from tacit.bundle import contents as reading
from tacit.bundle.checks import every_check
from tacit.bundle.report import Report, Row, row
from tacit.errors import FormatError
from tacit.files import read_bounded
from tacit.keys import PublicIdentity
from tacit.study import Study


def verify(bundle: bytes | Path | str, study: Study | None = None, pins: Iterable[PublicIdentity | str] = ()) -> Report:
    """Check a bundle, given as its bytes or its path.

    `study` and `pins` say whom the reader expects: the study that it has a copy of, or the public identities (or
    fingerprints) that the parties gave it. Without either, one row warns that anybody could have made all the keys.
    """
    try:
        data = bundle if isinstance(bundle, bytes) else read_bounded(Path(bundle), container.MAX_BYTES, "bundle")
        sections = container.unpack(data)
    except FormatError as error:
        return Report((row("format", "fails", str(error)), _unchecked("a bundle that cannot be read")))
    form = row("format", "holds", f"{len(data)} bytes, every one of them in a section")
    contents, faults = reading.read_or_faults(sections)
    if contents is None:
        unreadable = [row(fault.check, "fails", fault.reason) for fault in faults]
        return Report((form, *unreadable, _unchecked("sections that cannot be read")))
    return Report((form, *every_check(contents, study, fingerprints(pins))))


def fingerprints(pins: Iterable[PublicIdentity | str]) -> tuple[str, ...]:
    """Return the fingerprints of pins, which are public identities or fingerprints."""
    return tuple(pin.fingerprint if isinstance(pin, PublicIdentity) else pin for pin in pins)


def _unchecked(why: str) -> Row:
    return row("everything else", "not checked", f"nothing more can be said of {why}")

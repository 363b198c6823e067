"""The text of an agreement: before it is parsed, not large, not costly, and looking like what it says; and why it is
not of the form that it should be.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

import msgspec

from tacit.canonical import quote
from tacit.errors import FormatError

MAX_BYTES = 1024 * 1024
MAX_DOTS_SQUARED = 2_000_000
MAX_HEADING_DOTS = 8
MAX_EXPLAINED = 1000

_MISFIT = re.compile(
    r"(?P<what>Object contains unknown field|Invalid enum value) [`'](?P<written>.*?)[`'](?: - at `\$(?P<path>.*)`)?\Z",
    re.DOTALL,
)
_PART = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<entry>[^\]]*)\]")


def check_text(data: bytes, what: str = "agreement") -> None:
    """Check the bytes of an agreement, or of a part of one; `what` names it in errors.

    Raises:
        FormatError: larger than any can be, not UTF-8, apt to hold up the parser, or with signs that do not print.
    """
    if len(data) > MAX_BYTES:
        raise FormatError(f"the {what} is larger than {MAX_BYTES} bytes: leave out comments and descriptions")
    _refuse_costly(data, what)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"the {what} is not text in UTF-8: byte {error.start} does not belong") from None
    _refuse_unseen(text, what)


def explain(error: Exception, form: type) -> str:
    """Return why a text is not of `form`, a `msgspec.Struct`: the parser's `error`, and what could stand there."""
    said = quote(str(error))
    # A long one holds a key of some stranger's, on which the search could take long.
    found = _MISFIT.match(str(error)) if len(str(error)) <= MAX_EXPLAINED else None
    if found is None:
        return said
    path = found["path"] or ""
    counted = " (entries count from 0)" if "[" in path else ""
    place = msgspec.inspect.type_info(form)
    for part in _PART.finditer(path):
        place = _within(place, part["field"])
    named = found["what"].startswith("Object")
    possible = _possible(place, named)
    near = difflib.get_close_matches(found["written"], possible, n=1, cutoff=0.75)
    if named and near:
        return f"{said}{counted}; did you mean '{near[0]}'?"
    return f"{said}{counted}; there can be: {', '.join(possible)}" if possible else said + counted


def _within(place: Any, field: str | None) -> Any:
    """Return the type of `field` of the type `place`, or of any of its entries; of what has none, None."""
    for kind in _kinds(place):
        if field is None and hasattr(kind, "item_type"):
            return kind.item_type
        for each in getattr(kind, "fields", ()):
            if each.encode_name == field:
                return each.type
    return None


def _possible(place: Any, names: bool) -> list[str]:
    """Return the `names` that a table of the type `place` has, or else the values that there are."""
    if names:
        return [each.encode_name for kind in _kinds(place) for each in getattr(kind, "fields", ())]
    return [str(value) for kind in _kinds(place) for value in getattr(kind, "values", ())]


def _kinds(place: Any) -> tuple[Any, ...]:
    """Return what the type `place` may be: itself, or each of a union's."""
    return tuple(getattr(place, "types", (place,)))


def _refuse_costly(data: bytes, what: str) -> None:
    """Refuse what the TOML parser is slow on: dots in a key (squared), and in a heading, times the lines below it."""
    lines = data.split(b"\n")
    if sum(line.count(b".") ** 2 for line in lines) > MAX_DOTS_SQUARED:
        raise FormatError(f"the {what} has too many dots in one line: break its long lists into lines")
    if any(line.count(b".") > MAX_HEADING_DOTS for line in lines if line.lstrip(b" \t").startswith(b"[")):
        raise FormatError(f"the {what} has too many dots in a heading: none needs more than one")


def _refuse_unseen(text: str, what: str) -> None:
    """Refuse signs without a shape, and those that turn the line around: signers see what they do not sign."""
    for number, line in enumerate(text.split("\n"), start=1):
        shown = line.removesuffix("\r").replace("\t", " ")
        if not shown.isprintable():
            found = next(sign for sign in shown if not sign.isprintable())
            raise FormatError(f"the {what}, line {number}: the sign U+{ord(found):04X} does not print, remove it")

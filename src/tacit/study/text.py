"""The text of an agreement before it is parsed: not large, not costly, and looking like what it says."""

from __future__ import annotations

from tacit.errors import FormatError

MAX_BYTES = 1024 * 1024
MAX_DOTS_SQUARED = 2_000_000
MAX_HEADING_DOTS = 8


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

"""The URL of a database: read, and taken apart into what may be told and what may not."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from tacit.errors import TacitError


def parse(url: str | URL) -> URL:
    """Return the URL in its parts.

    Raises:
        TacitError: it cannot be one, or a part of a password would be told as something else. Tells no part of it.
    """
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError, TypeError):
        fault = TacitError(
            "the store is not named by a SQLAlchemy URL such as postgresql+psycopg://USER:PASSWORD@HOST/DB"
        )
    else:
        # An '@' or a '/' in a password ends it early, and the rest would be told as the name of a host or a database.
        told = (parsed.username, parsed.host, "" if parsed.get_backend_name() == "sqlite" else parsed.database)
        if not any("@" in (part or "") for part in told):
            return parsed
        fault = TacitError(
            "the store's URL has an '@' too many: in a user name or a password write @ as %40 and / as %2F"
        )
    # Not in the handler above, whose exception may quote the URL, password and all.
    raise fault


def secrets(url: URL) -> tuple[str, ...]:
    """Return what must not be told: the password, and all in the query, as written and as quoted in a URL."""
    query = [each for value in url.query.values() for each in (value if isinstance(value, tuple) else (value,))]
    password = "" if url.password is None else str(url.password)
    quoted = URL.create("x", username="u", password=password, host="h").render_as_string(hide_password=False)
    return tuple(sorted({password, quoted[len("x://u:") : -len("@h")], *query} - {""}, key=len, reverse=True))

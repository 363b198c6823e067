"""No password is in an error or a repr, however the URL is written."""

import traceback

import pytest

from tacit.errors import TacitError
from tacit.study.store import LogStore

from .stores import RUN, STUDY

SECRET = "hunter-2/pass@word"
QUOTED = "hunter-2%2Fpass%40word"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://tacit:{QUOTED}@127.0.0.1:1/db?application_name={QUOTED}",
        f"postgresql+psycopg://tacit@127.0.0.1:1/db?password={QUOTED}",
        f"postgresql+psycopg://tacit:{QUOTED}@127.0.0.1:1/db?nonsense={QUOTED}",
        f"postgresql+psycopg://tacit:{QUOTED}@127.0.0.1/db?port={QUOTED}",
        f"postgresql+psycopg://tacit:{QUOTED}@127.0.0.1:port/db",
        f"nonsense://tacit:{QUOTED}@127.0.0.1/db",
        f"tacit:{QUOTED}@127.0.0.1/db",
        f"://tacit:{QUOTED}@127.0.0.1/db",
        f"sqlite://tacit:{QUOTED}@host/x.db",
        "",
    ],
)
def test_a_password_is_in_no_error_and_no_repr(url):
    if "psycopg" in url:
        pytest.importorskip("psycopg")
    with pytest.raises(TacitError) as caught:
        store = LogStore(url, STUDY, "carrier")
        assert "hunter" not in repr(store)
        assert "hunter" not in store.where(RUN)
        assert "hunter" not in store.lines(RUN).where(1)
        store.runs()
    told = "".join(traceback.format_exception(caught.value))
    assert "hunter" not in str(caught.value)
    chain, error = [], caught.value
    while error is not None:
        chain.append(f"{error!r} {error}")
        error = error.__context__ or error.__cause__
    assert "hunter" not in "".join(chain)
    assert "pass@word" not in told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://tacit:p@ss/word@127.0.0.1:1/tacit",
        "postgresql+psycopg://tacit:sec@ret@host/tacit",
        "postgresql+psycopg://ta@cit:word@host/tacit",
    ],
)
def test_a_password_with_an_at_sign_is_refused_and_no_part_of_it_told(url):
    with pytest.raises(TacitError, match="write @ as %40") as caught:
        LogStore(url, bytes(32), "carrier")
    assert not any(part in str(caught.value) for part in ("p@ss", "ss/word", "ret@host", "sec", "cit"))
    assert caught.value.__context__ is None

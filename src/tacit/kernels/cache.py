"""Compiled code on disk: never old, never another's, never needed.

Numba keeps what it has compiled, as pickles, beside the source or in a folder of the user, and leaves open what is
closed here:

- its key is the compiled function's own file, and so an operation emitted from another file would stay as it was
  through an upgrade. Here the key is every file of the room;
- a pickle is code, and whoever can write to the folder is obeyed. Here a folder counts only if nobody but this user
  and root can change what lies in it;
- without a folder to write to, with a damaged file or on a full disk it raises. Here the function is compiled again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from stat import S_ISVTX, S_IWGRP, S_IWOTH
from typing import Any

from numba.core.caching import FunctionCache

_ROOM = "tacit.kernels"


def keep_on_disk(dispatcher: Any) -> None:
    """Let a function of this room, as `numba.njit` returns it, load and save what it compiles, where that is safe."""
    with suppress(RuntimeError):  # no folder can be written to
        kept = _Cache(dispatcher.py_func)
        if _is_ours(Path(kept.cache_path)):
            dispatcher._cache = kept


class _Cache(FunctionCache):  # type: ignore[misc]  # Numba has no types
    def _index_key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(signature, codegen), _sources())

    def load_overload(self, signature: Any, target: Any) -> Any:
        try:
            return super().load_overload(signature, target)
        except Exception:  # a damaged pickle raises anything
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        with suppress(OSError):
            super().save_overload(signature, compiled)


@cache
def _sources() -> str:
    """The digest of every source file of the room."""
    digest = sha256()
    for path in sorted((file for file in files(_ROOM).iterdir() if file.name.endswith(".py")), key=lambda f: f.name):
        digest.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _is_ours(folder: Path) -> bool:
    """Whether nobody but this user and root can change what lies in a folder, or in its place.

    The room's own folder is never asked: who can write there can change the source. Without POSIX permissions every
    folder counts, as the system's own rules for a user's folders then have to do.
    """
    folder = folder.resolve()
    if os.name != "posix" or folder.is_relative_to(Path(__file__).resolve().parent):
        return True
    user, group = os.geteuid(), os.getegid()
    for place in (folder, *folder.parents):
        status = place.stat()
        by_others = status.st_mode & S_IWOTH or (status.st_mode & S_IWGRP and status.st_gid not in (0, group))
        kept_by_sticky_bit = place != folder and status.st_mode & S_ISVTX
        if status.st_uid not in (0, user) or (by_others and not kept_by_sticky_bit):
            return False
    return True

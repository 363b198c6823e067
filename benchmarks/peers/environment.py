"""A virtual environment for each peer, made once in the user's cache folder and used again by later runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path


def python_with(*requirements: str) -> Path:
    """Return the Python of an environment in which `requirements`, in pip's notation, are installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tacit-benchmarks"
    wanted = " ".join((sys.version, *requirements))
    folder = cache / hashlib.sha256(wanted.encode()).hexdigest()[:16]
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"installing {', '.join(requirements)} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *requirements], check=True)
        complete.write_text(wanted)
    return python

"""The command line: one file per verb. Verbs parse, call the library, and show; they decide nothing."""

from tacit.cli.main import main

__all__ = ["main"]

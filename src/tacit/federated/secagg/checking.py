"""Checking many signatures: on all cores, as OpenSSL leaves Python's lock while it verifies one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tacit.kernels.masks import cores

T = TypeVar("T")

WORTH_THREADS = 8
MOST_THREADS = 8


def first_fault(check: Callable[[T], str | None], items: Sequence[T]) -> str | None:
    """Return what `check` finds wrong with the first of `items` that it finds fault with, or None."""
    threads = min(cores(), MOST_THREADS)
    if len(items) < WORTH_THREADS or threads == 1:
        return next((fault for item in items if (fault := check(item))), None)
    with ThreadPoolExecutor(threads) as pool:
        return next((fault for fault in pool.map(check, items) if fault), None)

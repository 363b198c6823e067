"""Checking many signatures: on all cores, as OpenSSL leaves Python's lock while it verifies one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tacit.kernels.masks import cores

T = TypeVar("T")

WORTH_THREADS = 16
MOST_THREADS = 8


def first_fault(check: Callable[[T], str | None], items: Sequence[T]) -> str | None:
    """Return what `check` finds wrong with the first of `items` that it finds fault with, or None."""
    threads = min(cores(), MOST_THREADS)
    if len(items) < WORTH_THREADS or threads == 1:
        return next((fault for item in items if (fault := check(item))), None)
    faults: list[str | None] = [None] * len(items)

    def check_every(start: int) -> None:
        for place in range(start, len(items), threads):
            faults[place] = check(items[place])

    # This thread works too: where it only waited, the system often put two new threads on the core that it was on.
    with ThreadPoolExecutor(threads - 1) as pool:
        rest = [pool.submit(check_every, start) for start in range(1, threads)]
        check_every(0)
        for part in rest:
            part.result()
    return next((fault for fault in faults if fault), None)

"""Hiding the total from the coordinator.

Secure aggregation alone shows the coordinator every sum, and with them the model. The parties therefore share a
group key that the coordinator does not have; each adds a mask of its own, derived from it, and those who know the
key take the survivors' masks off the total. To the coordinator the total is uniformly random. A party that hands it
the group key could as well hand it the model.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tacit.kernels.masks import add_mask, subtract_mask

GROUP_KEY_BYTES = 32
SEED_BYTES = 16


class GroupKey:
    """A key that the parties of one run share, and what is derived from it."""

    def __init__(self, secret: bytes, run_id: bytes) -> None:
        """Hold the 32-byte `secret`, for the run `run_id` alone."""
        if len(secret) != GROUP_KEY_BYTES:
            raise ValueError("a group key has 32 bytes")
        self.__secret = secret
        self._run_id = run_id

    def derive(self, label: str, length: int = 32) -> bytes:
        """Return `length` bytes for the purpose `label`."""
        info = b"tacit group key/1\x00" + label.encode() + b"\x00" + self._run_id
        return HKDFExpand(hashes.SHA256(), length, info).derive(self.__secret)

    def blind(self, words: npt.NDArray[np.unsignedinteger], step: int, party: str) -> None:
        """Add the mask of `party` in `step` to `words`, in place."""
        add_mask(words, self._seed(step, party))

    def unblind(self, words: npt.NDArray[np.unsignedinteger], step: int, parties: Iterable[str]) -> None:
        """Take the masks of `parties` off `words`, in place."""
        for party in parties:
            subtract_mask(words, self._seed(step, party))

    def _seed(self, step: int, party: str) -> bytes:
        return self.derive(f"blind {step} {party}", SEED_BYTES)

    def __repr__(self) -> str:
        return "GroupKey(hidden)"

"""The public side of a committed model: what a verifier needs of it, some hundred bytes and the input's range."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import msgspec
import numpy as np

from tacit import canonical
from tacit.errors import ProofError
from tacit.proofs.architecture import Architecture
from tacit.proofs.argument.verifier import Source
from tacit.proofs.commitment.parameters import DIGEST, MOST_USES, Code, choose
from tacit.proofs.forward import Forward
from tacit.proofs.plan import Parameters, Planning
from tacit.proofs.tensors import public

VERSION = "tacit.model-commitment/1"


class _Bytes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    architecture: bytes
    root: Annotated[bytes, msgspec.Meta(min_length=DIGEST, max_length=DIGEST)]
    uses: Annotated[int, msgspec.Meta(ge=0, le=MOST_USES)]


class ModelCommitment:
    """root: of the committed parameters; uses: how many proofs it is made for, 0 where it hides nothing."""

    def __init__(self, architecture: Architecture, root: bytes, uses: int) -> None:
        self.architecture, self.root, self.uses = architecture, root, uses

    @classmethod
    def from_bytes(cls, data: bytes) -> ModelCommitment:
        """What `to_bytes` wrote; FormatError or ProofError for anything else."""
        found = canonical.decode(data, _Bytes, "the model's commitment")
        if found.version != VERSION:
            raise ProofError(f"the model's commitment is of version {found.version!r}, not {VERSION!r}")
        return cls(Architecture.from_bytes(found.architecture), found.root, found.uses)

    def to_bytes(self) -> bytes:
        """The commitment as canonical JSON."""
        return canonical.encode(_Bytes(VERSION, self.architecture.data, self.root, self.uses))

    @cached_property
    def source(self) -> Source:
        """The commitment as claims see it."""
        return Source("the model", code(parameters(self.architecture), self.uses), self.root)


def parameters(architecture: Architecture, *, reach: bool = False) -> Parameters:
    """Where an architecture's parameters lie; ProofError where a layer cannot be proved.

    reach: whether to refuse parameters of so many bits that accumulators could pass 2^62.
    """
    planning = Planning(architecture)
    row = public(architecture.input_shape, np.zeros((1, *architecture.input_shape), dtype=np.int64))
    forward = planning.twice(lambda: Forward(architecture, planning, row))
    if reach:
        forward.check_reach()
    return planning.parameters


def code(found: Parameters, uses: int) -> Code:
    """The code of a model's commitment: made for at least one value."""
    return choose(max(found.values, 1), uses)

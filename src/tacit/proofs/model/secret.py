"""The owner's side of a committed model: the graph, and what every long-lived commitment has."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from tacit.errors import FormatError
from tacit.graph import Graph
from tacit.keys import Identity
from tacit.proofs.architecture import Architecture
from tacit.proofs.commitment import long_lived
from tacit.proofs.commitment.long_lived import Key, LongLived, Uses
from tacit.proofs.commitment.parameters import LONG_LIVED_USES
from tacit.proofs.commitment.randomness import fresh_key
from tacit.proofs.field import Words
from tacit.proofs.model.commitment import ModelCommitment, code, parameters
from tacit.proofs.plan import Parameters

VERSION = "tacit.model-secret/1"


class _Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """committed model"""

    version: str
    graph: bytes
    key: Key
    uses: Uses
    used: Uses


class CommittedModel(LongLived):
    """A graph with its commitment."""

    def __init__(
        self,
        graph: Graph,
        key: bytes,
        uses: int,
        used: int = 0,
        path: Path | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(key, uses, used, path, identity)
        self.graph = graph
        architecture = Architecture.of(graph)
        found = parameters(architecture)
        self.opened = self._commit(_vector(graph, found), code(found, uses))
        assert self.opened.matrix is not None
        self._commitment = ModelCommitment(architecture, self.opened.matrix.root, uses)

    @classmethod
    def new(cls, graph: Graph, *, uses: int = LONG_LIVED_USES) -> CommittedModel:
        """Commit to a graph for so many proofs; 0 for one that is not to be hidden, whose proofs are not counted.

        ProofError, before any work, where a layer cannot be proved.
        """
        return cls(graph, fresh_key(), uses)

    @classmethod
    def load(cls, path: Path, identity: Identity | None = None) -> CommittedModel:
        """What `save` wrote; FormatError for anything else."""
        found = long_lived.read(path, _Secret, identity)
        if found.version != VERSION:
            raise FormatError(f"{path}: a committed model of version {found.version!r}, not {VERSION!r}")
        return cls(Graph.from_bytes(found.graph), found.key, found.uses, found.used, path, identity)

    @property
    def commitment(self) -> ModelCommitment:
        """The public side."""
        return self._commitment

    def _secret(self) -> bytes:
        return msgspec.msgpack.encode(_Secret(VERSION, self.graph.to_bytes(), self._key, self._uses, self._used))


def _vector(graph: Graph, found: Parameters) -> Words:
    vector = np.zeros(max(found.values, 1), dtype=np.uint64)
    layers = {layer.name: layer for layer in graph.layers}
    for (layer, name), block in found.blocks.items():
        table = found.axes[layer, name].fill(getattr(layers[layer], name))
        vector[block.offset : block.offset + len(table)] = table
    return vector

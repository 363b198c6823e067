"""A bundle, `model.tacit`: the one file that leaves a study."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tacit.bundle import container, payload
from tacit.bundle import contents as reading
from tacit.bundle.checks import every_check
from tacit.bundle.container import Sections
from tacit.bundle.manifest import SIGNING_DOMAIN, Holder, Manifest
from tacit.bundle.report import Report
from tacit.bundle.sealing import STEP, unseal
from tacit.bundle.verification import fingerprints
from tacit.errors import FormatError, IdentityError, ProofError, ProtocolError
from tacit.federated.shapes import dense_widths, layer_widths
from tacit.files import read_bounded, write_atomically
from tacit.graph import AveragePool, Conv2d, Graph, Layer, MaxPool
from tacit.keys import Identity, PublicIdentity
from tacit.study import Agreement, Study
from tacit.study.model import image_shapes

# A layer as an agreement has it: its kind, the shape that it gives, and the size, stride and padding of its windows.
Step = tuple[str, tuple[int, ...], tuple[tuple[int, ...], ...]]


class Bundle:
    """The agreement, the signed manifest and the encrypted model. Reading one proves nothing: see `verify`."""

    def __init__(self, sections: Sections) -> None:
        """Read the sections; use `decode`, `load` or `assemble`."""
        self._contents = reading.read(sections)

    @classmethod
    def assemble(
        cls, study: Study, manifest_bytes: bytes, signatures: Mapping[str, bytes], payload_bytes: bytes
    ) -> Bundle:
        """Put together what the parties have signed; `signatures` are of the manifest, by the signers' names.

        Raises:
            FormatError: not a manifest, or the whole is larger than a bundle can be.
            ProtocolError: a signer's signature is missing or false; names it.
            ProofError: the bundle would not hold for another reason.
        """
        signers = Manifest.decode(manifest_bytes).signers
        for name in signers:
            _check_signature(study, manifest_bytes, signatures.get(name), name)
        sections = Sections(
            study.agreement_bytes,
            tuple(study.identities[member.name].encode() for member in study.agreement.members),
            tuple(signature.encode() for signature in study.signatures()),
            manifest_bytes,
            tuple(signatures[name] for name in signers),
            payload_bytes,
        )
        bundle = cls.decode(container.pack(sections))
        bundle._require(study, ())
        return bundle

    @classmethod
    def decode(cls, data: bytes) -> Bundle:
        """Return the bundle that `data` encodes; raises FormatError."""
        return cls(container.unpack(data))

    def encode(self) -> bytes:
        """Return the bytes; those that `decode` accepted come back as they were."""
        return container.pack(self._contents.sections)

    @classmethod
    def load(cls, path: Path) -> Bundle:
        """Read a `model.tacit`; raises FormatError that names it."""
        data = read_bounded(path, container.MAX_BYTES, "bundle")
        try:
            return cls.decode(data)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_atomically(path, self.encode())

    @property
    def agreement(self) -> Agreement:
        """The agreement under which the model was trained."""
        return self._contents.agreement

    @property
    def manifest(self) -> Manifest:
        """What the parties have signed about the run."""
        return self._contents.manifest

    def open(self, identity: Identity, study: Study | None = None, pins: Iterable[PublicIdentity | str] = ()) -> Graph:
        """Verify everything and return the model, which is the one that the signers committed to.

        `study` and `pins` are those of `verify`. Without them anybody can have made the bundle, and the model.

        Raises:
            ProofError: a check of the bundle failed.
            IdentityError: this identity is not a holder, or its sealed key is for another bundle.
            FormatError: the payload is not the committed model, or not one of the agreed shape.
        """
        self._require(study, pins)
        holder, manifest = self._holder(identity), self.manifest
        content_key, salt = unseal(identity, holder, manifest.agreement, manifest.run)
        graph = payload.decrypt(
            self._contents.sections.payload,
            content_key,
            salt,
            manifest.agreement,
            manifest.run,
            manifest.model.commitment,
        )
        return _agreed(Graph.from_bytes(graph), self.agreement)

    def report(self, study: Study | None = None, pins: Iterable[PublicIdentity | str] = ()) -> Report:
        """Return what `verify` says of this bundle, but for its form, which was checked when it was read."""
        return Report(tuple(every_check(self._contents, study, fingerprints(pins))))

    def _require(self, study: Study | None, pins: Iterable[PublicIdentity | str]) -> None:
        report = self.report(study, pins)
        if not report.holds:
            lines = "; ".join(f"{row.check}: {row.detail}" for row in report.failures)
            raise ProofError(f"the bundle does not hold, do not use it. {lines}")

    def _holder(self, identity: Identity) -> Holder:
        for holder in self.manifest.holders:
            if holder.key == identity.public.fingerprint:
                return holder
        names = ", ".join(holder.name for holder in self.manifest.holders)
        raise IdentityError(
            f"{identity.name!r} ({identity.public.fingerprint}) is not a holder of this model; those are {names}. "
            "Use one of their identities, ask one of them for predictions, "
            "or agree on a new study whose release.holders names you"
        )

    def __repr__(self) -> str:
        return f"Bundle(study {self.agreement.name!r}, run {self.manifest.run.hex()[:16]}, model encrypted)"


def _agreed(graph: Graph, agreement: Agreement) -> Graph:
    """Return the graph, whose layers are the agreement's; another one would give rows others' predictions.

    This bounds what a row costs, too: signers who conspire cannot make a bundle that holds a reader up. Of kind `torch`
    the agreement knows the ends only, and a row may cost what any graph's may.
    """
    schema, widths = agreement.data, layer_widths(agreement)
    if graph.input_shape != (widths[0],) or graph.output_shape != (widths[-1],):
        raise FormatError(
            f"the model takes rows of shape {graph.input_shape} and gives {graph.output_shape}, "
            f"but the agreement's takes {widths[:1]} and gives {widths[-1:]}"
        )
    if (graph.low != schema.feature_low).any() or (graph.high != schema.feature_high).any():
        raise FormatError("the model's range of inputs is not the agreement's")
    if agreement.model.kind == "cnn":
        _check_convolutional(graph, agreement)
    elif agreement.model.kind != "torch":
        _check_dense(graph, widths)
    return graph


def _check_dense(graph: Graph, widths: tuple[int, ...]) -> None:
    if not set(graph.shapes.values()) <= {(width,) for width in widths}:
        raise FormatError(f"the model has layers of other widths than the agreement's, {widths}")
    if len(graph.layers) > 2 * len(widths):
        raise FormatError(f"the model has {len(graph.layers)} layers, more than the agreement's can have")


def _check_convolutional(graph: Graph, agreement: Agreement) -> None:
    """Every layer is the agreement's, in its place; that of scaling may have become a part of the first convolution."""
    found = [(layer.kind, graph.shapes[layer.name], _window(layer)) for layer in graph.layers]
    wanted = list(_convolutional(agreement))
    if found[1:2] == [("normalise", wanted[0][1], ())]:
        del found[1]
    for step, other in itertools.zip_longest(found, wanted):
        if step != other:
            raise FormatError(f"the model has {_shown(step)} where the agreement has {_shown(other)}")


def _convolutional(agreement: Agreement) -> Iterator[Step]:
    """Yield the layers of a `cnn` from the agreement alone, but for that of scaling."""
    model = agreement.model
    shapes, dense = image_shapes(model), dense_widths(agreement)
    yield "unflatten", shapes[0], ()
    for layer, before, after in zip(model.convolutions, shapes, shapes[1:], strict=False):
        kernel, padding, pool = ((side, side) for side in (layer.kernel, layer.padding, layer.pool))
        unpooled = (layer.channels, *(side + 2 * layer.padding - layer.kernel + 1 for side in before[1:]))
        yield "conv2d", unpooled, (kernel, (1, 1), padding)
        yield "relu", unpooled, ()
        if layer.pool > 1:
            yield f"{layer.pooling}_pool", after, (pool, pool, (0, 0))
    yield "flatten", dense[:1], ()
    for width in dense[1:-1]:
        yield "linear", (width,), ()
        yield "relu", (width,), ()
    yield "linear", dense[-1:], ()
    if agreement.data.task != "regression":
        yield "sigmoid" if agreement.data.task == "binary" else "softmax", dense[-1:], ()


def _window(layer: Layer) -> tuple[tuple[int, ...], ...]:
    if isinstance(layer, Conv2d):
        return (layer.weight.shape[2:], layer.stride, layer.padding)
    return (layer.size, layer.stride, layer.padding) if isinstance(layer, AveragePool | MaxPool) else ()


def _shown(step: Step | None) -> str:
    if step is None:
        return "no layer"
    kind, shape, window = step
    return f"{kind} to {shape}" + (" by windows of {} with stride {} and padding {}".format(*window) if window else "")


def _check_signature(study: Study, manifest_bytes: bytes, signature: bytes | None, name: str) -> None:
    if signature is None:
        raise ProtocolError("has not signed the manifest", culprit=name, step=STEP)
    if name not in study.agreement.names:
        raise ProtocolError("is not a party and cannot sign the manifest", culprit=name, step=STEP)
    try:
        study.identities[name].verify(SIGNING_DOMAIN, manifest_bytes, signature)
    except IdentityError:
        raise ProtocolError("its signature of the manifest is false", culprit=name, step=STEP) from None

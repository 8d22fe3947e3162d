"""The boundary feature cache: what is frozen runs once over the data, and only what learns is trained.

The boundary is the deepest tensor before the first layer that learns or draws at random, and through which everything
behind it sees the input. What comes out there never changes during a phase, so it is computed once, kept as float16 in
a memory-mapped file, and found again by every later training with the same frozen layers and the same data.
"""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from app.disk import sync
from app.families.contract import Array, Data, Network, Phase, Split, StaticDataset

BATCH = 250
AHEAD = 4  # batches prepared while one is learned
REPORT_SECONDS = 1.0
DAY = 86_400.0
PARTIAL = ".partial"
PARTIAL_SECONDS = 3600.0  # a file that was not written to for so long has lost its writer
DTYPE = np.float16
WORTH_KEEPING = 0.1  # share of the multiplications that must be frozen


@dataclass(frozen=True)
class TrainablePart:
    """What a phase trains: the whole network or what lies behind the boundary, with its batches and validation."""

    network: Network
    train: Callable[[Phase, int], Any]
    validation: Split


@dataclass(frozen=True)
class Boundary:
    """Where a network is cut: `layers` are before, `tensor` is what the part behind takes."""

    layers: tuple[Any, ...]
    tensor: Any


class FeatureCache:
    """A folder of features, bounded in bytes; what was not used for long goes first."""

    def __init__(self, folder: Path, max_bytes: int, days: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._days = days

    def part(self, network: Network, data: Data, phases: Sequence[Phase], report: Callable[..., None]) -> TrainablePart:
        """What the first of `phases` trains; the pass it takes also serves those of the others that it can."""
        phase, static = phases[0], data.static_dataset
        if not phase.uses_static_dataset or static is None:
            return TrainablePart(network, data.train, data.validation)
        boundary = find_boundary(network, phase)
        features = self._features(network, data, static, _boundaries(network, phases), report) if boundary else None
        if boundary is None or features is None:
            return TrainablePart(network, _batches(static, static.inputs), data.validation)
        examples = len(static.targets)
        report("log", text=_describe_saving(network, boundary, phase))
        return TrainablePart(
            keras.Model(boundary.tensor, network.output),
            _batches(static, lambda rows: features[rows].astype(np.float32)),
            Split(features[examples:].astype(np.float32), data.validation.targets),
        )

    def _features(
        self,
        network: Network,
        data: Data,
        static: StaticDataset,
        boundaries: Sequence[Boundary],
        report: Callable[..., None],
    ) -> Array | None:
        """The features at the first of the boundaries, (training and validation rows, ...) float16; None if too large.

        What is missing at any of them is computed in one pass.
        """
        rows = len(static.targets) + len(data.validation.targets)
        wanted = {self._path(boundary, data, static): boundary for boundary in boundaries}
        path = next(iter(wanted))
        missing = {path: boundary for path, boundary in wanted.items() if not path.is_file()}
        if path in missing:
            size = sum(_bytes(boundary, rows) for boundary in missing.values())
            if size > self._max_bytes:
                report("log", text=f"the features of frozen layers take {size:,} bytes, more than are allowed")
                return None
            self._make_room(size)
            if not _compute(network, data, static, missing, report):
                return None
        else:
            report("log", text="the features of the frozen layers were there already")
        os.utime(path)
        return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]

    def _path(self, boundary: Boundary, data: Data, static: StaticDataset) -> Path:
        """The file of some features, named by all they depend on."""
        digest = hashlib.sha256(f"{static.fingerprint} {np.dtype(DTYPE)}".encode())
        digest.update(np.ascontiguousarray(data.validation.inputs).data)
        for layer in boundary.layers:
            settings = {name: value for name, value in layer.get_config().items() if name != "name"}
            digest.update(json.dumps([type(layer).__name__, settings], sort_keys=True, default=str).encode())
            for weights in layer.get_weights():
                digest.update(np.ascontiguousarray(weights).data)
        return self._folder / f"{digest.hexdigest()}.npy"

    def _make_room(self, size: int) -> None:
        """Remove what is old, what a killed trainer left, and the longest unused until `size` more bytes fit."""
        self._folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        for path in self._folder.glob(f"*{PARTIAL}"):
            if now - path.stat().st_mtime > PARTIAL_SECONDS:
                path.unlink(missing_ok=True)
        kept = sorted(self._folder.glob("*.npy"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in kept)
        for path in kept:
            if total + size > self._max_bytes or now - path.stat().st_mtime > self._days * DAY:
                total -= path.stat().st_size
                path.unlink(missing_ok=True)


def find_boundary(network: Network, phase: Phase) -> Boundary | None:
    """The deepest boundary that the phase allows; None when what is frozen is not worth a file."""
    found = None
    layers, trainable = network.layers, phase.trainable_layers(network)
    for index, layer in enumerate(layers):
        if (layer.weights and layer.name in trainable) or _draws_at_random(layer):
            break
        before = layers[: index + 1]
        if _separates(before, layers[index + 1 :]):
            found = Boundary(tuple(before), layer.output)
    return found if found and _frozen_share(network, found) > WORTH_KEEPING else None


def _draws_at_random(layer: Any) -> bool:
    """Whether the layer keeps the state of a random generator among its variables."""
    return len(layer.variables) > len(layer.weights)


def _separates(before: Sequence[Any], behind: Sequence[Any]) -> bool:
    """Whether the layers behind take nothing from those before but the last one's output."""
    inside = {id(layer.output) for layer in before}
    taken = {id(tensor) for layer in behind for tensor in keras.tree.flatten(layer.input)}
    return inside & taken == {id(before[-1].output)}


def _boundaries(network: Network, phases: Sequence[Phase]) -> list[Boundary]:
    """The boundaries of the first phase, and of those later ones whose frozen layers no phase before them changes."""
    boundaries: list[Boundary] = []
    changed: set[str] = set()
    for phase in phases:
        boundary = find_boundary(network, phase) if phase.uses_static_dataset else None
        if boundary and changed.isdisjoint(layer.name for layer in boundary.layers):
            boundaries.append(boundary)
        changed |= phase.trainable_layers(network)
    return boundaries


def _compute(
    network: Network, data: Data, static: StaticDataset, missing: dict[Path, Boundary], report: Callable[..., None]
) -> bool:
    """Run the frozen layers over training and validation data; False when the features do not fit into float16.

    Each file is complete when it gets its name, so that a kill leaves nothing half-made.
    """
    boundaries = list(missing.values())
    rows = len(static.targets) + len(data.validation.targets)
    frozen = tf.function(keras.Model(network.input, [boundary.tensor for boundary in boundaries]))
    partial = [path.with_name(f"{uuid.uuid4().hex}{PARTIAL}") for path in missing]
    files = [
        np.lib.format.open_memmap(path, "w+", DTYPE, (rows, *boundary.tensor.shape[1:]))
        for path, boundary in zip(partial, boundaries, strict=True)
    ]
    report("log", text=f"{rows:,} examples pass through the frozen layers once")
    done, last = 0, time.monotonic()
    for inputs in _all_inputs(data, static):
        outputs = frozen(tf.constant(inputs), training=False)
        for file, values in zip(files, keras.tree.flatten(outputs), strict=True):
            narrow = np.asarray(values).astype(DTYPE)
            if not np.isfinite(narrow).all():
                report("log", text="features exceed float16; the whole network runs instead")
                _remove(partial)
                return False
            file[done : done + len(narrow)] = narrow
        done += len(inputs)
        if time.monotonic() - last > REPORT_SECONDS:
            last = time.monotonic()
            report("progress", features=done / rows)
    for file, path, final in zip(files, partial, missing, strict=True):
        file.flush()
        sync(path)
        path.replace(final)
    return True


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _all_inputs(data: Data, static: StaticDataset) -> Iterator[Array]:
    """The training examples in the order of their rows, then the validation's, in batches."""
    for begin in range(0, len(static.targets), BATCH):
        yield static.inputs(np.arange(begin, min(begin + BATCH, len(static.targets))))
    for begin in range(0, len(data.validation.targets), BATCH):
        yield data.validation.inputs[begin : begin + BATCH]


def _bytes(boundary: Boundary, rows: int) -> int:
    return int(rows * np.prod(boundary.tensor.shape[1:]) * np.dtype(DTYPE).itemsize)


def _batches(static: StaticDataset, inputs: Callable[[Array], Array]) -> Callable[[Phase, int], Any]:
    """Batches of fixed examples, or of what `inputs` gives in place of them."""

    def look_up(rows: Array) -> tuple[Array, Array]:
        return inputs(rows), static.targets[rows]

    def batches(phase: Phase, epoch: int) -> Any:
        rows = static.order(phase, epoch)
        first, _ = look_up(rows[:1])

        def batch(chosen: Any) -> tuple[Any, Any]:
            found, targets = tf.numpy_function(look_up, [chosen], (tf.float32, tf.int64), stateful=False)
            return tf.ensure_shape(found, (None, *first.shape[1:])), tf.ensure_shape(targets, (None,))

        ready: Any = tf.data.Dataset.from_tensor_slices(rows).batch(phase.batch_size).map(batch).prefetch(AHEAD)
        return ready

    return batches


def _describe_saving(network: Network, boundary: Boundary, phase: Phase) -> str:
    """How much work the boundary saves in a phase."""
    return (
        f"{phase.name} trains from {boundary.layers[-1].name} on: {len(boundary.layers)} of "
        f"{len(network.layers)} layers, "
        f"{_frozen_share(network, boundary):.1%} of the multiplications, are not repeated in its {phase.epochs} epochs"
    )


def _frozen_share(network: Network, boundary: Boundary) -> float:
    """The share of the multiplications of one example that are done before the boundary."""
    whole = sum(_multiplications(layer) for layer in network.layers)
    return sum(_multiplications(layer) for layer in boundary.layers) / max(1, whole)


def _multiplications(layer: Any) -> int:
    """Multiplications of one example: each number of a kernel is used once at each place of the output."""
    kernel = getattr(layer, "kernel", None)
    return 0 if kernel is None else int(np.prod(kernel.shape) * np.prod(layer.output.shape[1:-1]))

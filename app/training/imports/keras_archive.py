"""A .keras file from elsewhere, looked through before Keras sees it: networks of well-known layers, and nothing else.

Keras's safe mode refuses code that is written out in a file; it does not keep a file from naming functions of Keras and
Python to be called while it is read. So what may be named is listed here.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.errors import InvalidRequest

CONFIG = "config.json"
MEMBERS = {CONFIG, "metadata.json", "model.weights.h5"}
# NotImplementedError is zipfile's own for a way to compress that it does not know; the last two are a configuration
# that is no object, or not made of what JSON has names for.
UNREADABLE = (zipfile.BadZipFile, NotImplementedError, ValueError, RecursionError, AttributeError, TypeError)
MOST_CONFIG_BYTES = 10_000_000
MOST_GROWTH = 20  # times that the content may be larger than the file; weights hardly shrink at all

MODULES = {
    "keras",
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.models",
    "keras.regularizers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
}
NAMES = """
    Functional Model Sequential DTypePolicy __keras_tensor__ __tuple__

    Activation Add Attention Average AveragePooling1D AveragePooling2D BatchNormalization Bidirectional CenterCrop
    Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D
    DepthwiseConv2D Dot Dropout ELU Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization InputLayer LSTM LSTMCell
    LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D Maximum Minimum MultiHeadAttention Multiply Normalization
    PReLU Permute RMSNormalization RNN RandomBrightness RandomContrast RandomFlip RandomRotation RandomTranslation
    RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding SeparableConv1D SeparableConv2D
    SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpectralNormalization StackedRNNCells Subtract
    TimeDistributed UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D

    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros

    L1 L1L2 L2 OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg UnitNorm
"""
CLASSES = frozenset(NAMES.split())


def check_archive(path: Path) -> None:
    """Raise InvalidRequest unless a file is a .keras file whose network is made of well-known layers."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member.file_size for member in archive.infolist()}
            if len(archive.infolist()) != len(MEMBERS) or set(members) != MEMBERS:
                raise InvalidRequest(f"a .keras file holds {', '.join(sorted(MEMBERS))}, not {_some(set(members))}")
            if members[CONFIG] > MOST_CONFIG_BYTES or sum(members.values()) > MOST_GROWTH * path.stat().st_size:
                raise InvalidRequest("what is in the file is far larger than the file")
            config = json.loads(archive.read(CONFIG))
            config.pop("compile_config", None)  # is not read, as the network is not compiled
    except UNREADABLE as fault:
        raise InvalidRequest(f"expected a .keras file: {fault}") from fault
    if odd := {name for name in _forbidden_names(config) if name is not None}:
        raise InvalidRequest(
            f"the network uses {_some(odd)}, which could run code or is unknown; only Keras's own layers, "
            "initializers, regularizers and constraints are accepted"
        )


def _forbidden_names(part: Any) -> Iterator[str | None]:
    """Of everything that a configuration names: what may not be named, and None for the rest."""
    if isinstance(part, dict):
        if "class_name" in part:
            yield _unknown(part)
        for inner in part.values():
            yield from _forbidden_names(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _forbidden_names(inner)


def _unknown(named: dict[str, Any]) -> str | None:
    """The name of a serialized object that is not among those known, under all of its names."""
    name, registered, module = str(named["class_name"]), named.get("registered_name"), str(named.get("module"))
    known = module in MODULES or (module == "None" and name.startswith("__"))
    return None if known and name in CLASSES and registered in (None, name) else f"{module}.{registered or name}"


def _some(names: set[str]) -> str:
    return ", ".join(repr(name)[:80] for name in sorted(names)[:5])

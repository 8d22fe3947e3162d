"""The contract of a model family: how it is described, how it trains and how it answers. The one page to read first.

A family is a folder: `spec.py` describes it (light, read by the web), `recipe.py` trains it (the only Keras code),
`servable.py` answers with one loaded version (numpy only).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Array: TypeAlias = NDArray[Any]
Network: TypeAlias = Any  # a keras.Model; named here so that nothing light has to import Keras
Task: TypeAlias = Literal["classify", "generate"]
Crop: TypeAlias = Literal["centre", "whole"]


# ---- described -------------------------------------------------------------------------------------------------


class Hyperparameters(BaseModel):
    """The knobs of a recipe. Each has bounds and a description; an unknown one is refused, and so is one of another
    type, as JSON has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seed: int = Field(
        0, ge=0, lt=2**31, description="Seed of all random choices. The same seed gives the same training."
    )

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, given: Any) -> Any:
        return with_whole_numbers(given)


def at_most(number: int) -> BeforeValidator:
    """Refuses a longer list or map before its items are looked at, each of which could be a fault; pydantic's own
    bounds come after them.
    """

    def check(given: Any) -> Any:
        if isinstance(given, list | tuple | dict) and len(given) > number:
            facts = {"most": number, "found": len(given)}
            raise PydanticCustomError("too_long", "at most {most} items are accepted, not {found}", facts)
        return given

    return BeforeValidator(check)


def with_whole_numbers(given: Any) -> Any:
    """An object of JSON in which 3.0 is 3: JSON does not tell them apart, and a strict model would."""
    if not isinstance(given, dict):
        return given
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in given.items()
    }


@dataclass(frozen=True)
class DataFile:
    """A file that training needs: its name where data sets are kept, and where it can be had.

    `digest` is the download's SHA-256, or MD5 where its publisher gives only that. Without an `origin` it is a file of
    the user's own. `also` are other names under which people keep the same content; `folder` is where Keras's cache has
    it. `check` reads as much of a found file as it takes to raise MissingData or InvalidRequest, with the reason, when
    the file does not fit.
    """

    name: str
    origin: str
    digest: str
    also: tuple[str, ...] = ()
    folder: str = "datasets"
    check: Callable[[Path], None] | None = None


class UploadCheck(Protocol):
    """Looks at a file while it arrives."""

    def add(self, content: bytes, *, final: bool = False) -> None:
        """Look at what comes next; raises InvalidRequest as soon as the file is not what it should be."""


@dataclass(frozen=True)
class Upload:
    """A file of the user's own that may come with a training, in a form.

    `kind` says what it holds. `field` is the hyperparameter that names the file once it is kept; `inline`, where there
    is one, is the hyperparameter that may hold a short file's content in its place. `arriving` makes what looks at the
    file while it arrives, `check` looks at it as a whole; both raise InvalidRequest. `description` is for clients.
    """

    kind: Literal["text"]
    field: str
    inline: str | None
    arriving: Callable[[], UploadCheck]
    check: Callable[[Path], None]
    description: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The hyperparameters that stand for the file, of which one at most is given."""
        return (self.field, self.inline) if self.inline else (self.field,)


def single_job(hyperparameters: Any, keep: Callable[[bytes], str]) -> Sequence[Any]:  # noqa: ARG001  others keep
    """The hyperparameters as they are, for one job."""
    return [hyperparameters]


@dataclass(frozen=True)
class Family:
    """What the service knows of a family before anything heavy is imported.

    `built_in_models` are there whether they have a version or not, and may have starters; with `users_name_models` a
    training may be of any other name. `recipe` and `servable` are dotted names, `module:Class`. `files` says which data
    files some hyperparameters need; `model` says which built-in model they train when no other is named.
    `sample` are hyperparameters of a training that takes seconds and no download. `jobs` says what one request asks
    for, the hyperparameters of each job; with `keep` it stores a file that came with the request, and gets the name
    under which `files` may ask for it, without `.txt`; `upload` describes that file, without which there is none.
    `extra_files` are the files of a version that its servable reads beside the network.
    """

    name: str
    title: str
    built_in_models: tuple[str, ...]
    task: Task
    hyperparameters: type[Hyperparameters]
    recipe: str
    servable: str
    files: Callable[[Any], Sequence[DataFile]]
    model: Callable[[Any], str]
    sample: Mapping[str, Any]
    jobs: Callable[[Any, Callable[[bytes], str]], Sequence[Any]] = single_job
    upload: Upload | None = None
    extra_files: tuple[str, ...] = ()
    users_name_models: bool = False


def load(dotted: str) -> Any:
    """The object that `module:Name` names, imported now."""
    module, _, name = dotted.partition(":")
    return getattr(import_module(module), name)


# ---- trained ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """Examples to measure on: `inputs` (n, ...) as the network takes them, `targets` (n,) int64.

    Of a text: windows (n, window) int32 of both, and `weights` of the same shape: 0 where a place does not count.
    """

    inputs: Array
    targets: Array
    weights: Array | None = None


@dataclass(frozen=True)
class Reference(Split):
    """Training pictures as they are, without augmentation, whose features say what is familiar: some 10,000 will do.

    `false_alarms` is the share of validation pictures that may be called unfamiliar. `with_confidence` says whether the
    confidence counts beside the features: it helps where the network learned to be unsure of other things.
    """

    false_alarms: float = 0.05
    with_confidence: bool = True


@dataclass(frozen=True)
class StaticDataset:
    """Training examples that are the same in every epoch, so that what a frozen layer makes of them is too.

    `inputs(rows)` gives the examples (k, ...) float32 of rows (k,) int64 in 0..len(targets); `targets` is int64;
    `order(phase, epoch)` the rows of one epoch, as many as `Data.examples`. `fingerprint` names these very examples.
    """

    inputs: Callable[[Array], Array]
    targets: Array
    order: Callable[["Phase", int], Array]
    fingerprint: str


@dataclass(frozen=True)
class Data:
    """What one training learns from and is measured on.

    `train(phase, epoch)` gives the batches of one epoch as a tf.data.Dataset of known length, always the same ones;
    phases that say so learn from `static_dataset` instead. The fingerprints are SHA-256 digests; versions are compared
    only when `test_fingerprint` is equal. Each of the `notes` is told in the job: a sentence, `text`, and facts beside
    it. Without a `reference`, a classifier's confidence alone says what is familiar.
    """

    name: str
    labels: tuple[str, ...]
    examples: int
    train: Callable[["Phase", int], Any]
    validation: Split
    test: Split
    fingerprint: str
    test_fingerprint: str
    static_dataset: StaticDataset | None = None
    notes: Sequence[Mapping[str, str]] = ()
    reference: Reference | None = None


def all_layers(network: Network) -> frozenset[str]:
    """Every layer learns."""
    return frozenset(layer.name for layer in network.layers)


@dataclass(frozen=True)
class Phase:
    """One fit. `trainable_layers` names the layers of the whole network that learn; `compile` gives a network (the
    whole one, or the part of it that learns) its optimizer, loss and accuracy. A `uses_static_dataset` phase learns
    from `Data.static_dataset`. With `keep_best` it ends with the weights of the epoch that validated best;
    `validation_batch` examples are validated together.
    """

    name: str
    epochs: int
    batch_size: int
    compile: Callable[[Network], None]
    trainable_layers: Callable[[Network], frozenset[str]] = all_layers
    uses_static_dataset: bool = False
    keep_best: bool = False
    validation_batch: int = 500


@dataclass(frozen=True)
class Tensor:
    """One input or output of an exported network; a dimension of -1 is free."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Features(Tensor):
    """The mean activations of the channels of some layers, one layer after the other, as one tensor (-1, d)."""

    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signature:
    """What an exported network takes and gives.

    `states` are carried from step to step: each is taken by its name, and given as `next_` and its name. `features`
    are given beside the output of a classifier, for its own servable alone.
    """

    input: Tensor
    output: Tensor
    states: tuple[Tensor, ...] = ()
    features: Features | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All that is taken."""
        return self.input, *self.states

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """All that is given, in the order of `inputs`."""
        extra = () if self.features is None else (self.features,)
        return self.output, *(replace(state, name=next_state_name(state.name)) for state in self.states), *extra


def next_state_name(state: str) -> str:
    """The name of the output that is a state after the step."""
    return f"next_{state}"


class Recipe(Protocol):
    """The training half of a family, made with validated hyperparameters; keeps them with every default filled in."""

    hyperparameters: Hyperparameters
    signature: Signature
    preprocessing: str

    def data(self, path: Callable[[DataFile], Path]) -> Data:
        """Read the data; `path` gives where a file lies, downloading it if that is possible."""

    def network(self, data: Data) -> Network:
        """A new, uncompiled network."""

    def phases(self, data: Data) -> Sequence[Phase]:
        """The fits, in order."""


# ---- served ----------------------------------------------------------------------------------------------------


class Executable(Protocol):
    """A loaded network: named arrays in, named arrays out, the first dimension being the batch."""

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]: ...


class Classification(BaseModel):
    """The answer of a classifier: the labels with their probabilities, most likely first."""

    model: str = Field(examples=["digit"])
    version: int = Field(examples=[1])
    label: str = Field(description="The most likely label.", examples=["7"])
    confidence: float = Field(description="Its probability, 0 to 1.", examples=[0.9983])
    familiar: bool | None = Field(
        description="False when this picture is unlike almost all pictures this version was validated on, by the "
        "network's features and its confidence: a hint that it shows none of the labels. Absent when the version "
        "was never calibrated.",
        examples=[True],
    )
    probabilities: dict[str, float] = Field(examples=[{"7": 0.9983, "1": 0.0009, "2": 0.0004}])


class Classifier(Protocol):
    """The serving half of a family that classifies pictures: one loaded version, made with its card and executable.

    `min_decode_size` is how many pixels of a picture's shorter side it has use for; a decoder may leave out what is
    beyond.
    """

    min_decode_size: int

    def decode(self, picture: Any, crop: Crop) -> NDArray[np.float32]:
        """One picture (PIL) becomes one instance; raises InvalidRequest when there is nothing to see in it.

        `crop` says what of a picture that is not square is looked at; who finds the subject itself needs no advice.
        """

    def example(self) -> NDArray[np.float32]:
        """An instance to warm up with."""

    def predict(self, instances: Sequence[NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
        """Instances become outputs: as many, in the same order."""

    def answer(self, output: NDArray[np.float32], top_k: int | None) -> Classification:
        """An output in the client's words; `top_k` limits the labels listed."""

    def preview(self, instance: NDArray[np.float32]) -> bytes:
        """The instance as a PNG: what the network saw."""

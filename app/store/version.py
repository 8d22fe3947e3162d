"""The card of a version: version.json, which says what the version is, where it came from and what it is worth."""

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import Damaged, SystemFault

CARD = "version.json"
ONNX = "model.onnx"  # what a CPU serves
KERAS = "model.keras"  # what training continues from
SAVED_MODEL = "saved_model.pb"  # with variables/ beside it: what TensorFlow and TensorFlow Serving load, if wished for
EVALUATION = "evaluation.json"
FAMILIARITY = "familiar.npz"  # of a classifier with features: what tells familiar pictures from others
PREDICTIONS = "guesses.npy"  # of a classifier: (2, test examples), the truths and the guesses, as places in its labels
CHUNK = 1 << 20

Better: TypeAlias = Literal["higher", "lower"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileSum(_Frozen):
    """Size in bytes and SHA-256 of one file of a version."""

    size: int
    sha256: str


class TensorCard(_Frozen):
    """One tensor of the signature; -1 in `shape` is a free dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class FeaturesCard(TensorCard):
    """A second output of the exported network: the concatenated mean activations of the Keras network's `layers`. It is
    internal and not part of any API.
    """

    layers: tuple[str, ...]


class DataCard(_Frozen):
    """The data a version was trained and tested on."""

    name: str
    examples: int
    fingerprint: str
    test_fingerprint: str


class Calibration(_Frozen):
    """Calibration of a classifier: `softmax(log(p) / temperature)`, with the temperature fitted on `examples`.

    A picture is familiar if its score is at least `familiar_from`, the threshold at which a fraction `false_alarms` of
    the examples is not. The score is the confidence, or with `measure` `features` combines confidence and features.
    """

    temperature: float = Field(gt=0)
    fitted_on: Literal["validation", "test"]
    examples: int
    familiar_from: float
    false_alarms: float = 0.05
    measure: Literal["confidence", "features"] = "confidence"


class Card(_Frozen):
    """The card of a version. Versions are compared by `metrics[primary_metric]`; `better` says whether higher or lower
    is better. `states` are the recurrent states of a text generator. `diverged` is the reason if the training diverged.
    """

    format: Literal[1] = 1
    model: str
    version: int = Field(ge=1)
    family: str
    title: str
    created: str
    job: str | None
    labels: tuple[str, ...]
    input: TensorCard
    output: TensorCard
    states: tuple[TensorCard, ...] = ()
    features: FeaturesCard | None = None
    preprocessing: str
    hyperparameters: dict[str, Any]
    command: str
    data: DataCard | None  # None where the network came from elsewhere: then there are no figures either
    metrics: dict[str, float]
    primary_metric: str
    better: Better = "higher"
    diverged: str | None = None
    calibration: Calibration | None = None
    curves: list[dict[str, Any]]
    parameters: int | None
    training_seconds: float
    libraries: dict[str, str]
    files: dict[str, FileSum]

    @property
    def imported(self) -> bool:
        """Whether the network came from elsewhere: it was not trained on any data here, so it is run apart."""
        return self.data is None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files.values())


def checksum(path: Path) -> FileSum:
    """Size and SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return FileSum(size=path.stat().st_size, sha256=digest.hexdigest())


def checksums(folder: Path) -> dict[str, FileSum]:
    """The sums of every file in a version's folder except the card itself, by relative name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CARD)
    return {path.relative_to(folder).as_posix(): checksum(path) for path in files}


def read_card(folder: Path) -> Card:
    """The card in a version's folder; raises Damaged when there is none or it cannot be understood, SystemFault when it
    cannot be read now.
    """
    try:
        content = (folder / CARD).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise Damaged(f"{folder.name} has no {CARD}") from None
    except OSError as fault:
        raise SystemFault.of(fault) or Damaged(f"{folder.name}/{CARD} cannot be read: {_first_line(fault)}") from fault
    return parse_card(content, folder.name)


def parse_card(content: bytes, location: str) -> Card:
    """The card that a file holds, which lies at `location`; raises Damaged when it cannot be understood."""
    try:
        return Card.model_validate_json(content)
    except ValidationError as fault:
        raise Damaged(f"{location}/{CARD} cannot be read: {_first_line(fault)}") from fault


def verify(folder: Path, card: Card) -> None:
    """Raise Damaged unless every file that the card lists is there, whole and unaltered; SystemFault when one cannot be
    read now.
    """
    for name, expected in card.files.items():
        try:
            found = checksum(folder / name)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise Damaged(f"version {card.version} of {card.model} lacks {name}") from None
        except OSError as fault:
            raise SystemFault.of(fault) or fault from fault
        if found != expected:
            raise Damaged(
                f"{name} of version {card.version} of {card.model} is corrupt: its checksum differs from the card's"
            )


def _first_line(fault: Exception) -> str:
    return str(fault).splitlines()[0]

"""Fakes: a family whose network is arithmetic, a runtime without a library, and a launcher without processes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from app.errors import Damaged, Unavailable
from app.families.classification import PictureClassifier
from app.families.contract import Array, Crop, Family, Hyperparameters
from app.jobs.job import Job
from app.jobs.launchers.launcher import TrainerExit
from app.store.model_store import ModelStore
from app.store.version import ONNX, Better, Card, DataCard, TensorCard, checksums

LABELS = ("cold", "warm")


class TinyServable(PictureClassifier):
    """An instance is one number; `warm` when it is above the version's threshold."""

    def decode(self, picture: float, crop: Crop = "centre") -> Array:  # noqa: ARG002  the contract's
        return np.array([picture], np.float32)


class TinyExecutable:
    """Compares with the number that the version's file holds."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        warm = (inputs["x"][:, 0] > self.threshold).astype(np.float32)
        return {"y": np.stack([1 - warm, warm], axis=1)}


class TinyRuntime:
    """Reads a number; anything else in the file does not load."""

    name = "tiny"
    fault = None

    def platform(self, card: Card) -> str:  # noqa: ARG002  it knows one kind of file
        return "tiny_text"

    def load(self, folder: Path) -> TinyExecutable:
        try:
            return TinyExecutable(float((folder / ONNX).read_text()))
        except ValueError as fault:
            raise Damaged(str(fault)) from fault


TINY = Family(
    name="tiny",
    title="Tiny",
    built_in_models=("tiny",),
    task="classify",
    hyperparameters=Hyperparameters,
    recipe="tests.fakes:none",
    servable="tests.fakes:TinyServable",
    files=lambda _: (),
    model=lambda _: "tiny",
    sample={},
)


def tiny_card(
    number: int = 1, *, job: str | None = None, accuracy: float = 0.5, tested_on: str = "t", better: Better = "higher"
) -> Card:
    """The card of a tiny version, without its files' sums."""
    return Card(
        model="tiny",
        version=number,
        family="tiny",
        title="Tiny",
        created="2026-01-01T00:00:00+00:00",
        job=job,
        labels=LABELS,
        input=TensorCard(name="x", dtype="float32", shape=(-1, 1)),
        output=TensorCard(name="y", dtype="float32", shape=(-1, 2)),
        preprocessing="none",
        hyperparameters={},
        command="fitserve train tiny",
        data=DataCard(name="numbers", examples=1, fingerprint="f", test_fingerprint=tested_on),
        metrics={"test_accuracy": accuracy},
        primary_metric="test_accuracy",
        better=better,
        curves=[],
        parameters=1,
        training_seconds=0.0,
        libraries={},
        files={},
    )


def publish_tiny(
    store: ModelStore, content: str = "0.5", input: TensorCard | None = None, model: str = "tiny", **facts: object
) -> Card:
    """Publish a version whose network file holds `content`."""
    staged = store.stage("test")
    (staged / ONNX).write_text(content)
    card = tiny_card(**facts).model_copy(update={"files": checksums(staged)})  # type: ignore[arg-type]
    card = card.model_copy(update={"input": input or card.input, "model": model})
    return store.publish(staged, model, lambda number: card.model_copy(update={"version": number}))


class TinyPrompt:
    """Tokens as they are, after a line's beginning."""

    unknown_scripts: Sequence[str] = ()

    def __init__(self, client_tokens: Sequence[int], *, ends_word: bool, text: str = "") -> None:
        self.text = text
        self.tokens: Sequence[int] = [0, *client_tokens]
        self.unknown_words: Sequence[str] = ()
        self.client_tokens = client_tokens
        self.ends_word = ends_word


def row_by_row(rows: Array, matrix: Array) -> Array:
    """A product whose rows have the same bits whoever is beside them, on every processor."""
    return np.array([row @ matrix for row in rows], np.float32).reshape(len(rows), matrix.shape[1])


class TinyGenerator:
    """A recurrent network of 8 units in numpy; token 0 ends a line, token 3 is spelled `c`.

    By default every token is a word; with `pieces` those of an even number only go on with a word. `product` multiplies
    rows (n, k) with a matrix (k, m); a larger `gain` makes more of what the state was.
    """

    size, end = 12, 0
    suppressed_tokens: tuple[int, ...] = (1,)
    scripts: Sequence[str] = ("Latin",)

    def __init__(
        self,
        *,
        pieces: bool = False,
        seed: int = 0,
        gain: float = 1,
        product: Callable[[Array, Array], Array] = row_by_row,
    ) -> None:
        self._product = product
        rng = np.random.default_rng(seed)
        self._vectors, self._recurrent, self._output = (
            rng.normal(size=shape).astype(np.float32) for shape in ((self.size, 8), (8, 8), (8, self.size))
        )
        self._recurrent *= np.float32(gain)
        self.whole_word_tokens = not pieces
        self.word_start_mask = np.array(
            [not pieces or token % 2 == 1 or token == self.end for token in range(self.size)]
        )
        self.token_names: Sequence[str] = [
            "<end>",
            *(" " * bool(self.word_start_mask[token]) + self.decode([token]) for token in range(1, self.size)),
        ]
        self.token_texts: Sequence[bytes] = [b"\n", *(name.encode() for name in self.token_names[1:])]
        self.rows: list[int] = []  # how many advanced together, step by step
        self.broken = False

    def read(self, text: str) -> TinyPrompt:
        return TinyPrompt([ord(letter) - ord("a") + 1 for letter in text], ends_word=bool(text), text=text)

    def read_tokens(self, tokens: Sequence[int]) -> TinyPrompt:
        return TinyPrompt(tokens, ends_word=False)

    def offsets(self, text: str) -> list[int]:
        return list(range(len(text)))

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(chr(ord("a") + token - 1) for token in tokens if token)

    def initial_state(self, rows: int) -> list[Array]:
        return [np.zeros((rows, 8), np.float32)]

    def step(self, tokens: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        if self.broken:
            raise RuntimeError("broken")
        self.rows.append(len(tokens))
        hidden = np.tanh(self._vectors[tokens] + self._product(states[0], self._recurrent))
        logits = 2 * self._product(hidden, self._output)
        logits[:, self.end] -= 2  # lines of some length
        return logits, [hidden]


def off_by(factors: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """A product of rows (n, k) that is off by a millionth of itself times `factors(rows)` (n,)."""

    def product(rows: Array, matrix: Array) -> Array:
        exact = row_by_row(rows, matrix)
        return (exact * (1 + 1e-6 * factors(rows)[:, np.newaxis])).astype(np.float32)

    return product


OTHER_PRODUCTS: dict[str, Callable[[Array, Array], Array]] = {
    "of this processor": np.matmul,
    "by the size of the batch": off_by(lambda rows: np.full(len(rows), np.sin(len(rows)))),
    "in batches other than of one row": off_by(lambda rows: np.full(len(rows), float(len(rows) > 1))),
    "by the place in the batch": off_by(lambda rows: np.sin(np.arange(len(rows)))),
    "by size and place": off_by(lambda rows: np.sin(np.arange(len(rows)) + 7 * len(rows))),
    "by the neighbours": off_by(lambda rows: np.roll(np.sin(rows.sum(axis=1)), 1) * (len(rows) > 1)),
}


class FakeTrainer:
    """A trainer that ends when the test says so, without a process."""

    pid = None

    def __init__(self) -> None:
        self.code: int | None = None
        self.stops: list[bool] = []
        self.waiting = False

    def poll(self) -> TrainerExit | None:
        return None if self.code is None else TrainerExit.of(self.code)

    def stop(self, *, force: bool = False) -> None:
        self.stops.append(force)
        if (force or self.waiting) and self.code is None:
            self.code = -9

    def log_tail(self) -> str:
        return "last words"


class FakeLauncher:
    """Remembers what it was asked to launch; with `detached`, others find that."""

    def __init__(self, *, detached: bool = False) -> None:
        self.detached = detached
        self.launched: list[tuple[Job, FakeTrainer]] = []
        self.away = False

    def launch(self, job: Job) -> FakeTrainer:
        if self.away:
            raise Unavailable("nobody answers")
        trainer = FakeTrainer()
        self.launched.append((job, trainer))
        return trainer

    def find(self, job: Job) -> FakeTrainer | None:
        launched = (trainer for one, trainer in self.launched if (one.id, one.attempts) == (job.id, job.attempts))
        return next(launched, None) if self.detached else None


def doubled(instances: Sequence[int]) -> Sequence[int]:
    """What the batcher's tests predict."""
    return [2 * instance for instance in instances]

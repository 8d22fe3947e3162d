"""Text, trained: the corpus as tokens, the network, and how it is fitted."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from app.families.contract import (
    Array,
    Data,
    DataFile,
    Network,
    Phase,
    Signature,
    Split,
    Tensor,
)
from app.families.generation import Baseline
from app.families.recipes import fingerprint_lines, one_cycle
from app.families.text.corpus import Corpus, cut, divide, pack
from app.families.text.encodings import Decoded, decode
from app.families.text.networks import LOGITS, TOKEN, RecurrentNetwork, states_of, step_model
from app.families.text.ngrams import KneserNey
from app.families.text.sample import LINES
from app.families.text.spec import SAMPLE, TextHyperparameters, corpus_file, corpus_names
from app.families.text.text_cleaning import check_text, lines_of
from app.families.text.token_display import token_texts
from app.families.text.vocabulary import END, VOCABULARY, Vocabulary, build, serialized

RATES = {"simple_rnn": 0.002, "lstm": 0.006, "gru": 0.006}
SMALL_CORPUS = 8_000  # words; from here on subwords cost no less with more text, see docs/benchmarks.md
FEW_LINES = 20  # with so few, nothing is held out and nothing dropped
DROPOUT = 0.3
STEPS = 50  # fewest in an epoch: a tiny corpus is read several times
WARM_UP = 0.1  # fraction of the steps in which the learning rate rises
FIRST_RATE, LAST_RATE = 0.1, 0.1  # fractions of the peak learning rate
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 1.0  # norm that gradients are clipped to
PROMPTS, PROMPT_TOKENS = 16, 12


class TextRecipe:
    """One phase for whichever cell."""

    preprocessing = "NFC, nothing invisible, one space between words; vocabulary.json says how words become tokens"

    def __init__(self, hyperparameters: TextHyperparameters) -> None:
        self.hyperparameters = hyperparameters
        self._corpus: Corpus
        self._vocabulary: Vocabulary
        self._rows = 1
        self._window = hyperparameters.window

    def data(self, path: Callable[[DataFile], Path]) -> Data:
        """The corpus as tokens: of 20 lines one to validate on and one to test on, of few lines all for everything."""
        texts = _read(self.hyperparameters.corpus, path)
        lines = [line for _, one in texts for line in lines_of(one.text)]
        chosen = self._fill_in(lines)
        self._vocabulary = build(str(chosen.vocabulary), lines, chosen.vocabulary_size)
        tokens = [np.array(ids, np.int64) for line in lines if (ids := self._vocabulary.encode(line))]
        total = sum(len(line) + 1 for line in tokens)
        tokens = cut(tokens, max(chosen.window, total // chosen.batch_size))
        self._corpus = corpus = divide(tokens, few=FEW_LINES)
        self._rows = min(chosen.batch_size, len(corpus.train), len(corpus.validation), len(corpus.test))
        longest = max(len(line) + 1 for line in corpus.train)
        self._window = min(chosen.window, max(longest, total // self._rows))
        known = fingerprint_lines(lines)
        validation = self._split(corpus.validation)
        return Data(
            name=chosen.corpus,
            labels=(),
            examples=sum(len(line) + 1 for line in corpus.train) * self._passes(),
            train=self._batches,
            validation=validation,
            test=validation if corpus.test is corpus.validation else self._split(corpus.test),
            fingerprint=known,
            test_fingerprint=f"{known}-{chosen.vocabulary}-{fingerprint_lines(self._vocabulary.token_bytes)[:16]}",
            notes=[_read_as(name, one.encoding) for name, one in texts if one.encoding != "utf-8"],
        )

    @property
    def signature(self) -> Signature:
        """Of the stepper; known once there is a network."""
        states = tuple(Tensor(name, "float32", (-1, width)) for name, width in self._states)
        size = len(self._vocabulary.token_bytes)
        return Signature(Tensor(TOKEN, "int64", (-1,)), Tensor(LOGITS, "float32", (-1, size)), states)

    def network(self, data: Data) -> Network:  # noqa: ARG002  the contract's; the recipe knows its corpus
        """A new, uncompiled reader."""
        chosen = self.hyperparameters
        reader = RecurrentNetwork(
            cell=chosen.cell,
            size=len(self._vocabulary.token_bytes),
            embedding=chosen.embedding or chosen.units,
            units=chosen.units,
            layers=chosen.layers,
            dropout=chosen.dropout or 0.0,
            rows=self._rows,
        )
        self._states = states_of(reader)
        return reader

    def phases(self, data: Data) -> Sequence[Phase]:
        """One fit of everything; the best epoch stays."""
        chosen = self.hyperparameters
        steps = chosen.epochs * -(-data.examples // (self._rows * self._window))
        compiling = partial(_compile, rate=chosen.learning_rate or RATES[chosen.cell], steps=steps)
        return [Phase("train", chosen.epochs, self._rows, compiling, keep_best=True, validation_batch=self._rows)]

    def step_model(self, network: Network) -> Network:
        """One step of the reader as a network of its own."""
        return step_model(network)

    def write(self, folder: Path) -> None:
        """vocabulary.json, without which the tokens mean nothing."""
        (folder / VOCABULARY).write_text(serialized(self._vocabulary), "utf-8")

    def baseline(self) -> Baseline:
        """Kneser-Ney trigrams over the same tokens."""
        trigrams = KneserNey(self._corpus.train, len(self._vocabulary.token_bytes))
        return Baseline("ngram", trigrams.perplexity(self._corpus.test))

    def test_lines(self) -> Sequence[str]:
        """The test lines as their tokens spell them."""
        texts = token_texts(self._vocabulary)
        return [b"".join(texts[token] for token in line).decode(errors="ignore").strip() for line in self._corpus.test]

    def prompts(self) -> Array:
        """The beginnings of some lines, (n, 12) int64, shorter ones with line ends behind them."""
        prompts = np.full((min(PROMPTS, len(self._corpus.test)), PROMPT_TOKENS), END, np.int64)
        for prompt, line in zip(prompts, self._corpus.test, strict=False):
            beginning = line[: PROMPT_TOKENS - 1]
            prompt[1 : len(beginning) + 1] = beginning
        return prompts

    def _fill_in(self, lines: Sequence[str]) -> TextHyperparameters:
        """Choose by the corpus what was left open, and keep it."""
        chosen = self.hyperparameters
        words = sum(len(line.split()) for line in lines)
        fitting = {
            "vocabulary": chosen.vocabulary or ("words" if words < SMALL_CORPUS else "subwords"),
            "embedding": chosen.embedding or chosen.units,
            "dropout": (0.0 if len(lines) < FEW_LINES else DROPOUT) if chosen.dropout is None else chosen.dropout,
            "learning_rate": chosen.learning_rate or RATES[chosen.cell],
        }
        self.hyperparameters = chosen.model_copy(update=fitting)
        return self.hyperparameters

    def _passes(self) -> int:
        """How often an epoch reads the corpus."""
        tokens = sum(len(line) + 1 for line in self._corpus.train)
        return -(-STEPS // -(-tokens // (self._rows * self._window)))

    def _split(self, lines: Sequence[Array]) -> Split:
        packed = pack(lines, self._rows, self._window)
        return Split(packed.inputs, packed.targets, packed.weights)

    def _batches(self, phase: Phase, epoch: int) -> Iterable[Any]:
        """The windows of one epoch, the lines in an order of its own."""
        lines = self._corpus.train
        rng = np.random.default_rng([self.hyperparameters.seed, epoch])
        orders = [rng.permutation(len(lines)) for _ in range(self._passes())]
        packed = [pack([lines[place] for place in order], self._rows, self._window) for order in orders]
        inputs = np.concatenate([one.inputs for one in packed])
        targets = np.concatenate([one.targets for one in packed])
        batches: Iterable[Any] = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(
            phase.batch_size, drop_remainder=True
        )
        return batches


def _read(corpus: str, path: Callable[[DataFile], Path]) -> list[tuple[str, Decoded]]:
    """The texts of a corpus with their names, in order."""
    texts = []
    for name in corpus_names(corpus):
        one = Decoded(LINES, "utf-8") if name == SAMPLE else decode(path(corpus_file(name)).read_bytes(), name)
        check_text(one.text, name)
        texts.append((name, one))
    return texts


def _read_as(name: str, encoding: str) -> dict[str, str]:
    """What is told of a text that is not UTF-8."""
    return {"text": f"{name} is {encoding.upper()} and was read as that", "corpus": name, "encoding": encoding}


def _compile(network: Network, rate: float, steps: int) -> None:
    """AdamW with a one-cycle learning rate, and the cross-entropy of each token as the loss."""
    steps = max(2, steps)  # the rate rises in at least one of them, and falls in at least one
    schedule = one_cycle(rate, steps, warm_up=max(WARM_UP, 1 / steps), first=FIRST_RATE, last=LAST_RATE)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=MAX_GRADIENT_NORM)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    network.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # XLA would unroll and compile the window for longer than a small corpus trains
    )

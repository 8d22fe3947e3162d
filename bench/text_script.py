"""The classic recipe for text as the plain Keras script that a lecture teaches: the baseline of both text benches.

    python -m bench.text_script generate VOCABULARY WORDS
    python -m bench.text_script train CORPUS SHARE

`generate` continues a text by one `model.predict` a word and prints the seconds of a word. `train` fits one epoch on a
share of a corpus, every prefix of every line as a padded window with a one-hot target, and prints the seconds of a
whole epoch, the share scaled up. A line begins and ends with a token of its own, so that both ways foretell the same
tokens.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np

from app.families.text.text_cleaning import lines_of, words_of

WINDOW, EMBEDDING, UNITS, BATCH = 20, 10, 64, 32


def network(size: int, window: int) -> keras.Model:
    """Embedding of 10, LSTM of 64 units, dense softmax."""
    layers = [
        keras.Input((window,)),
        keras.layers.Embedding(size, EMBEDDING),
        keras.layers.LSTM(UNITS),
        keras.layers.Dense(size, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    return model


def generate(size: int, words: int) -> None:
    """The text so far is read again for every word, through a padded window."""
    model = network(size, WINDOW)
    text = [1, 2]
    for count in (3, words):  # the first few warm it up
        begun = time.monotonic()
        for _ in range(count):
            window = keras.utils.pad_sequences([text[-WINDOW:]], maxlen=WINDOW)
            text.append(int(model.predict(window, verbose=0).argmax(axis=1)[0]))
    print((time.monotonic() - begun) / words)


def train(corpus: str, share: float) -> None:
    """One epoch; two steps before it, that trace the graph, are not counted."""
    lines = [words for line in lines_of(Path(corpus).read_text()) if (words := words_of(line))]
    ids = {word: place for place, word in enumerate(dict.fromkeys(word for line in lines for word in line), start=2)}
    rows = [[1, *(ids[word] for word in line), 1] for line in lines]
    prefixes = [row[:end] for row in rows for end in range(2, len(row) + 1)]
    longest = max(map(len, prefixes)) - 1
    order = np.random.default_rng(0).permutation(len(prefixes))[: round(share * len(prefixes))]
    inputs = keras.utils.pad_sequences([prefixes[place][:-1] for place in order], maxlen=longest)
    targets = np.array([prefixes[place][-1] for place in order])
    size = len(ids) + 2
    model = network(size, longest)

    one_hot = keras.utils.to_categorical(targets, size)
    model.fit(inputs[: 2 * BATCH], one_hot[: 2 * BATCH], batch_size=BATCH, verbose=0)
    begun = time.monotonic()
    model.fit(inputs, one_hot, batch_size=BATCH, verbose=0)
    print((time.monotonic() - begun) / share)


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    if kind == "generate":
        generate(int(arguments[0]), int(arguments[1]))
    else:
        train(arguments[0], float(arguments[1]))

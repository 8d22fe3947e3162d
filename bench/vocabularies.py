"""From which size of a corpus on pieces of words are worth more than whole words: trigrams over both, by corpus size.

    FITSERVE_DATA_DIR=... python -m bench.vocabularies

For the first words of each text: how many of the held-out words were never seen before, so that a vocabulary of words
cannot foretell them, and what a held-out word costs (in nats, its line's end included) in subwords, which can. Prints a
Markdown table.
"""

import os
from pathlib import Path

import numpy as np

from app.families.text.corpus import divide
from app.families.text.ngrams import KneserNey
from app.families.text.text_cleaning import lines_of, words_of
from app.families.text.vocabulary import build

TEXTS = ("ko_literature", "ko_nsmc_reviews", "en_tinyshakespeare")
SIZES = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)


def main() -> None:
    """Measure and print."""
    print(
        "| text | words | different words | held-out words unseen | subwords: nats of a word |\n|---|---|---|---|---|"
    )
    for name in TEXTS:
        lines = lines_of((Path(os.environ["FITSERVE_DATA_DIR"]) / f"{name}.txt").read_text())
        for size in SIZES:
            different, unseen, nats = measure(beginning(lines, size))
            print(f"| {name} | {size:,} | {different:,} | {unseen:.0%} | {nats:.1f} |", flush=True)


def beginning(lines: list[str], words: int) -> list[str]:
    """The first lines that have so many words together."""
    totals = np.cumsum([len(line.split()) for line in lines])
    return lines[: int(np.searchsorted(totals, words)) + 1]


def measure(lines: list[str]) -> tuple[int, float, float]:
    """Different words, the share of held-out ones that were not seen, and the nats of a held-out word in subwords."""
    known = {word: place for place, word in enumerate(dict.fromkeys(word for line in lines for word in words_of(line)))}
    whole = divide([np.array([known[word] for word in words_of(line)], np.int64) for line in lines], few=20)
    seen = np.unique(np.concatenate(whole.train))
    tested = np.concatenate(whole.test)
    vocabulary = build("subwords", lines, None)
    pieces = divide([np.array(vocabulary.encode(line), np.int64) for line in lines], few=20)
    trigrams = KneserNey(pieces.train, len(vocabulary.token_bytes))
    nats = trigrams.nats(pieces.test).sum() / (len(tested) + len(whole.test))
    return len(known), float((~np.isin(tested, seen)).mean()), float(nats)


if __name__ == "__main__":
    main()

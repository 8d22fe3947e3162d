"""Which scripts a vocabulary has learned: from letters of another one, no text of it can follow in earnest."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

from app.families.text.vocabulary import Vocabulary

LEAST = 0.01  # of the tokens with letters: a few foreign letters are in every corpus
NAMES = {"CJK": "Han"}
WIDTHS = ("FULLWIDTH", "HALFWIDTH")


@cache
def script_of(letter: str) -> str:
    """Hangul, Latin, Han …, by the letter's name in Unicode."""
    first, *others = unicodedata.name(letter, "unnamed").split()
    first = others[0] if first in WIDTHS and others else first
    return NAMES.get(first, first.capitalize())


def scripts_in(text: str) -> list[str]:
    """The scripts of a text's letters, in order."""
    return list(dict.fromkeys(script_of(letter) for letter in text if letter.isalpha()))


def known_scripts(vocabulary: Vocabulary) -> list[str]:
    """The scripts of its tokens, the most frequent first; that a single byte is a token was not learned."""
    spelled = [spelling.decode(errors="ignore") for spelling in vocabulary.token_bytes]
    chosen = [text for text in spelled if len(text.encode()) > 1] if vocabulary.kind == "subwords" else spelled
    found = Counter(script for text in chosen for script in scripts_in(text))
    tokens = sum(any(map(str.isalpha, text)) for text in chosen)
    return [script for script, times in found.most_common() if times >= LEAST * tokens]


def unknown_scripts_in(text: str, known: Sequence[str]) -> list[str]:
    """The scripts in a text that are not among those that are known."""
    return [script for script in scripts_in(text) if script not in known]

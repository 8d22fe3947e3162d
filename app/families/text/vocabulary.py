"""Vocabularies: text becomes tokens and back, by whole words, by pieces of words or by characters.

Token 0 is the line's end and, read before the first token, its beginning. Words are what spaces part, whatever the
tokens are; so a continuation is a list of words for every kind, and one space joins them.
"""

import json
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import Damaged
from app.families.text.text_cleaning import lines_of, word_offsets, words_of

VOCABULARY = "vocabulary.json"
END = 0
UNKNOWN = 1  # of words and characters: what is too rare for a token of its own; read, but never written
END_NAME, UNKNOWN_NAME = "<end>", "<unknown>"
SPACE = " "
LARGEST = {"words": 20_000, "subwords": 2_000, "characters": 5_000}
BYTES = 256


class Vocabulary(Protocol):
    """Tokens with their ids. `token_bytes` has each token's bytes without the space before it; `word_start_mask`
    (size,) bool says which tokens may follow a finished word: those that begin one, and the line's end;
    `suppressed_tokens` are never written.

    A word is finished when the next token starts another one, or at once if `whole_word_tokens`: a token is a word
    then.
    """

    kind: str
    whole_word_tokens: bool
    token_bytes: list[bytes]
    word_start_mask: NDArray[np.bool_]
    suppressed_tokens: tuple[int, ...]

    def encode(self, line: str) -> list[int]:
        """The tokens of a line without its end."""

    def offsets(self, word: str) -> list[int]:
        """Where in a word, parted from others by spaces, each of its tokens begins, in characters."""

    def unknown_words(self, line: str) -> list[str]:
        """The words of a line that are not in the vocabulary."""

    def content(self) -> dict[str, Any]:
        """What `load` makes it from again, fit for JSON."""


@dataclass
class WordVocabulary:
    """Every word is a token: case folded, without punctuation, as Keras's Tokenizer has it."""

    tokens: Sequence[str]  # ids 2 and up
    kind: str = "words"
    whole_word_tokens: bool = True
    suppressed_tokens: tuple[int, ...] = (UNKNOWN,)
    _ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = {token: UNKNOWN + 1 + place for place, token in enumerate(self.tokens)}
        self.token_bytes = [b"", b"", *(token.encode() for token in self.tokens)]
        self.word_start_mask = np.ones(len(self.token_bytes), bool)

    def encode(self, line: str) -> list[int]:
        """The words' ids; UNKNOWN for what is not in the vocabulary."""
        return [self._ids.get(word, UNKNOWN) for word in words_of(line)]

    def offsets(self, word: str) -> list[int]:
        """Where words begin within what may have punctuation in it."""
        return word_offsets(word)

    def unknown_words(self, line: str) -> list[str]:
        """The words as they were written of which no part is known."""
        return [word for word in line.split() if any(part not in self._ids for part in words_of(word))]

    def content(self) -> dict[str, Any]:
        """The words, most frequent first."""
        return {"kind": self.kind, "tokens": list(self.tokens)}


@dataclass
class CharacterVocabulary:
    """Every character is a token, the space too: of Hangul, whole syllables."""

    tokens: Sequence[str]  # ids 2 and up
    kind: str = "characters"
    whole_word_tokens: bool = False
    suppressed_tokens: tuple[int, ...] = (UNKNOWN,)
    _ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = {token: UNKNOWN + 1 + place for place, token in enumerate(self.tokens)}
        self.token_bytes = [b"", b"", *(token.strip().encode() for token in self.tokens)]
        self.word_start_mask = np.zeros(len(self.token_bytes), bool)
        self.word_start_mask[[END, *(self._ids[SPACE],) * (SPACE in self._ids)]] = True

    def encode(self, line: str) -> list[int]:
        """The characters' ids; UNKNOWN for what is not in the vocabulary."""
        return [self._ids.get(character, UNKNOWN) for character in line]

    def offsets(self, word: str) -> list[int]:
        """Every character's own place."""
        return list(range(len(word)))

    def unknown_words(self, line: str) -> list[str]:
        """The words with a character that is not known."""
        return [word for word in line.split() if any(character not in self._ids for character in word)]

    def content(self) -> dict[str, Any]:
        """The characters, most frequent first."""
        return {"kind": self.kind, "tokens": list(self.tokens)}


class SubwordVocabulary:
    """Pieces of words that are frequent together (byte-level BPE): any text has its pieces, down to single bytes."""

    kind = "subwords"
    whole_word_tokens = False
    suppressed_tokens: tuple[int, ...] = ()

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        tokenizer.encode_special_tokens = True  # who writes `<end>` means these five characters
        letters = _letters()
        by_id = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        names = [name for name, _ in by_id]
        spelled = [b"" if name == END_NAME else bytes(letters[letter] for letter in name) for name in names]
        self.word_start_mask = np.array([token.startswith(b" ") for token in spelled])
        self.word_start_mask[END] = True
        self.token_bytes = [token.removeprefix(b" ") for token in spelled]

    def encode(self, line: str) -> list[int]:
        """The pieces' ids."""
        ids: list[int] = self._tokenizer.encode(line).ids
        return ids

    def offsets(self, word: str) -> list[int]:
        """Where the pieces begin; one that goes on with a character has the place of that character."""
        decoder, offsets, length = getincrementaldecoder("utf-8")(), [], 0
        for token in self.encode(word):
            offsets.append(length)
            length += len(decoder.decode(self.token_bytes[token]))
        return offsets

    def unknown_words(self, line: str) -> list[str]:  # noqa: ARG002  the protocol's
        """None: whatever it is, it has bytes."""
        return []

    def content(self) -> dict[str, Any]:
        """The tokenizer as its library writes it."""
        return {"kind": self.kind, "tokenizer": json.loads(self._tokenizer.to_str())}


def build(kind: str, lines: Sequence[str], size: int | None) -> Vocabulary:
    """The vocabulary of a corpus: at most `size` tokens, the most frequent ones."""
    most = size or LARGEST[kind]
    if kind == "subwords":
        return _learn_subwords(lines, most)
    units: Iterable[str] = (unit for line in lines for unit in (words_of(line) if kind == "words" else line))
    # The most frequent first; of the equally frequent, the one seen first.
    tokens = [token for token, _ in Counter(units).most_common(most - UNKNOWN - 1)]
    return WordVocabulary(tokens) if kind == "words" else CharacterVocabulary(tokens)


def serialized(vocabulary: Vocabulary) -> str:
    """The content of vocabulary.json."""
    return json.dumps({"format": 1, **vocabulary.content()}, ensure_ascii=False)


def load(text: str) -> Vocabulary:
    """The vocabulary in the content of vocabulary.json; raises Damaged."""
    try:
        content = json.loads(text)
        if content["kind"] == "subwords":
            from tokenizers import Tokenizer  # noqa: PLC0415  nobody else needs it

            return SubwordVocabulary(Tokenizer.from_str(json.dumps(content["tokenizer"])))
        kinds: dict[str, type[WordVocabulary] | type[CharacterVocabulary]] = {
            "words": WordVocabulary,
            "characters": CharacterVocabulary,
        }
        return kinds[content["kind"]](content["tokens"])
    except Exception as fault:  # the library raises bare exceptions
        raise Damaged(f"{VOCABULARY} cannot be read: {fault}") from fault


def _learn_subwords(lines: Sequence[str], size: int) -> SubwordVocabulary:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415  nobody else needs it

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=max(size, BYTES + 1),
        special_tokens=[END_NAME],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return SubwordVocabulary(tokenizer)


def _letters() -> dict[str, int]:
    """The byte that each letter stands for in byte-level BPE: printable ones for themselves, others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(BYTES) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(BYTES + place): byte for place, byte in enumerate(others)}


def tokens_of(vocabulary: Vocabulary, text: str) -> tuple[list[int], list[str]]:
    """The tokens of the known words of a text, in order, as one line; and the words that are not known."""
    line = SPACE.join(lines_of(text))
    unknown = vocabulary.unknown_words(line)
    unknown_words = set(unknown)
    return vocabulary.encode(SPACE.join(word for word in line.split() if word not in unknown_words)), unknown

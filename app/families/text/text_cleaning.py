"""Text as people have it becomes lines of one Unicode form, without what cannot be seen."""

import re
import unicodedata
from pathlib import Path

from app.errors import InvalidRequest
from app.families.text.encodings import decode

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # what Keras's Tokenizer takes out
# Byte order marks, soft hyphens, zero-width spaces, and marks of direction. Joiners are dealt with one by one.
INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
JOINER = re.compile("[\u200c\u200d]+")
BLANKS = str.maketrans({"\u3164": " ", "\uffa0": " "})  # Hangul's fillers, which look like spaces
WORD = re.compile(r"\S+")
FEWEST_WORDS = 2  # different ones: from one nothing can be foretold


def normalised(text: str) -> str:
    """A text in Unicode's composed form (NFC), without characters that cannot be seen and change no letter.

    A joiner stays where it shows: between the signs of an emoji, behind a sign that an Indic script puts upon a
    letter, and among Arabic letters.
    """
    visible = INVISIBLE.sub("", text.translate(BLANKS))
    return unicodedata.normalize("NFC", JOINER.sub(_joined, visible))


def _joined(joiners: re.Match[str]) -> str:
    before, after = joiners.string[: joiners.start()][-1:], joiners.string[joiners.end() :][:1]
    if not before or not after or after.isspace():
        return ""
    shows = unicodedata.category(before) in ("Mn", "Mc", "So", "Sk") or unicodedata.bidirectional(before) == "AL"
    return joiners.group()[0] if shows else ""


def lines_of(text: str) -> list[str]:
    """The lines that are not empty, `normalised`, words parted by single spaces."""
    lines = (" ".join(line.split()) for line in normalised(text).splitlines())
    return [line for line in lines if line]


def words_of(line: str) -> list[str]:
    """The words of a line as Keras's Tokenizer finds them: case folded, punctuation of any script gone."""
    return line.casefold().translate(_SPACES).split()


def word_offsets(line: str) -> list[int]:
    """Where in a line each of its `words_of` begins, in characters; folding may make several of one."""
    folded = [(letter, offset) for offset, character in enumerate(line) for letter in character.casefold()]
    spaced = "".join(letter for letter, _ in folded).translate(_SPACES)
    return [folded[word.start()][1] for word in WORD.finditer(spaced)]


def check_text(text: str, name: str) -> None:
    """Raise InvalidRequest unless the text has something to learn from."""
    known: set[str] = set()
    for line in text.splitlines():
        known.update(words_of(normalised(line)))
        if len(known) >= FEWEST_WORDS:
            return
    found = f"only the word {known.pop()[:40]!r}" if known else "no word"
    raise InvalidRequest(f"{name} has {found}; at least {FEWEST_WORDS} different words are needed")


def check_file(path: Path, name: str | None = None) -> None:
    """Raise InvalidRequest, naming `name` or the file itself, unless the file is a text to learn from."""
    name = name or path.name
    check_text(decode(path.read_bytes(), name).text, name)


class _Spaces(dict[int, str]):
    """Translates punctuation into spaces, deciding on each character once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        strange = character in KERAS_FILTERS or (unicodedata.category(character)[0] == "P" and character != "'")
        self[code] = " " if strange else character
        return self[code]


_SPACES = _Spaces()

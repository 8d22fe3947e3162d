"""Text as people have it: bytes become lines of one Unicode form, and what is no text is refused."""

import re
import unicodedata
from pathlib import Path

from app.errors import InvalidRequest

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # what Keras's Tokenizer takes out
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")  # nobody writes these
WORD = re.compile(r"\S+")
FEWEST_WORDS = 2  # different ones: from one nothing can be foretold


def read_text(content: bytes, name: str) -> str:
    """The text in some bytes, without a byte order mark; raises InvalidRequest, naming `name`, when there is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise InvalidRequest(f"{name} is not UTF-8: byte {fault.start} does not fit; expected plain text") from None
    if CONTROLS.search(text):
        raise InvalidRequest(f"{name} holds control characters, as binary files do; expected plain text")
    return text


def lines_of(text: str) -> list[str]:
    """The lines that are not empty, in Unicode's composed form (NFC), words parted by single spaces."""
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    return [line for line in lines if line]


def words_of(line: str) -> list[str]:
    """The words of a line as Keras's Tokenizer finds them: case folded, punctuation of any script gone."""
    return line.casefold().translate(_SPACES).split()


def word_places(line: str) -> list[int]:
    """Where in a line each of its `words_of` begins, in characters; folding may make several of one."""
    folded = [(letter, place) for place, character in enumerate(line) for letter in character.casefold()]
    spaced = "".join(letter for letter, _ in folded).translate(_SPACES)
    return [folded[word.start()][1] for word in WORD.finditer(spaced)]


def check_text(text: str, name: str) -> None:
    """Raise InvalidRequest unless the text has something to learn from."""
    known: set[str] = set()
    for line in text.splitlines():
        known.update(words_of(unicodedata.normalize("NFC", line)))
        if len(known) >= FEWEST_WORDS:
            return
    found = f"only the word {known.pop()[:40]!r}" if known else "no word"
    raise InvalidRequest(f"{name} has {found}; at least {FEWEST_WORDS} different words are needed")


def check_file(path: Path, name: str | None = None) -> None:
    """Raise InvalidRequest, naming `name` or the file itself, unless the file is a text to learn from."""
    name = name or path.name
    check_text(read_text(path.read_bytes(), name), name)


class _Spaces(dict[int, str]):
    """Translates punctuation into spaces, deciding on each character once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        strange = character in KERAS_FILTERS or (unicodedata.category(character)[0] == "P" and character != "'")
        self[code] = " " if strange else character
        return self[code]


_SPACES = _Spaces()

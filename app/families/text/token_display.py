"""How tokens appear in a text: the bytes of each, the name that people are told, and where those of a text begin."""

from app.families.text.text_cleaning import WORD
from app.families.text.vocabulary import END, END_NAME, SPACE, UNKNOWN_NAME, Characters, Vocabulary

NEW_LINE = b"\n"
STRANGE = "\N{REPLACEMENT CHARACTER}".encode()  # in place of what had no token


def texts_of(vocabulary: Vocabulary) -> list[bytes]:
    """The bytes of each token as they stand in a text: with the space before a word, a new line for a line's end."""
    spellings = list(vocabulary.spellings)
    for token in vocabulary.silent:
        spellings[token] = STRANGE
    texts = [SPACE.encode() * bool(vocabulary.starts[token]) + spelling for token, spelling in enumerate(spellings)]
    texts[END] = NEW_LINE
    return texts


def names_of(vocabulary: Vocabulary) -> list[str]:
    """What people are told of each token: its text; where that has bytes that are no character, `bytes:` and them."""
    names = [shown(text) for text in texts_of(vocabulary)]
    names[END] = END_NAME
    for token in vocabulary.silent:
        names[token] = UNKNOWN_NAME
    return names


def shown(text: bytes) -> str:
    """Bytes as text or, if they are none, as `bytes:`, printable ASCII and, of all others, `\\x` and two digits."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        letters = (chr(byte) if 0x20 <= byte < 0x7F and chr(byte) != "\\" else f"\\x{byte:02x}" for byte in text)
        return f"bytes:{''.join(letters)}"


def places_of(vocabulary: Vocabulary, text: str) -> list[int]:
    """Where in a `composed` text each of its `tokens_of` begins, in characters, the space before a word included."""
    strangers = set(vocabulary.unknown(text))
    places: list[int] = []
    for word in WORD.finditer(text):
        if word.group() in strangers:
            continue
        if isinstance(vocabulary, Characters) and places:  # the space is a token of its own
            places.append(word.start() - 1)
        begun = zip(vocabulary.encode(word.group()), vocabulary.places(word.group()), strict=True)
        places += [_with_space(text, word.start() + place, bool(vocabulary.starts[token])) for token, place in begun]
    return places


def _with_space(text: str, place: int, starts: bool) -> int:
    return place - 1 if starts and place > 0 and text[place - 1].isspace() else place

"""How tokens appear in a text: the bytes of each, the name that people are told, and where those of a text begin."""

from app.families.text.text_cleaning import WORD
from app.families.text.vocabulary import END, END_NAME, SPACE, UNKNOWN_NAME, CharacterVocabulary, Vocabulary

NEW_LINE = b"\n"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()  # in place of what had no token


def token_texts(vocabulary: Vocabulary) -> list[bytes]:
    """The bytes of each token as they stand in a text: with the space before a word, a new line for a line's end."""
    token_bytes = list(vocabulary.token_bytes)
    for token in vocabulary.suppressed_tokens:
        token_bytes[token] = REPLACEMENT
    texts = [
        SPACE.encode() * bool(vocabulary.word_start_mask[token]) + spelling
        for token, spelling in enumerate(token_bytes)
    ]
    texts[END] = NEW_LINE
    return texts


def token_names(vocabulary: Vocabulary) -> list[str]:
    """What people are told of each token: its text; where that has bytes that are no character, `bytes:` and them."""
    names = [printable_bytes(text) for text in token_texts(vocabulary)]
    names[END] = END_NAME
    for token in vocabulary.suppressed_tokens:
        names[token] = UNKNOWN_NAME
    return names


def printable_bytes(text: bytes) -> str:
    """Bytes as text or, if they are none, as `bytes:`, printable ASCII and, of all others, `\\x` and two digits."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        letters = (chr(byte) if 0x20 <= byte < 0x7F and chr(byte) != "\\" else f"\\x{byte:02x}" for byte in text)
        return f"bytes:{''.join(letters)}"


def token_offsets(vocabulary: Vocabulary, text: str) -> list[int]:
    """Where in a `composed` text each of its `tokens_of` begins, in characters, the space before a word included."""
    unknown_words = set(vocabulary.unknown_words(text))
    offsets: list[int] = []
    for word in WORD.finditer(text):
        if word.group() in unknown_words:
            continue
        if isinstance(vocabulary, CharacterVocabulary) and offsets:  # the space is a token of its own
            offsets.append(word.start() - 1)
        begun = zip(vocabulary.encode(word.group()), vocabulary.offsets(word.group()), strict=True)
        offsets += [
            _with_space(text, word.start() + offset, bool(vocabulary.word_start_mask[token])) for token, offset in begun
        ]
    return offsets


def _with_space(text: str, offset: int, starts: bool) -> int:
    return offset - 1 if starts and offset > 0 and text[offset - 1].isspace() else offset

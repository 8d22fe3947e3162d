"""A guess at the encoding of bytes by what is frequent in each language: for an error that says how to convert them."""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ENOUGH = 0.9  # of the letters
DAMAGED = 0.05  # at most so much of a text may not fit that is still called by its encoding

SYLLABLES = frozenset(
    b"".join(bytes((lead, trail)) for lead in range(0xB0, 0xC9) for trail in range(0xA1, 0xFF)).decode("euc_kr")
)  # the 2,350 of KS X 1001; the others are hardly ever written
COMMON_SYLLABLES = frozenset("이다는을가에의고하지은를한어로도기사나인리아자대서있그시과라수")
COMMON_HAN = frozenset(
    "的一是不了在人有我他这個个們们來来上大為为和國国地到以說说時时要就出會会可也你對对生能而子那得於于著着下自之年"
)
_FREQUENT = SYLLABLES | COMMON_HAN | frozenset("、。，．！？：；「」『』…“”‘’")


@dataclass(frozen=True)
class Guess:
    """An encoding: what people call it, and what `iconv` does; `damaged` where some bytes do not fit."""

    name: str
    iconv: str
    damaged: bool = False


def is_korean(text: str) -> bool:
    """Whether a text that was decoded as CP949 is one: bytes of other encodings give rare syllables and Chinese."""
    letters = _foreign_letters(text)
    usual = _share(letters, SYLLABLES.__contains__)
    return usual >= ENOUGH or _share(letters, COMMON_SYLLABLES.__contains__) >= (0.08 if usual >= 0.5 else 0.12)


def guess(sample: bytes) -> Guess | None:
    """What the beginning of a text is in that is neither UTF-8 nor marked; None when it is no text that we know."""
    for codec in ("utf-16-le", "utf-16-be"):
        if _reads_well(_decoded(sample[: len(sample) // 2 * 2], codec)):
            return Guess("UTF-16 without its byte order mark", codec.upper().replace("-LE", "LE").replace("-BE", "BE"))
    for codec, is_right in (("utf-8", lambda _: True), ("cp949", is_korean)):
        text = _decoded(sample, codec, "replace") or ""
        lost = text.count("\N{REPLACEMENT CHARACTER}")
        if lost <= DAMAGED * len(_foreign_letters(text)) and is_right(text):
            return Guess(codec.upper(), codec.upper(), damaged=True)
    for name, codec, is_right in _OTHERS:
        if (other := _decoded(sample, codec)) is not None and is_right(other):
            return Guess(name, codec.upper())
    return None


def _decoded(sample: bytes, codec: str, errors: str = "strict") -> str | None:
    """The text, whose last character may be cut off."""
    try:
        return codecs.getincrementaldecoder(codec)(errors).decode(sample)
    except UnicodeDecodeError:
        return None


def _foreign_letters(text: str) -> Sequence[str]:
    return [character for character in text if character > "\x7f" and character.isalpha()]


def _share(characters: Sequence[str], is_right: Callable[[str], bool]) -> float:
    """How many of the characters are right; all, where there are none."""
    return sum(map(is_right, characters)) / len(characters) if characters else 1.0


def _reads_well(text: str | None) -> bool:
    """Whether nearly all are letters of East Asia and what ASCII can print, and many of them frequent ones."""
    if not text:
        return False
    usual = [one in _FREQUENT or _is_kana(one) or one.isspace() or "\x20" <= one < "\x7f" for one in text]
    known = [one or "一" <= character <= "龥" for one, character in zip(usual, text, strict=True)]
    return sum(known) >= ENOUGH * len(text) and sum(usual) >= 0.2 * len(text)


def _is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30ff"


def _is_japanese(text: str) -> bool:
    return _has(text, _is_kana, 0.25)


def _is_chinese(text: str) -> bool:
    return _has(text, COMMON_HAN.__contains__, 0.1)


def _is_cyrillic(text: str) -> bool:
    return _has(text, lambda letter: "а" <= letter <= "ё", 0.6) and 2 * len(_foreign_letters(text)) > _letters(text)


def _is_western(text: str) -> bool:
    """Accents are few among plain letters, and what else there is are quotation marks and dashes."""
    strange = [character for character in text if character > "\x7f"]
    usual = _share(strange, lambda one: one in "‘’“”–—…€£§©®°«»·¿¡ \xa0" or "À" <= one <= "ÿ" or one in "ŒœŠšŽžŸ")
    return usual >= ENOUGH and 2 * len(strange) < _letters(text)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _has(text: str, is_right: Callable[[str], bool], least: float) -> bool:
    letters = _foreign_letters(text)
    return bool(letters) and _share(letters, is_right) >= least


_OTHERS: Sequence[tuple[str, str, Callable[[str], bool]]] = (
    ("EUC-JP (Japanese)", "euc-jp", _is_japanese),
    ("Shift-JIS (Japanese)", "cp932", _is_japanese),
    ("GB18030 (Chinese)", "gb18030", _is_chinese),
    ("Big5 (Chinese)", "big5", _is_chinese),
    ("Windows-1251 (Cyrillic)", "cp1251", _is_cyrillic),
    ("KOI8-R (Cyrillic)", "koi8-r", _is_cyrillic),
    ("Windows-1252 (Western European)", "cp1252", _is_western),
)

"""How the bytes of a text are read: UTF-8, UTF-16 or UTF-32 by their mark, and CP949, in which Korean Windows writes.

Whatever else it is, is refused with the encoding that it seems to be in, and how to convert it.
"""

import codecs
import re
from dataclasses import dataclass

from app.errors import InvalidRequest
from app.families.text.encoding_detection import guess, is_korean

# UTF-32 comes first: its mark in little endian begins with that of UTF-16
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UNMARKED = ("utf-8", "cp949")
LONGEST_MARK = 4
SAMPLE_BYTES = 1 << 16  # that are looked at to guess an encoding
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")  # nobody writes these
EXPECTED = "expected plain text in UTF-8, in UTF-16 with its byte order mark, or in CP949"


@dataclass(frozen=True)
class Decoded:
    """A text without its mark, and the encoding of its bytes: `utf-8`, `utf-16`, `utf-32` or `cp949`."""

    text: str
    encoding: str


def decode(content: bytes, name: str) -> Decoded:
    """The text in some bytes; raises InvalidRequest, naming `name`, when there is none."""
    encoding = _marked(content) or "utf-8"
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as fault:
        korean = _as_cp949(content) if encoding == "utf-8" else None
        if korean is None:
            raise invalid_text(f"{name} is not {encoding.upper()}: byte {fault.start} does not fit", content) from None
        return Decoded(korean, "cp949")
    if CONTROLS.search(text):
        raise invalid_text(f"{name} holds control characters, as binary files do", content)
    return Decoded(text, encoding)


def invalid_text(fault: str, beginning: bytes) -> InvalidRequest:
    """An error for what cannot be read, with what to do about it, as far as its beginning tells."""
    if _marked(beginning) or not (found := guess(beginning[:SAMPLE_BYTES])):
        return InvalidRequest(f"{fault}; {EXPECTED}")
    convert = f"iconv {'-c ' if found.damaged else ''}-f {found.iconv} -t UTF-8 OLD.txt > NEW.txt"
    seems = f"it seems to be {found.name}{', but for some bytes' if found.damaged else ''}"
    return InvalidRequest(f"{fault}; {seems}. Save it as UTF-8 in an editor, or convert it: {convert}")


class TextCheck:
    """Looks at a text piece by piece, and raises InvalidRequest at the first byte that fits no encoding."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._beginning = b""
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}

    def add(self, content: bytes, *, final: bool = False) -> None:
        """Look at what comes next; with `final` nothing more does."""
        if not self._decoders:
            content, self._beginning = self._beginning + content, b""
        self._beginning += content[: SAMPLE_BYTES - len(self._beginning)]
        if not self._decoders:
            if len(content) < LONGEST_MARK and not final:
                return
            marked = _marked(content)
            self._decoders = {one: codecs.getincrementaldecoder(one)() for one in ((marked,) if marked else UNMARKED)}
        if "utf-8" in self._decoders or "cp949" in self._decoders:
            self._refuse_if(b"\0" in content, "holds zero bytes, as binary files do")
            if content.isascii() and not any(one.getstate()[0] for one in self._decoders.values()):
                return  # in both encodings, and a tenth of the cost
        for encoding, decoder in list(self._decoders.items()):
            try:
                decoder.decode(content, final)
            except UnicodeDecodeError:
                del self._decoders[encoding]
        self._refuse_if(not self._decoders, f"is not {(_marked(self._beginning) or 'utf-8').upper()}")

    def _refuse_if(self, wrong: bool, fault: str) -> None:
        if wrong:
            raise invalid_text(f"{self._name} {fault}", self._beginning)


def _marked(content: bytes) -> str | None:
    return next((encoding for mark, encoding in MARKS.items() if content.startswith(mark)), None)


def _as_cp949(content: bytes) -> str | None:
    """The text, where all of it fits and reads as Korean."""
    try:
        text = content.decode("cp949")
    except UnicodeDecodeError:
        return None
    return text if is_korean(text) and not CONTROLS.search(text) else None

"""Tokens become text: bytes are held until they are whole characters, and the characters are counted."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

SPACE, NEW_LINE = b" ", b"\n"


class Letters:
    """The text that tokens add to what is there, by the bytes in `texts`; bytes that are no character are left out.

    `length` counts the characters so far, from `length` on; `held` are the bytes that may begin another one. The first
    token begins with `gap` in place of its own space, unless that is None; the first of a line begins without one.
    """

    def __init__(self, texts: Sequence[bytes], length: int = 0, gap: bytes | None = b"", held: bytes = b"") -> None:
        self._texts = texts
        self._gap = gap
        self._decoder = getincrementaldecoder("utf-8")(errors="ignore")
        self._decoder.decode(held)
        self.length = length

    def add(self, token: int) -> str:
        """The characters that are whole now."""
        spelling = self._texts[token]
        if self._gap is not None:
            spelling = self._gap + spelling.removeprefix(SPACE)
            self._gap = None
        if spelling == NEW_LINE:
            self._gap = b""
        text = self._decoder.decode(spelling)
        self.length += len(text)
        return text

    def fork(self) -> "Letters":
        """Another one that goes on from here."""
        held, _ = self._decoder.getstate()
        return Letters(self._texts, self.length, self._gap, held)
